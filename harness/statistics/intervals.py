"""One figure with its interval, from one value per launch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from scipy import stats

from harness.statistics.logarithms import constant, factor, logs, problem_of

CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Interval:
    """`center` is the geometric mean. `low` and `high` are None below two launches; all three where `why` says so.

    Launches that agree to the last digit give an interval of no width.
    """

    center: float | None
    low: float | None
    high: float | None
    launches: int
    why: str = ""


def interval_of(values: Sequence[float], *, confidence: float = CONFIDENCE) -> Interval:
    """Student's t on the logarithms of the launches' values. Never raises for a value: `why` tells of a bad one."""
    why = problem_of(values)
    if why:
        return Interval(center=None, low=None, high=None, launches=len(values), why=why)
    found = logs(values)
    center = factor(fmean(found))
    if len(found) == 1:
        return Interval(center=center, low=None, high=None, launches=1)
    if constant(found):
        return Interval(center=center, low=center, high=center, launches=len(found))
    bounds = stats.ttest_1samp(found, 0.0).confidence_interval(confidence)
    return Interval(center=center, low=factor(float(bounds.low)), high=factor(float(bounds.high)), launches=len(found))
