"""Every comparison as a line of a table, with a drawing of its interval beside the machine's noise."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.comparison_results import ComparisonReport, Pair, Word
from reports.quantities import counted, significant

_SLUGS = {
    Word.FASTER: "kept",
    Word.LESS: "kept",
    Word.SLOWER: "broken",
    Word.MORE: "broken",
}
_LEAST_REACH = math.log(1.25)


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Where things lie on the common log axis, in percent from the left: 50 is a ratio of 1.

    The noise lies between `floor_low` and `floor_high`, which are the same where there is none.
    """

    at: float
    low: float
    high: float
    floor_low: float
    floor_high: float


@dataclass(frozen=True, kw_only=True)
class Line:
    """A pair. Texts are for the reader, each with what its column sorts by."""

    title: str
    left: str
    right: str
    word: str
    slug: str
    ratio: tuple[str, str]
    interval: tuple[str, str]
    bootstrap: tuple[str, str]
    chance: tuple[str, str]
    effect: tuple[str, str]
    floor: tuple[str, str]
    launches: str
    drawing: Drawing | None


@dataclass(frozen=True, kw_only=True)
class Table:
    """The pairs of one scenario, or those of the same runtime. `ends`: what the drawings reach from and to."""

    name: str
    in_words: str
    ends: str
    noise: bool
    lines: tuple[Line, ...]


def tables(report: ComparisonReport) -> tuple[Table, ...]:
    """By scenario, in the order of the report; the pairs of the same runtime come last and apart."""
    found: dict[str, list[Pair]] = {}
    for pair in report.pairs:
        if not pair.noise:
            found.setdefault(pair.left.scenario, []).append(pair)
    made = [_table(name.replace("-", " ").capitalize(), pairs, noise=False) for name, pairs in found.items()]
    noise = [pair for pair in report.pairs if pair.noise]
    return (*made, _table("The same runtime twice", noise, noise=True)) if noise else tuple(made)


def _table(name: str, pairs: Sequence[Pair], *, noise: bool) -> Table:
    reach = _reach(pairs)
    ends = significant(math.exp(reach))
    counts = Counter(pair.word.value for pair in pairs)
    parts = ", ".join(f"{counts[word]} {word}" for word in Word if counts[word])
    return Table(
        name=name,
        in_words=f"{counted(len(pairs), 'comparison')}: {parts}",
        ends=f"1/{ends} to {ends}",
        noise=noise,
        lines=tuple(_line(pair, reach) for pair in pairs),
    )


def _line(pair: Pair, reach: float) -> Line:
    return Line(
        title=pair.title,
        left=pair.left.subject,
        right=pair.right.subject,
        word=pair.word.value,
        slug=_SLUGS.get(pair.word, ""),
        ratio=_figure(pair.ratio),
        interval=_range(pair.low, pair.high),
        bootstrap=_range(pair.bca_low, pair.bca_high),
        chance=_chance(pair.p if pair.noise else pair.p_holm),
        effect=_figure(pair.effect),
        floor=_figure(pair.floor),
        launches=str(pair.launches_left)
        if pair.launches_left == pair.launches_right
        else f"{pair.launches_left} and {pair.launches_right}",
        drawing=_drawing(pair, reach),
    )


def _reach(pairs: Iterable[Pair]) -> float:
    """The logarithm of the furthest ratio, which is where the drawings end."""
    values = [value for pair in pairs for value in (pair.ratio, pair.low, pair.high) if value is not None and value > 0]
    return max(_LEAST_REACH, *(abs(math.log(value)) for value in values)) if values else _LEAST_REACH


def _drawing(pair: Pair, reach: float) -> Drawing | None:
    if pair.ratio is None or pair.ratio <= 0:
        return None
    floor = pair.floor if pair.floor is not None and pair.floor >= 1 else 1.0
    at, low, high, floor_low, floor_high = (
        round(50 + 48 * max(-1.0, min(1.0, math.log(value) / reach)), 2)
        for value in (pair.ratio, pair.low or pair.ratio, pair.high or pair.ratio, 1 / floor, floor)
    )
    return Drawing(at=at, low=low, high=high, floor_low=floor_low, floor_high=floor_high)


def _figure(value: float | None) -> tuple[str, str]:
    return ("none", "") if value is None else (significant(value), _key(value))


def _range(low: float | None, high: float | None) -> tuple[str, str]:
    if low is None or high is None:
        return "none", ""
    return f"{significant(low)} to {significant(high)}", _key(low)


def _chance(value: float | None) -> tuple[str, str]:
    if value is None:
        return "none", ""
    return "< 0.001" if value < 0.001 else f"{value:.3f}", _key(value)


def _key(value: float) -> str:
    return f"{value:.9g}"
