"""Many requests at once into Locust's statistics, where Locust itself takes them one by one.

After `add`, a `RequestStats` says what it would after that many `request` events: requests with failures among them,
failures by kind, response times as keys of the distribution, smallest, largest and sum, requests by second, bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from locust.stats import StatsError

from harness.histograms.histogram import LatencyHistogram, highest_in, index_of
from loadgen.swarm.precision import bucket

NS_PER_MS = 1e6


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What came of some requests. Those that failed have no response time: only right answers are in `response`."""

    right: int
    errors: Mapping[str, int]
    response: LatencyHistogram
    content_bytes: int


def add(stats: Any, *, method: str, name: str, batch: Batch, now_s: float) -> None:
    """Into the entry of that method and name, the totals and the errors. `now_s`: the time since 1970 they ended."""
    failed = sum(batch.errors.values())
    if not batch.right and not failed:
        return
    for entry in (stats.total, stats.entries[(name, method)]):
        _add_to_entry(entry, batch, failed, now_s)
    for error, occurrences in batch.errors.items():
        if occurrences:
            _add_error(stats, method, name, str(error), occurrences, now_s)


def _add_to_entry(entry: Any, batch: Batch, failed: int, now_s: float) -> None:
    second, count = int(now_s), batch.right + failed
    # As StatsEntry.log does: what stood at the end of a second is kept, for the percentiles of the last ten.
    if entry.use_response_times_cache and entry.last_request_timestamp and second > int(entry.last_request_timestamp):
        entry._cache_response_times(second - 1)
    entry.num_requests += count
    entry.num_failures += failed
    entry.num_none_requests += count - len(batch.response)
    entry.num_reqs_per_sec[second] += count
    if failed:
        entry.num_fail_per_sec[second] += failed
    entry.last_request_timestamp = now_s
    entry.total_content_length += batch.content_bytes
    if not batch.response:
        return
    times, total_ms = entry.response_times, 0.0
    for lowest_ns, slot_count in batch.response.by_slot().items():
        key, middle_ms = _of_slot(lowest_ns)
        times[key] += slot_count
        total_ms += middle_ms * slot_count
    entry.total_response_time += total_ms
    smallest, largest = (value / NS_PER_MS for value in batch.response.values_at((0.0, 1.0)))
    entry.min_response_time = min(smallest, entry.min_response_time or smallest)
    entry.max_response_time = max(largest, entry.max_response_time)


@lru_cache(maxsize=1 << 16)
def _of_slot(lowest_ns: int) -> tuple[float, float]:
    """Key in `response_times` and middle, both in milliseconds, of a slot of the histogram."""
    highest_ns = highest_in(index_of(lowest_ns))
    return bucket(highest_ns / NS_PER_MS), (lowest_ns + highest_ns) / 2 / NS_PER_MS


def _add_error(stats: Any, method: str, name: str, error: str, occurrences: int, now_s: float) -> None:
    key = StatsError.create_key(method, name, error)
    entry = stats.errors.get(key)
    if entry is None:
        entry = stats.errors[key] = StatsError(method, name, error, first_seen=now_s)
    entry.occurrences += occurrences
    entry.last_seen = now_s
