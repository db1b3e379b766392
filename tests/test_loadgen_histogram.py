"""The HDR layout: the right slot, the right percentile, and the same thing after a trip through the encoding."""

from __future__ import annotations

import base64
import math
import statistics
import struct
import zlib

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from harness.histograms.histogram import HIGHEST_NS, LOWEST_NS, LatencyHistogram, highest_in, index_of, lowest_in

values = st.integers(LOWEST_NS, HIGHEST_NS) | st.integers(1, 70).map(lambda power: min(HIGHEST_NS, 2**power))
samples = st.lists(values, min_size=1, max_size=200)


@given(values)
def test_a_value_lies_in_its_slot_and_the_slot_is_three_digits_wide(value: int) -> None:
    index = index_of(value)
    assert lowest_in(index) <= value <= highest_in(index)
    assert highest_in(index) - lowest_in(index) <= value / 1000


@given(values)
def test_slots_are_those_of_the_library(value: int) -> None:
    library = HdrHistogram(LOWEST_NS, HIGHEST_NS, 3)
    assert highest_in(index_of(value)) == library.get_highest_equivalent_value(value)
    assert lowest_in(index_of(value)) == library.get_lowest_equivalent_value(value)
    assert index_of(value) == library.get_counts_array_index(value)


@given(samples, st.floats(0, 1))
def test_a_percentile_is_the_nearest_rank_of_the_sorted_data(data: list[int], fraction: float) -> None:
    exact = sorted(data)[max(1, math.ceil(fraction * len(data) - 1e-6)) - 1]
    assert LatencyHistogram(data).value_at(fraction) == highest_in(index_of(exact))


def test_percentiles_of_a_known_series() -> None:
    histogram = LatencyHistogram(range(1, 1001))
    assert histogram.values_at([0, 0.5, 0.9, 0.99, 0.999, 1]) == (1, 500, 900, 990, 999, 1000)


@given(samples, samples)
def test_adding_is_counting_both(one: list[int], other: list[int]) -> None:
    histogram = LatencyHistogram(one)
    histogram.add(LatencyHistogram(other))
    assert histogram.by_slot() == LatencyHistogram(one + other).by_slot()


@given(samples)
def test_encoding_loses_nothing(data: list[int]) -> None:
    histogram = LatencyHistogram(data)
    assert LatencyHistogram.from_encoded(histogram.encoded()).by_slot() == histogram.by_slot()


@pytest.mark.parametrize("value", [-5, 0, HIGHEST_NS + 1])
def test_values_out_of_range_are_counted_and_in_no_percentile(value: int) -> None:
    histogram = LatencyHistogram([7, value])
    assert (len(histogram), histogram.out_of_range, histogram.value_at(1)) == (1, 1, 7)


def test_an_empty_histogram_has_no_percentiles_and_no_curve() -> None:
    with pytest.raises(ValueError, match="empty"):
        LatencyHistogram().value_at(0.5)
    assert LatencyHistogram().curve(200) == ()


@given(samples)
def test_a_curve_rises_from_the_smallest_to_the_largest_and_stays_below_one(data: list[int]) -> None:
    histogram = LatencyHistogram(data)
    curve = histogram.curve(60)
    fractions, times = zip(*curve, strict=True)
    assert len(curve) == 60
    assert list(fractions) == sorted(fractions)
    assert list(times) == sorted(times)
    assert (fractions[0], times[0], times[-1]) == (0, histogram.value_at(0), histogram.value_at(1))
    assert fractions[-1] < 1


def test_a_curve_is_dense_in_the_tail() -> None:
    fractions = [fraction for fraction, _ in LatencyHistogram(range(1, 10_001)).curve(200)]
    assert sum(fraction > 0.99 for fraction in fractions) > 80


def packed(raw: bytes, cookie: int = 0x1C849314, length: int | None = None) -> str:
    """An encoded histogram around any payload."""
    squeezed = zlib.compress(raw)
    return base64.b64encode(struct.pack(">iI", cookie, len(squeezed) if length is None else length) + squeezed).decode()


def payload(
    counts: bytes = b"\x02", *, cookie: int = 0x1C849313, digits: int = 3, lowest: int = 1, highest: int = HIGHEST_NS
) -> bytes:
    return struct.pack(">iIiiqqd", cookie, len(counts), 0, digits, lowest, highest, 1.0) + counts


@given(st.dictionaries(values, st.integers(1, 1 << 45), min_size=1, max_size=50))
def test_counts_of_any_size_survive_the_encoding(by_value: dict[int, int]) -> None:
    histogram, library = LatencyHistogram(), HdrHistogram(LOWEST_NS, HIGHEST_NS, 3)
    for value, count in by_value.items():
        library.record_value(value, count)
    histogram = LatencyHistogram.from_encoded(library.encode().decode())
    assert len(histogram) == sum(by_value.values())
    assert histogram.encoded() == library.encode().decode()


def test_an_empty_histogram_survives_the_encoding() -> None:
    assert len(LatencyHistogram.from_encoded(LatencyHistogram().encoded())) == 0


@given(st.lists(samples, max_size=5))
def test_merging_is_counting_all_and_leaves_the_parts(parts: list[list[int]]) -> None:
    histograms = [LatencyHistogram(part) for part in parts]
    whole = LatencyHistogram.merged(histograms)
    assert whole.by_slot() == LatencyHistogram(value for part in parts for value in part).by_slot()
    assert [len(each) for each in histograms] == [len(part) for part in parts]


def test_merging_adds_what_is_out_of_range() -> None:
    assert LatencyHistogram.merged([LatencyHistogram([0, 5]), LatencyHistogram([-1])]).out_of_range == 2


@given(samples)
def test_mean_and_deviation_are_those_of_the_data_within_half_a_slot(data: list[int]) -> None:
    mean, deviation = LatencyHistogram(data).mean_and_deviation()
    assert mean == pytest.approx(statistics.mean(data), rel=1e-3)
    assert deviation == pytest.approx(statistics.pstdev(data), abs=max(data) / 1000)


def test_nothing_has_mean_and_deviation_0() -> None:
    assert LatencyHistogram().mean_and_deviation() == (0, 0)


def test_what_another_tool_recorded_past_a_minute_is_out_of_range() -> None:
    library = HdrHistogram(1, 3_600_000_000_000, 3)
    for value in (0, 5_000, 61_000_000_000, 100_000_000_000):
        library.record_value(value)
    histogram = LatencyHistogram.from_encoded(library.encode().decode())
    assert (len(histogram), histogram.out_of_range) == (1, 3)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "cut short"),
        ("AAAA", "cut short"),
        ("not base64!", "not base64"),
        ("ä", "not base64"),
        (packed(payload(), cookie=7), "not a compressed V2 histogram"),
        (packed(payload(), length=3), "it says 3 bytes"),
        (base64.b64encode(struct.pack(">iI", 0x1C849314, 4) + b"oops").decode(), "does not decompress"),
        (packed(b"short"), "does not decompress to a histogram"),
        (packed(payload(bytes(2 << 20))), "does not decompress to a histogram"),
        (packed(payload(cookie=7)), "not a V2 histogram"),
        (packed(payload()[:-1]), "not a V2 histogram"),
        (packed(payload(digits=2)), "with 2 digits"),
        (packed(payload(lowest=1000)), "from 1000"),
        (packed(payload(highest=-1)), "to -1"),
        (packed(payload(b"\x02" * 30_000)), "more counts than its range has slots"),
        (packed(payload(b"\xff")), "varint"),
    ],
)
def test_what_is_no_histogram_of_ours_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        LatencyHistogram.from_encoded(text)
