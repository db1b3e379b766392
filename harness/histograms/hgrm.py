"""Percentile distributions as text (.hgrm), which HdrHistogram's plotter and its kin read.

Source: AbstractHistogram.outputPercentileDistribution and PercentileIterator of HdrHistogram. hdrhistogram's own
writer leaves the standard deviation in the histogram's unit whatever the ratio, and the last line without its `inf`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from harness.histograms.histogram import (
    BUCKETS,
    SIGNIFICANT_DIGITS,
    SUB_BUCKETS,
    LatencyHistogram,
    highest_in,
    index_of,
)

NS_PER_MS = 1_000_000

_HEADER = f"{'Value':>12} {'Percentile':>14} {'TotalCount':>10} {'1/(1-Percentile)':>14}\n"


def render(
    histogram: LatencyHistogram, *, value_unit_ratio: float = NS_PER_MS, ticks_per_half_distance: int = 5
) -> str:
    """The whole file. Values are nanoseconds divided by `value_unit_ratio`, so milliseconds unless told otherwise.

    `ticks_per_half_distance`: how many lines each halving of the distance to 100 % gets. An empty histogram makes a
    file without lines between header and footer. Raises `ValueError` for a ratio or a number of ticks not above 0.
    """
    if not value_unit_ratio > 0 or ticks_per_half_distance < 1:
        raise ValueError(f"no distribution with ratio {value_unit_ratio} and {ticks_per_half_distance} ticks")
    lines = [_HEADER]
    for value_ns, level, so_far in _levels(histogram, ticks_per_half_distance):
        odds = f"{1 / (1 - level / 100):14.2f}" if level < 100 else f"{'inf':>14}"
        lines.append(f"{_number(value_ns, value_unit_ratio)} {level / 100:2.12f} {so_far:10d} {odds}")
    mean, deviation = histogram.mean_and_deviation()
    highest = histogram.value_at(1) if histogram else 0
    shown = [_number(value, value_unit_ratio) for value in (mean, deviation, highest)]
    lines += [
        f"#[Mean    = {shown[0]}, StdDeviation   = {shown[1]}]",
        f"#[Max     = {shown[2]}, Total count    = {len(histogram):12d}]",
        f"#[Buckets = {BUCKETS:12d}, SubBuckets     = {SUB_BUCKETS:12d}]",
        "",
    ]
    return "\n".join(lines)


def _number(value: float, ratio: float) -> str:
    return f"{value / ratio:12.{SIGNIFICANT_DIGITS}f}"


def _levels(histogram: LatencyHistogram, ticks: int) -> Iterator[tuple[int, float, int]]:
    """(Highest value of the slot, the level it reaches in per cent, count up to it) for each level, 100 last.

    The levels come ever closer: so many to 50 %, so many more to 75 %, and so on. A slot that reaches several has a
    line for each; the last slot has one, and then the line of 100 %.
    """
    total, so_far, level = len(histogram), 0, 0.0
    for lowest, count in histogram.by_slot().items():
        highest, so_far = highest_in(index_of(lowest)), so_far + count
        while 100 * so_far / total >= level:
            yield highest, level, so_far
            if so_far == total:
                yield highest, 100.0, so_far
                return
            step = 100 / (ticks * 2 ** (math.floor(math.log2(100 / (100 - level))) + 1))
            if level + step in (level, 100):  # as near to 100 as a double comes: there is no level left but the last
                break
            level += step
