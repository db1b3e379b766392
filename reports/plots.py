"""The two plots of a scenario: how many requests were done by when, and how slow the slowest few were.

Every line is told apart by colour and by dash, and is named at its own end; nobody has to look a line up in a legend.
Thin lines are single launches, the thick line all launches together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from reports.labels import TEXT_PT, name_above, name_right
from reports.quantities import tick
from reports.svg import QUIET, RULE, SERIES, inline

Curve = tuple[tuple[float, int], ...]
Segment = tuple[list[float], list[float]]

_WIDTH_PT, _HEIGHT_PT = 400.0, 280.0
_DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.6)),
    (0, (1.2, 1.4)),
    (0, (7, 1.6, 1.4, 1.6)),
    (0, (3, 3)),
    (0, (9, 2, 3, 2)),
)
_PERCENTILES = ((2, "50 %"), (10, "90 %"), (100, "99 %"), (1_000, "99.9 %"), (10_000, "99.99 %"), (100_000, "99.999 %"))


@dataclass(frozen=True, kw_only=True)
class Series:
    """One line of a plot: (fraction at or below, nanoseconds), all launches together and each. `count`: samples."""

    label: str
    count: int
    curve: Curve
    launches: tuple[Curve, ...] = ()


def distribution(series: Sequence[Series], *, prefix: str, title: str) -> str:
    """The cumulative distribution: x is time on a log scale, y the share of samples done by then. Inline SVG."""
    figure, axes = _canvas(left=48, right=18, top=20 + 15 * min(3, len(series)), bottom=42)
    ends = []
    for place, each in enumerate(series):
        for launch in each.launches:
            _draw(axes, _times_and_shares(launch), place, thick=False)
        times, shares = _times_and_shares(each.curve)
        _draw(axes, (times, shares), place, thick=True)
        ends.append((times[-1], shares[-1]))
    low, high = _log_limits([value for each in series for _, value in each.curve])
    axes.set(xscale="log", xlim=(low, high), ylim=(0, 100), xlabel="time, log scale", ylabel="samples done, %")
    _ticks(axes.xaxis, _time_ticks(low, high, most=6))
    _ticks(axes.yaxis, [(share, f"{share}") for share in (0, 25, 50, 75, 100)])
    places = [(_log_place(time, low, high), share / 100) for time, share in ends]
    name_above(axes, [each.label for each in series], places, colours=SERIES)
    return inline(figure, prefix=prefix, title=title)


def percentiles(series: Sequence[Series], *, prefix: str, title: str) -> str:
    """Time against x = 1/(1-p), both on log scales: every power of ten is ten times as rare. Inline SVG."""
    figure, axes = _canvas(left=62, right=108, top=14, bottom=42)
    ends = []
    for place, each in enumerate(series):
        for launch in each.launches:
            _draw(axes, _rarity_and_times(launch, max(2, each.count // len(each.launches))), place, thick=False)
        rarities, times = _rarity_and_times(each.curve, each.count)
        _draw(axes, (rarities, times), place, thick=True)
        ends.append((rarities[-1], times[-1]))
    rarest = max(10.0, *(rarity for rarity, _ in ends)) * 1.08
    curves = [curve for each in series for curve in (each.curve, *each.launches)]
    low, high = _log_limits([value for curve in curves for _, value in curve])
    axes.set(xscale="log", yscale="log", xlim=(1, rarest), ylim=(low, high), xlabel="percentile, at 1 / (1 - p)")
    _ticks(axes.xaxis, [pair for pair in _PERCENTILES if pair[0] <= rarest])
    _ticks(axes.yaxis, _time_ticks(low, high, most=8))
    places = [(_log_place(rarity, 1, rarest), _log_place(time, low, high)) for rarity, time in ends]
    name_right(axes, [each.label for each in series], places, colours=SERIES)
    return inline(figure, prefix=prefix, title=title)


def _canvas(*, left: float, right: float, top: float, bottom: float) -> tuple[Figure, Any]:
    """Axes with room around them, in points."""
    figure = Figure(figsize=(_WIDTH_PT / 72, _HEIGHT_PT / 72))
    axes = figure.add_axes(
        (
            left / _WIDTH_PT,
            bottom / _HEIGHT_PT,
            1 - (left + right) / _WIDTH_PT,
            1 - (top + bottom) / _HEIGHT_PT,
        )
    )
    axes.grid(visible=True, color=RULE, linewidth=0.7)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(QUIET)
    axes.tick_params(which="both", length=0, labelsize=TEXT_PT, labelcolor=QUIET, pad=5)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set(color=QUIET, fontsize=TEXT_PT)
    return figure, axes


def _draw(axes: Any, line: Segment, place: int, *, thick: bool) -> None:
    axes.plot(
        *line,
        color=SERIES[place % len(SERIES)],
        linestyle=_DASHES[(place + place // len(SERIES)) % len(_DASHES)] if thick else "-",
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


def _log_place(value: float, low: float, high: float) -> float:
    """Where a value lies on a log axis: 0 at its low end, 1 at its high end."""
    return math.log(value / low) / math.log(high / low)


def _log_limits(durations_ns: Sequence[float]) -> tuple[float, float]:
    """A little air on both ends, and never less than a factor of two: noise must not look like a cliff."""
    low, high = max(1, min(durations_ns)), max(1, *durations_ns)
    missing = max(1.0, 2 / (high / low)) ** 0.5
    return low / 1.12 / missing, high * 1.12 * missing


def _time_ticks(low: float, high: float, *, most: int) -> list[tuple[float, str]]:
    """Round times between two durations: as many of 1, 2, 5 times a power of ten as are legible."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for steps in ((1, 2, 3, 4, 5, 6, 8), (1, 2, 5), (1,)):
        found = [step * 10.0**exponent for exponent in exponents for step in steps]
        found = [each for each in found if low <= each <= high]
        if len(found) <= most:
            break
    return [(each, tick(each)) for each in found]


def _ticks(axis: Any, ticks: Sequence[tuple[float, str]]) -> None:
    axis.set_ticks([place for place, _ in ticks], [text for _, text in ticks])
    axis.set_ticks([], minor=True)
