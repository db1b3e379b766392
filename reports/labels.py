"""Names at the ends of lines, so that nobody has to look a line up in a legend, and no name over another.

Places are fractions of the axes: 0, 0 is the lower left corner, 1, 1 the upper right one.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

TEXT_PT = 11.0

_LABEL_CHARACTERS = 17
_ROW_PT = 15.0
_GAP_PT = 5.0

# Half the width of a character, generously: the page's typeface is not known here.
_HALF_CHARACTER = 0.31

Places = Sequence[tuple[float, float]]


def name_right(axes: Any, labels: Sequence[str], ends: Places, *, colours: Sequence[str]) -> None:
    """Names in the right margin, level with their line's end where there is room, joined to it by a hair line."""
    _, height = _size_pt(axes)
    names = ["\n".join(wrap(label, _LABEL_CHARACTERS)) or label for label in labels]
    heights = [(TEXT_PT * 1.25 * (name.count("\n") + 1) + _GAP_PT) / height for name in names]
    levels = spaced([y for _, y in ends], heights, low=-0.05, high=1.05)
    for place, (name, level) in enumerate(zip(names, levels, strict=True)):
        colour = colours[place % len(colours)]
        _leader(axes, (ends[place], (1.025, level)), colour)
        _write(axes, name, (1.035, level), colour, ha="left", va="center")


def name_above(axes: Any, labels: Sequence[str], ends: Places, *, colours: Sequence[str]) -> None:
    """Names above the plot, over their line's end, in as many rows as keep them apart; three at most."""
    width, height = _size_pt(axes)
    taken: list[list[tuple[float, float]]] = [[], [], []]
    for place, (label, (x, y)) in enumerate(zip(labels, ends, strict=True)):
        half = len(label) * TEXT_PT * _HALF_CHARACTER / width
        centre = min(max(x, half - 0.08), 1.02 - half)
        span = (centre - half - 0.02, centre + half + 0.02)
        free = (row for row in range(len(taken)) if all(span[1] < a or b < span[0] for a, b in taken[row]))
        row = next(free, len(taken) - 1)
        taken[row].append(span)
        level = 1 + (9 + _ROW_PT * row) / height
        colour = colours[place % len(colours)]
        _leader(axes, ((x, y), (x, level - 2 / height)), colour)
        _write(axes, label, (centre, level), colour, ha="center", va="bottom")


def spaced(wanted: Sequence[float], gaps: Sequence[float], *, low: float, high: float) -> list[float]:
    """Places as near to the wanted ones as can be, in the same order, each `gaps[i]` tall and none over another.

    Labels that meet are merged into a block centred on the mean of what they wanted. When all of them are taller than
    the room from `low` to `high`, they keep their distance and run over the top.
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    blocks: list[list[int]] = []
    for index in order:
        blocks.append([index])
        while len(blocks) > 1 and _block_low(blocks[-1], wanted, gaps, low, high) < _block_high(
            blocks[-2], wanted, gaps, low, high
        ):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    places = [0.0] * len(wanted)
    for block in blocks:
        edge = _block_low(block, wanted, gaps, low, high)
        for index in block:
            places[index] = edge + gaps[index] / 2
            edge += gaps[index]
    return places


def _block_low(block: list[int], wanted: Sequence[float], gaps: Sequence[float], low: float, high: float) -> float:
    height = sum(gaps[index] for index in block)
    centre = sum(wanted[index] for index in block) / len(block)
    return max(low, min(centre - height / 2, high - height))


def _block_high(block: list[int], wanted: Sequence[float], gaps: Sequence[float], low: float, high: float) -> float:
    return _block_low(block, wanted, gaps, low, high) + sum(gaps[index] for index in block)


def _size_pt(axes: Any) -> tuple[float, float]:
    width, height = axes.figure.get_size_inches()
    box = axes.get_position()
    return box.width * width * 72, box.height * height * 72


def _leader(axes: Any, points: Places, colour: str) -> None:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    axes.plot(xs, ys, transform=axes.transAxes, color=colour, linewidth=0.8, alpha=0.7, clip_on=False, zorder=1)


def _write(axes: Any, text: str, at: tuple[float, float], colour: str, *, ha: str, va: str) -> None:
    axes.text(*at, text, transform=axes.transAxes, color=colour, fontsize=TEXT_PT, ha=ha, va=va, linespacing=1.15)
