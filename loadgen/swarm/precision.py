"""Locust's statistics with fractions of a millisecond, where Locust shows whole ones.

Locust 2.47 rounds in five places: when a response time becomes a key of `StatsEntry.response_times`, in the columns of
its CSV files, in both tables on the console, and for smallest and largest on the web page. This module replaces those
five and nothing else; `install` may be called more than once. Importing it imports Locust, which monkey-patches.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from locust import stats

SIGNIFICANT_DIGITS = 3
"""Of a key in `response_times`: at most 900 keys per power of ten, wrong by at most 0.5 %."""


@lru_cache(maxsize=1 << 16)
def bucket(milliseconds: float) -> float:
    """A response time as a key of `response_times`: three significant digits, whatever its size."""
    return float(f"{milliseconds:.{SIGNIFICANT_DIGITS}g}")


def shown(milliseconds: float) -> str:
    """At least three significant digits in at most seven characters, for a column of a table."""
    for below, digits in ((9.995, 3), (99.95, 2), (999.5, 1)):
        if milliseconds < below:
            return f"{milliseconds:.{digits}f}"
    return f"{milliseconds:.0f}"


def install() -> None:
    """Replace Locust's roundings in this process."""
    stats.bucket_response_time = bucket
    stats.proper_round = _proper_round
    stats.StatsCSV._percentile_fields = _percentile_fields
    stats.StatsEntry.percentile = _percentile
    stats.StatsEntry.to_string = _to_string


def _proper_round(value: float, digits: int = 0) -> float:
    return round(float(value), max(digits, SIGNIFICANT_DIGITS))


def _percentile_fields(self: Any, entry: Any, use_current: bool = False) -> list[Any]:
    if not entry.num_requests:
        return list(self.percentiles_na)
    current = use_current and entry.use_response_times_cache
    at = entry.get_current_response_time_percentile if current else entry.get_response_time_percentile
    return [at(fraction) or 0 for fraction in self.percentiles_to_report]


def _percentile(self: Any) -> str:
    if not self.num_requests:
        raise ValueError("no requests, no percentiles")
    times = [shown(self.get_response_time_percentile(fraction)) for fraction in stats.PERCENTILES_TO_REPORT]
    first, *others = (*times, str(self.num_requests))
    columns = " ".join([f"{first:>8}", *(f"{each:>6}" for each in others)])
    return f"{self.method or '':<{stats.STATS_TYPE_WIDTH}} {self.name:<{stats.STATS_NAME_WIDTH}} {columns}"


def _to_string(self: Any, current: bool = True) -> str:
    rates = (self.current_rps, self.current_fail_per_sec) if current else (self.total_rps, self.total_fail_per_sec)
    width = stats.STATS_TYPE_WIDTH
    name_width = stats.STATS_NAME_WIDTH - width + 4
    failures = f"{self.num_failures}({self.fail_ratio:.2%})"
    times = [
        shown(each or 0)
        for each in (
            self.avg_response_time,
            self.min_response_time,
            self.max_response_time,
            self.median_response_time,
        )
    ]
    return (
        f"{self.method or '':<{width}} {self.name:<{name_width}} {self.num_requests:>7} {failures:>12} |"
        f"{times[0]:>7} {times[1]:>7} {times[2]:>7}{times[3]:>7} | {rates[0] or 0:7.2f} {rates[1] or 0:11.2f}"
    )
