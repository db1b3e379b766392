"""Plots that are rows: bars made of parts, a part within a whole, and a value with its interval.

What a row is of stands above it, in full length; its figures stand in it or under it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reports.labels import TEXT_PT, spaced
from reports.plot_frame import WIDTH_PT, Style, canvas, log_limits, ticks, time_ticks, value_ticks
from reports.quantities import duration, tick
from reports.svg import INK, PAPER, QUIET, inline

_LEFT_PT, _RIGHT_PT, _TOP_PT, _BOTTOM_PT = 6.0, 14.0, 6.0, 40.0
_ACROSS_PT = WIDTH_PT - _LEFT_PT - _RIGHT_PT
_NAME_PT, _BAR_PT, _UNDER_PT, _GAP_PT, _THIN_PT = 17.0, 17.0, 17.0, 13.0, 15.0
_SMALL_PT = 10.0

# The width of a character, generously: the page's typeface is not known here.
_CHARACTER = 0.56


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A whole made of named parts, in nanoseconds; one without a name is not labelled. `words`: the figure to show."""

    label: str
    style: Style
    parts: tuple[tuple[str, float], ...]
    words: str

    @property
    def whole(self) -> float:
        return sum(value for _, value in self.parts)


@dataclass(frozen=True, kw_only=True)
class Share:
    """A part within its whole, both in nanoseconds. `label` stands before the bar, `words` after it."""

    label: str
    part: float
    whole: float
    words: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """A value with its interval, where there is one."""

    label: str
    style: Style
    value: float
    low: float | None
    high: float | None
    words: str


def stacked(bars: Sequence[Bar], *, prefix: str, title: str) -> str:
    """Bars of parts one after the other, from 0 on a straight axis: what is long looks long. Inline SVG."""
    heights = [_NAME_PT + _BAR_PT + (_UNDER_PT if len(bar.parts) > 1 else 0) + _GAP_PT for bar in bars]
    figure, axes, height = _rows_canvas(sum(heights))
    longest = max(bar.whole for bar in bars) or 1.0
    axes.set(xlim=(0, longest), ylim=(height, 0), xlabel="time")
    ticks(axes.xaxis, _straight_ticks(longest))
    top = 0.0
    for bar, taken in zip(bars, heights, strict=True):
        _text(axes, 0, top + _NAME_PT - 5, f"{bar.label}: {bar.words}", bar.style.ink, va="bottom")
        _parts(axes, bar, top + _NAME_PT - 1, longest)
        top += taken
    return inline(figure, prefix=prefix, title=title)


def shares(groups: Sequence[tuple[str, Style, Sequence[Share]]], *, prefix: str, title: str) -> str:
    """Groups of bars: the part is solid, the rest of its whole an outline. A straight axis. Inline SVG."""
    before, after = 0.19 * _ACROSS_PT, 0.27 * _ACROSS_PT
    step = _THIN_PT + 5
    heights = [_NAME_PT + step * len(rows) + _GAP_PT for _, _, rows in groups]
    figure, axes, height = _rows_canvas(sum(heights), left=_LEFT_PT + before, right=_RIGHT_PT + after)
    longest = max(row.whole for _, _, rows in groups for row in rows) or 1.0
    axes.set(xlim=(0, longest), ylim=(height, 0), xlabel="time")
    ticks(axes.xaxis, _straight_ticks(longest, most=3))
    top = 0.0
    for (name, style, rows), taken in zip(groups, heights, strict=True):
        start = -before / (_ACROSS_PT - before - after) * longest
        _text(axes, start, top + _NAME_PT - 5, name, style.ink, va="bottom")
        for place, row in enumerate(rows):
            middle = top + _NAME_PT + step * place + _THIN_PT / 2
            axes.barh(middle, row.whole, _THIN_PT - 3, facecolor="none", edgecolor=style.ink, linewidth=1.2, zorder=3)
            axes.barh(middle, row.part, _THIN_PT - 3, color=style.ink, zorder=3)
            _text(axes, start, middle, row.label, QUIET, size=_SMALL_PT)
            _text(axes, longest * 1.03, middle, row.words, INK, size=_SMALL_PT)
        top += taken
    return inline(figure, prefix=prefix, title=title)


