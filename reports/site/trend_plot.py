"""A figure night by night: a point with its interval, joined to the next where the circumstances are the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from typing import Any

from reports.evidence import visible
from reports.key_figures import NS_PER
from reports.labels import name_right
from reports.plot_frame import Style, canvas, log_limits, log_place, ticks, time_ticks, value_ticks
from reports.svg import QUIET, inline

_HEIGHT_PT = 210.0
_MOST_DATES = 5
_SMALLEST = 1e-6
_MARGIN = 0.04


@dataclass(frozen=True, kw_only=True)
class Point:
    """`night`: which one, counted from the first; `setting`: its circumstances, by number; `unit`: of the value."""

    night: int
    when: datetime
    setting: int
    unit: str
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Line:
    """`points`: in the order of the nights, at least one."""

    label: str
    style: Style
    points: tuple[Point, ...]


def nights_plot(lines: Sequence[Line], *, prefix: str, title: str) -> str:
    """Inline SVG; the value on a log scale, time on a plain one, a dotted upright where the circumstances change."""
    figure, axes = canvas(left=62, right=108, top=12, bottom=30, height=_HEIGHT_PT)
    scale = _scale(lines)
    values = [each for line in lines for point in line.points for each in _heights(point, scale)]
    low, high = log_limits(values, least=_SMALLEST)
    moments = sorted({point.when for line in lines for point in line.points})
    first, last = _span(moments)
    axes.set(yscale="log", xlim=(0, 1), ylim=(low, high))
    ticks(axes.yaxis, (time_ticks if scale else value_ticks)(low, high, most=5))
    ticks(axes.xaxis, [(_place(each, first, last), f"{each:%b} {each.day}") for each in _legible(moments, first, last)])
    for place in _changes(lines, first, last):
        axes.axvline(place, color=QUIET, linewidth=1, linestyle=(0, (1, 2)))
    for line in lines:
        _draw(axes, line, scale, first, last)
    ends = [
        (_place(point.when, first, last), log_place(max(_SMALLEST, _height(point, scale)), low, high))
        for point in (line.points[-1] for line in lines)
    ]
    names = [visible(line.label) for line in lines]
    name_right(axes, names, ends, colours=[line.style.ink for line in lines])
    return inline(figure, prefix=prefix, title=title)


def _scale(lines: Sequence[Line]) -> dict[str, float]:
    """Nanoseconds of each unit when all values are times; empty when they are of one other kind."""
    units = {point.unit for line in lines for point in line.points}
    return NS_PER if units <= NS_PER.keys() else {}


def _height(point: Point, scale: dict[str, float]) -> float:
    return point.value * scale.get(point.unit, 1.0)


def _heights(point: Point, scale: dict[str, float]) -> Iterator[float]:
    factor = scale.get(point.unit, 1.0)
    yield from (each * factor for each in (point.value, point.low, point.high) if each is not None)


def _span(moments: Sequence[datetime]) -> tuple[datetime, datetime]:
    """A day at least, so that one night has a place."""
    first, last = moments[0].astimezone(UTC), moments[-1].astimezone(UTC)
    missing = max(timedelta(), timedelta(days=1) - (last - first)) / 2
    return first - missing, last + missing


def _place(moment: datetime, first: datetime, last: datetime) -> float:
    return _MARGIN + (1 - 2 * _MARGIN) * ((moment - first) / (last - first))


def _legible(moments: Sequence[datetime], first: datetime, last: datetime) -> list[datetime]:
    """Nights whose dates do not run into each other, the newest always, and each date once."""
    kept: list[datetime] = []
    for each in reversed(moments):
        apart = not kept or _place(kept[-1], first, last) - _place(each, first, last) >= 0.9 / _MOST_DATES
        if apart and (not kept or each.date() != kept[-1].date()):
            kept.append(each)
    return kept[::-1]


def _changes(lines: Sequence[Line], first: datetime, last: datetime) -> list[float]:
    """Where the circumstances changed: halfway between two nights."""
    settings = dict(sorted((point.when, point.setting) for line in lines for point in line.points))
    return [
        (_place(one, first, last) + _place(other, first, last)) / 2
        for (one, before), (other, after) in pairwise(settings.items())
        if before != after
    ]


def stretches(points: Sequence[Point]) -> list[tuple[Point, ...]]:
    """The points that are joined: of nights that follow each other under the same circumstances."""
    # Within such a stretch the night's number and the place among the points grow alike.
    groups = groupby(enumerate(points), key=lambda pair: (pair[1].setting, pair[1].night - pair[0]))
    return [tuple(point for _, point in group) for _, group in groups]


def _draw(axes: Any, line: Line, scale: dict[str, float], first: datetime, last: datetime) -> None:
    ink = line.style.ink
    for points in stretches(line.points):
        xs = [_place(point.when, first, last) for point in points]
        ys = [max(_SMALLEST, _height(point, scale)) for point in points]
        axes.plot(xs, ys, color=ink, linestyle=line.style.line, linewidth=1.6, zorder=3)
        axes.plot(xs, ys, color=ink, linestyle="none", marker="o", markersize=4, zorder=4)
        for x, point in zip(xs, points, strict=True):
            if point.low is not None and point.high is not None:
                factor = scale.get(point.unit, 1.0)
                ends = [max(_SMALLEST, point.low * factor), point.high * factor]
                axes.plot([x, x], ends, color=ink, linewidth=5, alpha=0.3, solid_capstyle="butt", zorder=2)
