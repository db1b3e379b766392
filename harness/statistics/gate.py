"""Whether tonight is worse than the nights before it, by more than nights differ anyway."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, variance

from scipy import stats

from harness.errors import UsageError
from harness.statistics.intervals import CONFIDENCE
from harness.statistics.logarithms import factor, logs, problem_of
from harness.statistics.words import MIN_LAUNCHES_FOR_A_VERDICT, Quantity

MIN_NIGHTS = 5
"""Before tonight. Of fewer the spread from night to night is a guess, and the gate says so instead of guessing."""

LAST_NIGHTS = 14
"""Older ones are left out: what changed for good is the new normal after two weeks."""


class GateOutcome(StrEnum):
    PASSED = "passed"  # no regression beyond the threshold is shown
    FAILED = "failed"
    TOO_FEW_NIGHTS = "too few nights"
    TOO_FEW_LAUNCHES = "too few launches"
    NO_RATIO = "no ratio"


@dataclass(frozen=True, kw_only=True)
class Gate:
    """`ratio` says by what factor tonight is worse than the nights before: above 1 worse, whatever the quantity.

    `low` to `high` holds the true factor unless tonight is one of the rare nights outside. All three are None without
    enough nights or launches. `nights`: those before tonight that count; `launches`: tonight's.
    """

    outcome: GateOutcome
    threshold: float
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    nights: int
    launches: int
    why: str


def gate(
    history: Sequence[Sequence[float]],
    now: Sequence[float],
    *,
    threshold: float,
    quantity: Quantity = Quantity.TIME,
    confidence: float = CONFIDENCE,
) -> Gate:
    """Fails only when the whole interval of the factor lies beyond `threshold` (such as 1.10), else passes or abstains.

    `history`: for each night, oldest first, one value per launch. A night is a cluster: its launches share the
    machine's mood, so all launches pooled would look far surer than they are. Each night counts as one value, its
    center, and tonight's center is held against the interval in which one more such night is to be expected:
    t(nights - 1) * sqrt(s^2 / nights + max(s^2, e^2)), s^2 the variance between the nights' centers, taken no smaller
    than the launches' spread within the nights explains, and e^2 what tonight's own launches explain.

    Nights with fewer than 10 launches do not count. Raises `UsageError` for a threshold that is not above 1.
    """
    if not threshold > 1 or not math.isfinite(threshold):
        raise UsageError(f"{threshold!r} is no threshold", expected="a factor above 1, such as 1.10")
    sound = [night for night in history if len(night) >= MIN_LAUNCHES_FOR_A_VERDICT and not problem_of(night)]
    nights = sound[-LAST_NIGHTS:]

    def ended(outcome: GateOutcome, why: str) -> Gate:
        return Gate(outcome=outcome, threshold=threshold, nights=len(nights), launches=len(now), why=why)

    if len(now) < MIN_LAUNCHES_FOR_A_VERDICT:
        words = f"tonight has {len(now)} launches, where {MIN_LAUNCHES_FOR_A_VERDICT} are needed"
        return ended(GateOutcome.TOO_FEW_LAUNCHES, words)
    if problem_of(now):
        return ended(GateOutcome.NO_RATIO, problem_of(now))
    if len(nights) < MIN_NIGHTS:
        words = f"{len(nights)} nights before this one can be compared with it, where {MIN_NIGHTS} are needed"
        return ended(GateOutcome.TOO_FEW_NIGHTS, words)
    worse, half = _prediction(nights, now, confidence)
    if quantity is Quantity.RATE:
        worse = -worse
    ratio, low, high = factor(worse), factor(worse - half), factor(worse + half)
    failed = low > threshold
    return Gate(
        outcome=GateOutcome.FAILED if failed else GateOutcome.PASSED,
        threshold=threshold,
        ratio=ratio,
        low=low,
        high=high,
        nights=len(nights),
        launches=len(now),
        why=f"{ratio:.3g} times what {len(nights)} nights before were, {low:.3g} to {high:.3g}: "
        + (f"worse by more than {threshold:g}" if failed else f"not shown to be worse by more than {threshold:g}"),
    )


def _prediction(nights: Sequence[Sequence[float]], now: Sequence[float], confidence: float) -> tuple[float, float]:
    """The logarithm of tonight over the nights before, and half the width of its interval."""
    centers = [fmean(logs(night)) for night in nights]
    explained = fmean(variance(logs(night)) / len(night) for night in nights)
    between = max(variance(centers), explained)
    tonight = max(between, variance(logs(now)) / len(now))
    half = float(stats.t.ppf((1 + confidence) / 2, len(nights) - 1)) * math.sqrt(between / len(nights) + tonight)
    return fmean(logs(now)) - fmean(centers), half
