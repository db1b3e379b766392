"""The two plots of a scenario: how many requests were done by when, and how slow the slowest few were.

Thin lines are single launches, the thick line all launches together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reports.labels import ROW_PT, name_above, name_right, rows_above
from reports.plot_frame import WIDTH_PT, Style, canvas, log_limits, log_place, style_at, ticks, time_ticks
from reports.svg import inline

Curve = tuple[tuple[float, int], ...]
Segment = tuple[list[float], list[float]]

_PERCENTILES = ((2, "50 %"), (10, "90 %"), (100, "99 %"), (1_000, "99.9 %"), (10_000, "99.99 %"), (100_000, "99.999 %"))
_LEFT_PT, _RIGHT_PT = 48.0, 18.0


@dataclass(frozen=True, kw_only=True)
class Series:
    """One line of a plot: (fraction at or below, nanoseconds), all launches together and each.

    `count`: samples. `style`: where it must look the same in several plots; else by its place in this one.
    """

    label: str
    count: int
    curve: Curve
    launches: tuple[Curve, ...] = ()
    style: Style | None = None


def distribution(series: Sequence[Series], *, prefix: str, title: str) -> str:
    """The cumulative distribution: x is time on a log scale, y the share of samples done by then. Inline SVG."""
    styles, labels = _styles(series), [each.label for each in series]
    drawn = [_times_and_shares(each.curve) for each in series]
    low, high = log_limits([value for each in series for _, value in each.curve])
    places = [(log_place(times[-1], low, high), shares[-1] / 100) for times, shares in drawn]
    rows = rows_above(labels, [x for x, _ in places], WIDTH_PT - _LEFT_PT - _RIGHT_PT)
    figure, axes = canvas(left=_LEFT_PT, right=_RIGHT_PT, top=20 + ROW_PT * (max(rows) + 1), bottom=42)
    for each, line, style in zip(series, drawn, styles, strict=True):
        for launch in each.launches:
            _draw(axes, _times_and_shares(launch), style, thick=False)
        _draw(axes, line, style, thick=True)
    axes.set(xscale="log", xlim=(low, high), ylim=(0, 100), xlabel="time, log scale", ylabel="samples done, %")
    ticks(axes.xaxis, time_ticks(low, high, most=6))
    ticks(axes.yaxis, [(share, f"{share}") for share in (0, 25, 50, 75, 100)])
    name_above(axes, labels, places, colours=[style.ink for style in styles])
    return inline(figure, prefix=prefix, title=title)


def percentiles(series: Sequence[Series], *, prefix: str, title: str) -> str:
    """Time against x = 1/(1-p), both on log scales: every power of ten is ten times as rare. Inline SVG."""
    figure, axes = canvas(left=62, right=108, top=14, bottom=42)
    styles, ends = _styles(series), []
    for each, style in zip(series, styles, strict=True):
        for launch in each.launches:
            _draw(axes, _rarity_and_times(launch, max(2, each.count // len(each.launches))), style, thick=False)
        rarities, times = _rarity_and_times(each.curve, each.count)
        _draw(axes, (rarities, times), style, thick=True)
        ends.append((rarities[-1], times[-1]))
    rarest = max(10.0, *(rarity for rarity, _ in ends)) * 1.08
    curves = [curve for each in series for curve in (each.curve, *each.launches)]
    low, high = log_limits([value for curve in curves for _, value in curve])
    axes.set(xscale="log", yscale="log", xlim=(1, rarest), ylim=(low, high), xlabel="percentile, at 1 / (1 - p)")
    ticks(axes.xaxis, [pair for pair in _PERCENTILES if pair[0] <= rarest])
    ticks(axes.yaxis, time_ticks(low, high, most=8))
    places = [(log_place(rarity, 1, rarest), log_place(time, low, high)) for rarity, time in ends]
    name_right(axes, [each.label for each in series], places, colours=[style.ink for style in styles])
    return inline(figure, prefix=prefix, title=title)


def _styles(series: Sequence[Series]) -> list[Style]:
    return [each.style or style_at(place) for place, each in enumerate(series)]


def _draw(axes: Any, line: Segment, style: Style, *, thick: bool) -> None:
    axes.plot(
        *line,
        color=style.ink,
        linestyle=style.line if thick else "-",
        linewidth=2.2 if thick else 0.8,
        alpha=1.0 if thick else 0.4,
        zorder=3 if thick else 2,
        solid_capstyle="round",
    )


def _times_and_shares(curve: Curve) -> Segment:
    """From 0 % at the fastest sample to 100 % at the slowest, which ends a curve whatever fraction it stands at.

    A log axis has no place for a duration of 0.
    """
    points = [(max(1, duration_ns), 100 * fraction) for fraction, duration_ns in curve]
    times, shares = [time for time, _ in points], [share for _, share in points]
    return [times[0], *times, times[-1]], [0.0, *shares, 100.0]


def _rarity_and_times(curve: Curve, count: int) -> Segment:
    """A fraction of 1 lies at infinity; the slowest of n samples is drawn at 2 n, amid the last n-th."""
    points = [(1 / (1 - fraction) if fraction < 1 else 2.0 * count, value) for fraction, value in curve]
    return [rarity for rarity, _ in points], [float(max(1, value)) for _, value in points]
