"""Latencies in the HDR layout: unit 1 ns, three significant digits, 1 ns to 60 s.

Indexing is our own, one shift instead of the library's walk; encoding is the library's, so that every HdrHistogram tool
reads the result. Source of the layout: HdrHistogram's AbstractHistogram.java.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

from hdrh.histogram import HdrHistogram

LOWEST_NS, HIGHEST_NS = 1, 60_000_000_000
SIGNIFICANT_DIGITS = 3

# 2,048 sub-buckets are what three digits take; every bucket after the first uses the upper half of them.
_SUB_BUCKET_BITS = 11
_HALF_BITS = _SUB_BUCKET_BITS - 1


def index_of(value_ns: int) -> int:
    """The slot of a value of at least 0."""
    shift = value_ns.bit_length() - _SUB_BUCKET_BITS
    return (shift << _HALF_BITS) + (value_ns >> shift) if shift > 0 else value_ns


def lowest_in(index: int) -> int:
    """The lowest value of a slot, in nanoseconds."""
    shift = (index >> _HALF_BITS) - 1
    return (index - (shift << _HALF_BITS)) << shift if shift > 0 else index


def highest_in(index: int) -> int:
    """The highest value of a slot, in nanoseconds: what HDR percentiles report."""
    return lowest_in(index + 1) - 1


class LatencyHistogram:
    """Counts by slot. `out_of_range` counts the values that have none, which no percentile includes."""

    def __init__(self, values_ns: Iterable[int] = ()) -> None:
        self._counts: Counter[int] = Counter()
        self.out_of_range = 0
        for value in values_ns:
            self.record(value)

    def __len__(self) -> int:
        return self._counts.total()

    def record(self, value_ns: int) -> None:
        if LOWEST_NS <= value_ns <= HIGHEST_NS:
            self._counts[index_of(value_ns)] += 1
        else:
            self.out_of_range += 1

    def add(self, other: LatencyHistogram) -> None:
        """Take in all counts of another histogram."""
        self._counts.update(other._counts)
        self.out_of_range += other.out_of_range

    def values_at(self, fractions: Iterable[float]) -> tuple[int, ...]:
        """For each fraction, in rising order, the nanoseconds at or below which that part of the values lies.

        The nearest rank: 0 is the smallest value, 1 the largest. Raises `ValueError` when nothing was recorded.
        """
        if not self:
            raise ValueError("an empty histogram has no percentiles")
        total, slots = len(self), iter(sorted(self._counts.items()))
        index, seen = next(slots)
        found = []
        for fraction in fractions:
            # 0.99 * 1000 is 990.0000000000001 in some roundings: that is still rank 990.
            rank = max(1, math.ceil(fraction * total - 1e-6))
            while seen < rank:
                index, count = next(slots)
                seen += count
            found.append(highest_in(index))
        return tuple(found)

    def value_at(self, fraction: float) -> int:
        return self.values_at([fraction])[0]

    def curve(self, points: int) -> tuple[tuple[float, int], ...]:
        """About `points` pairs (fraction at or below, nanoseconds), evenly spaced on log(1 / (1 - fraction)).

        From the smallest value to the largest, which stands at 1 - 1 / (2 n): on that axis a fraction of 1 is
        infinitely far away. Empty when nothing was recorded.
        """
        if not self:
            return ()
        rarest = 2 * len(self)
        fractions = [1 - rarest ** (-step / (points - 1)) for step in range(points)]
        return tuple(zip((round(each, 9) for each in fractions), self.values_at(fractions), strict=True))

    def encoded(self) -> str:
        """The V2 compressed form in base64, as histogram logs have it."""
        return str(self._as_library().encode().decode("ascii"))

    @classmethod
    def from_encoded(cls, text: str) -> LatencyHistogram:
        """Raises `HdrCookieException` and its kin for what is not an encoded histogram."""
        decoded, found = HdrHistogram.decode(text), cls()
        for item in decoded.get_recorded_iterator():
            found._counts[index_of(item.value_iterated_to)] += item.count_added_in_this_iter_step
        return found

    def by_slot(self) -> Mapping[int, int]:
        """Count by the slot's lowest value, in nanoseconds, in rising order."""
        return {lowest_in(index): count for index, count in sorted(self._counts.items())}

    def _as_library(self) -> HdrHistogram:
        library = HdrHistogram(LOWEST_NS, HIGHEST_NS, SIGNIFICANT_DIGITS)
        for value, count in self.by_slot().items():
            library.record_value(value, count)
        return library
