"""Latencies in the HDR layout: unit 1 ns, three significant digits, 1 ns to 60 s.

Indexing is our own, one shift instead of the library's walk; encoding is the library's, so that every HdrHistogram tool
reads the result. Source of the layout: HdrHistogram's AbstractHistogram.java.
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress

from hdrh.codec import V2_COMPRESSION_COOKIE_BASE, V2_ENCODING_COOKIE_BASE, get_cookie_base
from hdrh.histogram import HdrHistogram

LOWEST_NS, HIGHEST_NS = 1, 60_000_000_000
SIGNIFICANT_DIGITS = 3

# 2,048 sub-buckets are what three digits take; every bucket after the first uses the upper half of them.
_SUB_BUCKET_BITS = 11
_HALF_BITS = _SUB_BUCKET_BITS - 1
SUB_BUCKETS = 1 << _SUB_BUCKET_BITS
BUCKETS = HIGHEST_NS.bit_length() - _SUB_BUCKET_BITS + 1

# Of the V2 form: cookie and length of the compressed part; and in it cookie, length, offset, digits, lowest, highest.
_OUTER = struct.Struct(">iI")
_INNER = struct.Struct(">iIiiqqd")
_MOST_PAYLOAD_BYTES = 1 << 20
"""Far more than 27 thousand slots of up to 9 bytes take, far less than a hostile payload could unpack to."""


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

    @classmethod
    def merged(cls, parts: Iterable[LatencyHistogram]) -> LatencyHistogram:
        """The sum of intervals, workers or runs: exact, for slots are the same everywhere. Parts stay as they are."""
        whole = cls()
        for part in parts:
            whole.add(part)
        return whole

    @classmethod
    def from_counts(cls, counts: Sequence[int] | Mapping[int, int]) -> LatencyHistogram:
        """Of counts by `index_of`, as a list of all slots or a mapping of those in use; copied, not kept.

        What lies outside the range, 0 included, is counted as out of range.
        """
        if not isinstance(counts, Mapping):
            counts = dict(enumerate(counts))
        if 0 in counts.values():
            counts = {index: count for index, count in counts.items() if count}
        found, lowest, highest = cls(), index_of(LOWEST_NS), index_of(HIGHEST_NS)
        # dict.update copies in one go; Counter's own would add up slot by slot.
        dict.update(found._counts, counts)
        if counts and not (lowest <= min(counts) and max(counts) <= highest):
            for index in [each for each in counts if not lowest <= each <= highest]:
                found.out_of_range += found._counts.pop(index)
        return found

    def value_at(self, fraction: float) -> int:
        return self.values_at([fraction])[0]

    def mean_and_deviation(self) -> tuple[float, float]:
        """Mean and standard deviation in nanoseconds, each value taken as the middle of its slot, as the tools do.

        (0, 0) when nothing was recorded.
        """
        if not self:
            return 0.0, 0.0
        total = len(self)
        middles = [((lowest_in(index) + lowest_in(index + 1)) // 2, count) for index, count in self._counts.items()]
        mean = sum(middle * count for middle, count in middles) / total
        variance = math.fsum(count * (middle - mean) ** 2 for middle, count in middles) / total
        return mean, math.sqrt(variance)

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
        """The V2 compressed form in base64, as histogram logs have it. It has no place for `out_of_range`."""
        library = HdrHistogram(LOWEST_NS, HIGHEST_NS, SIGNIFICANT_DIGITS)
        counts = library.counts  # by the same index; recording value by value takes six times as long
        for index, count in self._counts.items():
            counts[index] = count
        if self._counts:
            library.set_internal_tacking_values(min(self._counts), max(self._counts), self._counts.total())
        return str(library.encode().decode("ascii"))

    @classmethod
    def from_encoded(cls, text: str) -> LatencyHistogram:
        """Of a histogram with this layout, whoever wrote it; what is past 60 s there is `out_of_range` here.

        Raises `ValueError`, with the reason, for what is no encoded histogram or one of another unit or precision.
        """
        _require_our_layout(text)
        try:
            # A slice is a list, which is gone through five times as fast as the array of C numbers.
            counts = HdrHistogram.decode(text).counts[:]
        except IndexError as error:
            raise ValueError("more counts than its range has slots") from error
        last, found = index_of(HIGHEST_NS), cls()
        for index in compress(range(len(counts)), counts):
            if LOWEST_NS <= index <= last:
                found._counts[index] = counts[index]
            else:
                found.out_of_range += counts[index]
        return found

    def by_slot(self) -> Mapping[int, int]:
        """Count by the slot's lowest value, in nanoseconds, in rising order."""
        return {lowest_in(index): count for index, count in sorted(self._counts.items())}


def _require_our_layout(text: str) -> None:
    """What the library takes on trust, or fails on in five different ways."""
    try:
        packed = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"not base64: {error}") from error
    if len(packed) < _OUTER.size:
        raise ValueError("cut short")
    cookie, length = _OUTER.unpack_from(packed)
    if get_cookie_base(cookie) != V2_COMPRESSION_COOKIE_BASE:
        raise ValueError("not a compressed V2 histogram")
    if length != len(packed) - _OUTER.size:
        raise ValueError(f"it says {length} bytes and has {len(packed) - _OUTER.size}")
    unpacking = zlib.decompressobj()
    try:
        raw = unpacking.decompress(packed[_OUTER.size :], _MOST_PAYLOAD_BYTES)
    except zlib.error as error:
        raise ValueError(f"does not decompress: {error}") from error
    if not unpacking.eof or len(raw) < _INNER.size:
        raise ValueError("does not decompress to a histogram")
    cookie, size, offset, digits, lowest, highest, _ratio = _INNER.unpack_from(raw)
    # V2 of the standard tools has a 1 where older ones had the width of a count.
    if get_cookie_base(cookie) != V2_ENCODING_COOKIE_BASE or size != len(raw) - _INNER.size:
        raise ValueError("not a V2 histogram")
    if (offset, digits, lowest) != (0, SIGNIFICANT_DIGITS, LOWEST_NS) or highest < 2 * lowest:
        raise ValueError(
            f"a histogram from {lowest} to {highest} with {digits} digits, where the lowest is {LOWEST_NS} "
            f"and the digits are {SIGNIFICANT_DIGITS}"
        )
