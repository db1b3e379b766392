"""The bootstrap's word on a ratio of medians, which assumes no shape of the values: a cross-check."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from harness.statistics.intervals import CONFIDENCE
from harness.statistics.logarithms import constant, logs

RESAMPLES = 1_999

FEWEST = 7
"""Values of a side. Fewer have so few different medians that resampling them repeats the same handful."""


def ratio_of_medians(left: Sequence[float], right: Sequence[float], *, seed: int) -> tuple[float, float] | None:
    """The BCa interval of median(right) / median(left), for values above 0; the same seed gives the same interval.

    None for fewer than `FEWEST` values, and where resampling cannot say: no spread, or nearly none. Swapped sides give
    the inverse, exactly. Source: Efron 1987, doi:10.1080/01621459.1987.10478410.
    """
    if min(len(left), len(right)) < FEWEST or constant(logs(left)) or constant(logs(right)):
        return None
    first, second = sorted(left), sorted(right)
    if second < first:
        swapped = ratio_of_medians(right, left, seed=seed)
        return (1 / swapped[1], 1 / swapped[0]) if swapped else None
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # it is told by bounds that are no numbers
        found = stats.bootstrap(
            (first, second),
            _ratio,
            vectorized=True,
            method="BCa",
            confidence_level=CONFIDENCE,
            n_resamples=RESAMPLES,
            rng=np.random.default_rng(seed),
        ).confidence_interval
    low, high = float(found.low), float(found.high)
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None


def _ratio(left: Any, right: Any, axis: int) -> Any:
    return np.median(right, axis=axis) / np.median(left, axis=axis)
