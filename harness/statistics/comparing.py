"""Two figures compared: the ratio, how sure it is, and how far apart the two lie against their own spread."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from scipy import stats

from harness.statistics.bootstrap import ratio_of_medians
from harness.statistics.intervals import CONFIDENCE
from harness.statistics.logarithms import constant, factor, logs, problem_of


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """`ratio` is right over left, of geometric means: above 1, left is the smaller one.

    `low` to `high`: its 95 % interval by Welch's t on logarithms; `p`, two-sided, belongs to it. `bca_low` to
    `bca_high`: the bootstrap's interval of the ratio of medians. `effect`: Hedges' g on logarithms, the difference in
    units of the launches' own spread. Below two launches of a side there is the ratio alone; where `why` says what is
    wrong with the values, nothing.
    """

    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    bca_low: float | None = None
    bca_high: float | None = None
    p: float | None = None
    effect: float | None = None
    launches_left: int
    launches_right: int
    why: str = ""


def compare(left: Sequence[float], right: Sequence[float], *, seed: int | None) -> Comparison:
    """One value per launch on each side. `seed` is the bootstrap's; None leaves the cross-check out.

    Never raises for a value: `why` tells of a bad one.

    Source: Welch 1947, doi:10.1093/biomet/34.1-2.28; on logarithms of per-launch values, because the launch is the
    unit of replication (Kalibera and Jones 2013, doi:10.1145/2464157.2464160).
    """
    why = problem_of(left) or problem_of(right)
    if why:
        return Comparison(launches_left=len(left), launches_right=len(right), why=why)
    a, b = logs(left), logs(right)
    ratio = factor(fmean(b) - fmean(a))
    if min(len(a), len(b)) < 2:
        return Comparison(launches_left=len(a), launches_right=len(b), ratio=ratio)
    low, high, p = _welch(a, b)
    bca = None if seed is None else ratio_of_medians(left, right, seed=seed)
    return Comparison(
        launches_left=len(a),
        launches_right=len(b),
        ratio=ratio,
        low=factor(low),
        high=factor(high),
        bca_low=bca[0] if bca else None,
        bca_high=bca[1] if bca else None,
        p=p,
        effect=_hedges_g(a, b),
    )


def _welch(left: list[float], right: list[float]) -> tuple[float, float, float]:
    """Bounds of the difference right less left, and p. A side without any spread is a known number."""
    if constant(left) and constant(right):
        difference = fmean(right) - fmean(left)
        return difference, difference, float(math.isclose(difference, 0.0, abs_tol=1e-9))
    if constant(left):
        found = stats.ttest_1samp(right, fmean(left))
        bounds = found.confidence_interval(CONFIDENCE)
        return float(bounds.low) - fmean(left), float(bounds.high) - fmean(left), float(found.pvalue)
    if constant(right):
        low, high, p = _welch(right, left)
        return -high, -low, p
    found = stats.ttest_ind(right, left, equal_var=False)
    bounds = found.confidence_interval(CONFIDENCE)
    return float(bounds.low), float(bounds.high), float(found.pvalue)


def _hedges_g(left: list[float], right: list[float]) -> float | None:
    """None when neither side has any spread to measure by. Source: Hedges 1981, doi:10.3102/10769986006002107."""
    if constant(left) and constant(right):
        return None
    freedom = len(left) + len(right) - 2
    pooled = ((len(left) - 1) * variance(left) + (len(right) - 1) * variance(right)) / freedom
    return (fmean(right) - fmean(left)) / math.sqrt(pooled) * (1 - 3 / (4 * freedom - 1))