def intervals(rows: Sequence[Row], *, times: bool, x_label: str, prefix: str, title: str) -> str:
    """A dot with its interval per row, on a log axis. `times`: values are nanoseconds. Inline SVG."""
    taken = _NAME_PT + _THIN_PT + 4
    figure, axes, height = _rows_canvas(taken * len(rows))
    low, high = log_limits([each for row in rows for each in (row.value, row.low, row.high) if each is not None])
    axes.set(xscale="log", xlim=(low, high), ylim=(height, 0), xlabel=x_label)
    ticks(axes.xaxis, time_ticks(low, high, most=6) if times else value_ticks(low, high, most=6))
    for place, row in enumerate(rows):
        middle = taken * place + _NAME_PT + _THIN_PT / 2 - 2
        _text(axes, low, taken * place + _NAME_PT - 5, f"{row.label}: {row.words}", row.style.ink, va="bottom")
        if row.low is not None and row.high is not None:
            axes.plot([row.low, row.high], [middle] * 2, color=row.style.ink, linewidth=6, alpha=0.35, zorder=2)
        axes.plot([row.value], [middle], color=row.style.ink, marker="o", markersize=6, zorder=3, clip_on=False)
    return inline(figure, prefix=prefix, title=title)


def _rows_canvas(height: float, *, left: float = _LEFT_PT, right: float = _RIGHT_PT) -> tuple[Any, Any, float]:
    """Axes whose y runs downwards in points."""
    figure, axes = canvas(left=left, right=right, top=_TOP_PT, bottom=_BOTTOM_PT, height=height + _TOP_PT + _BOTTOM_PT)
    axes.grid(visible=False, axis="y")
    ticks(axes.yaxis, [])
    return figure, axes, height


def _parts(axes: Any, bar: Bar, top: float, longest: float) -> None:
    """The parts, named inside where there is room and else under the bar, joined to it by a hair line."""
    outside: list[tuple[float, str]] = []
    start = 0.0
    for name, value in bar.parts:
        axes.barh(
            top + _BAR_PT / 2, value, _BAR_PT, left=start, color=bar.style.ink, edgecolor=PAPER, linewidth=1.2, zorder=3
        )
        middle, words = start + value / 2, f"{name} {duration(value)}"
        if name and _wide(words) <= value / longest * _ACROSS_PT - 8:
            _text(axes, middle, top + _BAR_PT / 2, words, PAPER, ha="center", size=_SMALL_PT, zorder=4)
        elif name:
            outside.append((middle, words))
        start += value
    wanted = [middle / longest for middle, _ in outside]
    widths = [(_wide(words) + 10) / _ACROSS_PT for _, words in outside]
    level = top + _BAR_PT + _UNDER_PT - 3
    for (middle, words), place in zip(outside, spaced(wanted, widths, low=0, high=1), strict=True):
        x = place * longest
        axes.plot(
            [middle, x],
            [top + _BAR_PT, level - 8],
            color=bar.style.ink,
            linewidth=0.8,
            alpha=0.7,
            clip_on=False,
            zorder=2,
        )
        _text(axes, x, level, words, QUIET, ha="center", size=_SMALL_PT)


def _wide(words: str) -> float:
    return len(words) * _SMALL_PT * _CHARACTER


def _straight_ticks(longest: float, *, most: int = 6) -> list[tuple[float, str]]:
    """Round durations from 0 on."""
    magnitude = 10.0 ** len(str(int(longest)))
    steps = [factor * magnitude / 10**digits for digits in range(4) for factor in (5, 2, 1)]
    fitting = [step for step in steps if longest / step < most]
    step = min(fitting)
    return [(0.0, "0")] + [(count * step, tick(count * step)) for count in range(1, int(longest / step) + 1)]


def _text(
    axes: Any, x: float, y: float, words: str, colour: str, *, ha: str = "left", va: str = "center_baseline",
    size: float = TEXT_PT, zorder: int = 3,
) -> None:  # fmt: skip
    axes.text(x, y, words, color=colour, fontsize=size, ha=ha, va=va, zorder=zorder, clip_on=False, parse_math=False)
