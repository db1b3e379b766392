"""What all plots have in common: room around the axes, quiet lines, round ticks, and a style for each line.

Every line is told apart by colour and by dash, and is named at its own end; nobody has to look a line up in a legend.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from reports.labels import TEXT_PT
from reports.quantities import significant, tick
from reports.svg import QUIET, RULE, SERIES

WIDTH_PT, HEIGHT_PT = 400.0, 280.0

DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.6)),
    (0, (1.2, 1.4)),
    (0, (7, 1.6, 1.4, 1.6)),
    (0, (3, 3)),
    (0, (9, 2, 3, 2)),
)


@dataclass(frozen=True, kw_only=True)
class Style:
    """Places in the palette and in the list of dashes; both go round."""

    colour: int
    dash: int

    @property
    def ink(self) -> str:
        return SERIES[self.colour % len(SERIES)]

    @property
    def line(self) -> Any:
        return DASHES[self.dash % len(DASHES)]


def style_at(place: int) -> Style:
    """The style of the n-th line of a plot: no two of the first 36 are alike."""
    return Style(colour=place, dash=place + place // len(SERIES))


def canvas(*, left: float, right: float, top: float, bottom: float, height: float = HEIGHT_PT) -> tuple[Figure, Any]:
    """Axes with room around them, in points."""
    figure = Figure(figsize=(WIDTH_PT / 72, height / 72))
    axes = figure.add_axes(
        (left / WIDTH_PT, bottom / height, 1 - (left + right) / WIDTH_PT, 1 - (top + bottom) / height)
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


def log_place(value: float, low: float, high: float) -> float:
    """Where a value lies on a log axis: 0 at its low end, 1 at its high end."""
    return math.log(value / low) / math.log(high / low)


def log_limits(values: Sequence[float], *, least: float = 1.0) -> tuple[float, float]:
    """A little air on both ends, and never less than a factor of two: noise must not look like a cliff.

    `least`: what a log axis shows of anything smaller, 0 above all.
    """
    low, high = max(least, min(values)), max(least, *values)
    missing = max(1.0, 2 / (high / low)) ** 0.5
    return low / 1.12 / missing, high * 1.12 * missing


def time_ticks(low: float, high: float, *, most: int) -> list[tuple[float, str]]:
    """Round times between two durations in nanoseconds."""
    return [(each, tick(each)) for each in round_values(low, high, most=most)]


def value_ticks(low: float, high: float, *, most: int) -> list[tuple[float, str]]:
    """Round numbers between two: 5, 200, 10k."""
    return [(each, _short(each)) for each in round_values(low, high, most=most)]


def round_values(low: float, high: float, *, most: int) -> list[float]:
    """As many of 1, 2, 5 times a power of ten as are legible."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for steps in ((1, 2, 3, 4, 5, 6, 8), (1, 2, 5), (1, 3), (1,)):
        found = [step * 10.0**exponent for exponent in exponents for step in steps]
        found = [each for each in found if low <= each <= high]
        if len(found) <= most:
            break
    return found


def ticks(axis: Any, found: Sequence[tuple[float, str]]) -> None:
    axis.set_ticks([place for place, _ in found], [text for _, text in found])
    axis.set_ticks([], minor=True)


def _short(value: float) -> str:
    if value >= 10_000:
        return f"{value / 1_000:,.6g}k"
    return f"{value:,.6g}" if value >= 1 else significant(value).rstrip("0")
