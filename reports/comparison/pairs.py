"""Pairs with their statistics, the noise floor under them, and the words they come to."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.comparison_results import Excluded, Noise, Pair, Series, Side, Word
from harness.statistics import TOO_FEW_BELOW, Comparison, Quantity, compare, holm, interval_of, noise_floor, reach, word
from reports.comparison.figures import quantity_of
from reports.comparison.pair_rules import Couple
from reports.comparison.rounding import rounded
from reports.comparison.wording import mode_words, quantity_words
from reports.quantities import counted, significant

DIRECTIONS = frozenset({Word.FASTER, Word.SLOWER, Word.LESS, Word.MORE})


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A couple and what came out. `p_holm` is None for a pair outside the family: it has too few launches."""

    name: str
    couple: Couple
    found: Comparison
    p_holm: float | None

    @property
    def quantity(self) -> Quantity:
        return quantity_of(self.couple.left.quantity, self.couple.left.unit)


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """`excluded`: couples that could not be compared, with the reason. `warnings`: where the statistics disagree."""

    pairs: tuple[Pair, ...]
    noise: Noise
    excluded: tuple[Excluded, ...]
    warnings: tuple[str, ...]


def pairs_of(couples: Iterable[Couple], repeats: Iterable[Couple], *, seed: int) -> Pairs:
    """`repeats` are A/A pairs: a family of their own, and the floor under the others."""
    excluded: dict[Excluded, None] = {}
    tested, same = (_compared(each, seed, excluded) for each in (couples, repeats))
    pairs = [_pair(each, _floor_of(each, same), noise=False) for each in tested]
    pairs += [_pair(each, None, noise=True) for each in same]
    return Pairs(
        pairs=tuple(pairs),
        noise=_noise(same),
        excluded=tuple(excluded),
        warnings=tuple(_doubts(pairs, same)),
    )


def _compared(couples: Iterable[Couple], seed: int, excluded: dict[Excluded, None]) -> list[Compared]:
    """All of one family. What cannot be compared goes to `excluded`."""
    kept: list[tuple[str, Couple, Comparison]] = []
    for couple in couples:
        name = _name(couple)
        # The pair's own seed: one pair more or less leaves the others' intervals as they are.
        own = zlib.crc32(f"{seed}/{name}".encode())
        found = compare(couple.left.per_launch, couple.right.per_launch, seed=own)
        unfit = [each for each in (couple.left, couple.right) if _why_unfit(each)]
        excluded.update(dict.fromkeys(map(_left_alone, unfit)))
        if not unfit:
            kept.append((name, couple, found))
    family = [name for name, _, found in kept if _in_family(found)]
    corrected = holm([found.p for _, _, found in kept if found.p is not None and _in_family(found)])
    p_holm = dict(zip(family, corrected, strict=True))
    return [Compared(name=name, couple=couple, found=found, p_holm=p_holm.get(name)) for name, couple, found in kept]


def _why_unfit(series: Series) -> str:
    return series.mark or interval_of(series.per_launch).why


def _left_alone(series: Series) -> Excluded:
    what = ", ".join(filter(None, (mode_words(series.scenario, series.mode), quantity_words(series.quantity))))
    return Excluded(
        subject=series.subject, scenario=series.scenario, what=f"comparisons of {what}", why=_why_unfit(series)
    )


def _in_family(found: Comparison) -> bool:
    return found.p is not None and min(found.launches_left, found.launches_right) >= TOO_FEW_BELOW


def _name(couple: Couple) -> str:
    left, right = couple.left, couple.right
    sides = [
        "/".join((each.subject, each.mode, each.quantity) if each.mode else (each.subject, each.quantity))
        for each in (left, right)
    ]
    return f"{left.scenario}: {sides[0]} | {sides[1]}"


def _floor_of(each: Compared, same: Sequence[Compared]) -> float | None:
    """The reach of the A/A pairs nearest to this one: of its own figures, else of its scenario, else of any."""
    sides = (each.couple.left, each.couple.right)
    own = {(side.scenario, side.mode, side.quantity) for side in sides}
    kin = {(side.scenario, side.quantity) for side in sides}
    for near in (
        [one for one in same if (one.couple.left.scenario, one.couple.left.mode, one.couple.left.quantity) in own],
        [one for one in same if (one.couple.left.scenario, one.couple.left.quantity) in kin],
        same,
    ):
        found = noise_floor({one.name: one.found for one in near}).factor
        if found is not None:
            return found
    return None


def _pair(each: Compared, floor: float | None, *, noise: bool) -> Pair:
    found = each.found
    return Pair(
        name=each.name,
        title=each.couple.title,
        left=_side(each.couple.left),
        right=_side(each.couple.right),
        unit=each.couple.left.unit,
        noise=noise,
        ratio=rounded(found.ratio),
        low=rounded(found.low),
        high=rounded(found.high),
        bca_low=rounded(found.bca_low),
        bca_high=rounded(found.bca_high),
        p=rounded(found.p),
        p_holm=rounded(each.p_holm),
        effect=rounded(found.effect),
        floor=rounded(floor),
        launches_left=found.launches_left,
        launches_right=found.launches_right,
        word=word(found, each.p_holm, quantity=each.quantity, floor=floor),
    )


def _side(series: Series) -> Side:
    return Side(subject=series.subject, scenario=series.scenario, mode=series.mode, quantity=series.quantity)


def _noise(same: Sequence[Compared]) -> Noise:
    found = noise_floor({each.name: each.found for each in same})
    if found.factor is None:
        why = "no figure was measured twice with two launches or more" if same else "nothing was measured twice"
        return Noise(factor=None, pairs=0, worst="", words=f"The noise floor is not known: {why}.")
    factors = sorted(factor for each in same if (factor := reach(each.found)) is not None)
    couple = next(each.couple for each in same if each.name == found.worst)
    return Noise(
        factor=rounded(found.factor),
        pairs=found.pairs,
        worst=found.worst,
        words=f"{couple.left.subject} was measured a second time as {couple.right.subject}. Of "
        f"{counted(found.pairs, 'figure')} the two differ by a factor of up to {significant(found.factor)} "
        f"({couple.title.removeprefix('A/A, ').partition(':')[0]}), by the far end of the interval; half of them by "
        f"less than {significant(factors[len(factors) // 2])}.",
    )


def _doubts(pairs: Iterable[Pair], same: Sequence[Compared]) -> Iterable[str]:
    """Where a reader should not take the words alone."""
    for pair in pairs:
        if pair.noise and pair.word in DIRECTIONS:
            yield (
                f"{pair.title}: the two differ by more than their launches explain ({_ratio(pair)}), so something else "
                "than the runtime moves this figure here"
            )
        if not pair.noise and pair.word in DIRECTIONS and _bootstrap_doubts(pair):
            yield (
                f"{pair.title}: {pair.word.value} by the means ({_ratio(pair)}), but the bootstrap of the medians "
                f"reaches from {significant(pair.bca_low or 0)} to {significant(pair.bca_high or 0)}"
            )
    if not any(reach(each.found) for each in same):
        yield "no A/A pair has an interval: words are not held against a noise floor"


def _bootstrap_doubts(pair: Pair) -> bool:
    return pair.bca_low is not None and pair.bca_high is not None and pair.bca_low <= 1 <= pair.bca_high


def _ratio(pair: Pair) -> str:
    assert pair.ratio is not None
    assert pair.low is not None
    assert pair.high is not None
    return f"ratio {significant(pair.ratio)}, {significant(pair.low)} to {significant(pair.high)}"
