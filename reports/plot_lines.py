"""A figure against what grows: connections, hops, instances. Points with their intervals, both axes on log scales.

Where there is no figure, because the generator was saturated or nothing was timed, a cross at the foot of the plot says
so, and the line has no point there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reports.labels import name_right
from reports.plot_frame import Style, canvas, log_limits, log_place, ticks, time_ticks, value_ticks
from reports.svg import inline

_FOOT, _STEP = 0.035, 0.055
_SMALLEST = 1e-6


@dataclass(frozen=True, kw_only=True)
class Point:
    """`low` to `high`: the interval, where there is one."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Line:
    """`missing`: where it was to be measured and has no figure. `points` are in rising order and at least one."""

    label: str
    style: Style
    points: tuple[Point, ...]
    missing: tuple[float, ...] = ()


def against(
    lines: Sequence[Line], *, x_label: str, times: bool, prefix: str, title: str, x_words: str = "{:,g}"
) -> str:
    """Inline SVG. `times`: the values are nanoseconds. `x_words`: how a place on the x axis is written."""
    figure, axes = canvas(left=62, right=108, top=14, bottom=42)
    for row, line in enumerate(lines):
        _draw(axes, line)
        axes.plot(
            line.missing,
            [_FOOT + _STEP * row] * len(line.missing),
            transform=axes.get_xaxis_transform(),
            color=line.style.ink,
            linestyle="none",
            marker="x",
            markersize=6,
            markeredgewidth=1.6,
            clip_on=False,
        )
    values = [
        value
        for line in lines
        for point in line.points
        for value in (point.y, point.low, point.high)
        if value is not None
    ]
    low, high = log_limits(values, least=_SMALLEST)
    if any(line.missing for line in lines):
        low /= (high / low) ** (_FOOT + _STEP * len(lines))
    xs = sorted({x for line in lines for x in (*line.missing, *(point.x for point in line.points))})
    left, right = max(xs[0], _SMALLEST) / 1.15, max(xs[-1], _SMALLEST) * 1.15
    axes.set(xscale="log", yscale="log", xlim=(left, right), ylim=(low, high), xlabel=x_label)
    ticks(axes.xaxis, [(x, x_words.format(x)) for x in _legible(xs, left, right)])
    ticks(axes.yaxis, time_ticks(low, high, most=7) if times else value_ticks(low, high, most=7))
    ends = [(line.points[-1].x, line.points[-1].y) for line in lines]
    places = [(log_place(x, left, right), log_place(max(y, _SMALLEST), low, high)) for x, y in ends]
    name_right(axes, [line.label for line in lines], places, colours=[line.style.ink for line in lines])
    return inline(figure, prefix=prefix, title=title)


def _draw(axes: Any, line: Line) -> None:
    xs, ys = [point.x for point in line.points], [max(point.y, _SMALLEST) for point in line.points]
    axes.plot(xs, ys, color=line.style.ink, linestyle=line.style.line, linewidth=2.0, zorder=3)
    axes.plot(xs, ys, color=line.style.ink, linestyle="none", marker="o", markersize=4.5, zorder=4)
    for point in line.points:
        if point.low is not None and point.high is not None:
            axes.plot(
                [point.x] * 2,
                [max(point.low, _SMALLEST), point.high],
                color=line.style.ink,
                linewidth=5,
                alpha=0.3,
                solid_capstyle="butt",
                zorder=2,
            )


def _legible(xs: Sequence[float], left: float, right: float) -> list[float]:
    """Those far enough from the one before to be read; the last one always."""
    kept: list[float] = []
    for x in reversed(xs):
        if not kept or log_place(kept[-1], left, right) - log_place(x, left, right) > 0.1:
            kept.append(x)
    return kept[::-1]
