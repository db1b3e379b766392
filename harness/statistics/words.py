"""The verdict of a comparison, in one word, and when none may be given."""

from __future__ import annotations

from enum import StrEnum

from harness.comparison_results import Word
from harness.statistics.comparing import Comparison

MIN_LAUNCHES_FOR_A_VERDICT = 10
"""On each side: fewer never make a thing faster or slower, less or more."""

TOO_FEW_BELOW = 7
"""On each side: below this not even "no difference shown" is said, and a pair is not in Holm's family."""

LEVEL = 0.05
"""The chance of a false alarm in all of a report's comparisons together."""


class Quantity(StrEnum):
    """What kind of figure is compared, which decides the words for it."""

    TIME = "time"  # the smaller is the faster
    RATE = "rate"  # the larger is the faster
    AMOUNT = "amount"  # less, or more


_WORDS = {
    Quantity.TIME: (Word.FASTER, Word.SLOWER),
    Quantity.RATE: (Word.SLOWER, Word.FASTER),
    Quantity.AMOUNT: (Word.LESS, Word.MORE),
}
"""For a left side that is the smaller one, and for one that is the larger."""


def word(comparison: Comparison, p_holm: float | None, *, quantity: Quantity, floor: float | None = None) -> Word:
    """What may be said of left against right. `p_holm`: corrected for all comparisons of the report.

    A difference is one when all of these hold: the interval lies on one side of 1, `p_holm` is below 5 %, and the
    ratio is further from 1 than `floor`, the reach of the A/A pair of the same figure (None: there is none). With 10
    launches a side it gets its word. With 7 to 9 a difference is still "too few launches", but its absence may be said.
    """
    fewest = min(comparison.launches_left, comparison.launches_right)
    if fewest < TOO_FEW_BELOW:
        return Word.TOO_FEW
    if not _differs(comparison, p_holm, floor or 1.0):
        return Word.NO_DIFFERENCE
    if fewest < MIN_LAUNCHES_FOR_A_VERDICT:
        return Word.TOO_FEW
    assert comparison.ratio is not None
    left_is_smaller, left_is_larger = _WORDS[quantity]
    return left_is_smaller if comparison.ratio > 1 else left_is_larger


def _differs(comparison: Comparison, p_holm: float | None, floor: float) -> bool:
    if comparison.ratio is None or comparison.low is None or comparison.high is None or p_holm is None:
        return False
    off_one = comparison.low > 1 or comparison.high < 1
    return off_one and p_holm < LEVEL and max(comparison.ratio, 1 / comparison.ratio) > floor
