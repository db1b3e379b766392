"""Names at the ends of lines, so that nobody has to look a line up in a legend, and no name over another.

Places are fractions of the axes: 0, 0 is the lower left corner, 1, 1 the upper right one.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

TEXT_PT = 11.0

_LABEL_CHARACTERS = 15
ROW_PT = 15.0
_GAP_PT = 5.0

# The width of a character, generously: the page's typeface is not known here.
_CHARACTER = 0.6

# What a name may stand out over the right end of the axes.
_OVER, _EDGE = 1.04, 1e-6

Places = Sequence[tuple[float, float]]


def name_right(axes: Any, labels: Sequence[str], ends: Places, *, colours: Sequence[str]) -> None:
    """Names in the right margin, level with their line's end where there is room, joined to it by a hair line."""
    _, height = _size_pt(axes)
    names = ["\n".join(wrap(label, _LABEL_CHARACTERS)) or label for label in labels]
    heights = [(TEXT_PT * 1.25 * (name.count("\n") + 1) + _GAP_PT) / height for name in names]
    levels = spaced([y for _, y in ends], heights, low=0, high=1.05)
    for place, (name, level) in enumerate(zip(names, levels, strict=True)):
        colour = colours[place % len(colours)]
        _leader(axes, (ends[place], (1.025, level)), colour)
        _write(axes, name, (1.035, level), colour, ha="left", va="center")


def rows_above(labels: Sequence[str], xs: Sequence[float], width_pt: float) -> list[int]:
    """In which row above the plot each name stands, 0 the lowest, so that neither names nor their hair lines cross.

    `xs`: where their lines end, as fractions of the axes, which are `width_pt` wide.
    """
    spans = [_span(label, x, width_pt) for label, x in zip(labels, xs, strict=True)]
    rows: dict[int, int] = {}
    # From the right: a name runs to the right of its hair line, which thus passes the names placed before it.
    for place in sorted(range(len(labels)), key=lambda index: -xs[index]):
        low, high = spans[place]

        def is_free(row: int, x: float = xs[place], low: float = low, high: float = high) -> bool:
            return all(
                not (spans[other][0] < high and low < spans[other][1])
                if other_row == row
                else not spans[other][0] < x < spans[other][1]
                if other_row < row
                else not low < xs[other] < high
                for other, other_row in rows.items()
            )

        highest = max(rows.values(), default=-1) + 1
        rows[place] = next((row for row in range(highest + 1) if is_free(row)), highest)
    return [rows[place] for place in range(len(labels))]


def name_above(axes: Any, labels: Sequence[str], ends: Places, *, colours: Sequence[str]) -> None:
    """Names above the plot, beside a hair line to their line's end, in as many rows as keep them apart."""
    width, height = _size_pt(axes)
    rows = rows_above(labels, [x for x, _ in ends], width)
    for place, (label, (x, y), row) in enumerate(zip(labels, ends, rows, strict=True)):
        level = 1 + (9 + ROW_PT * row) / height
        colour = colours[place % len(colours)]
        rightwards = _span(label, x, width)[1] > x + _EDGE
        _leader(axes, ((x, y), (x, level + 8 / height)), colour)
        _write(
            axes,
            label,
            (x + (3 if rightwards else -3) / width, level),
            colour,
            ha="left" if rightwards else "right",
            va="bottom",
        )


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


def _span(label: str, x: float, width_pt: float) -> tuple[float, float]:
    """What a name above the plot takes: to the right of its line's end, or to the left where there is no room."""
    wide = (len(label) * TEXT_PT * _CHARACTER + _GAP_PT) / width_pt
    return (x, x + wide) if x + wide <= _OVER or x < wide else (x - wide, x)


def _leader(axes: Any, points: Places, colour: str) -> None:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    axes.plot(xs, ys, transform=axes.transAxes, color=colour, linewidth=0.8, alpha=0.7, clip_on=False, zorder=1)


def _write(axes: Any, text: str, at: tuple[float, float], colour: str, *, ha: str, va: str) -> None:
    # A dollar sign in a name is no formula.
    axes.text(
        *at,
        text,
        transform=axes.transAxes,
        color=colour,
        fontsize=TEXT_PT,
        ha=ha,
        va=va,
        linespacing=1.15,
        parse_math=False,
    )
