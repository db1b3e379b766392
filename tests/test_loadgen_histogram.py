"""The HDR layout: the right slot, the right percentile, and the same thing after a trip through the encoding."""

from __future__ import annotations

import math

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from loadgen.histogram import HIGHEST_NS, LOWEST_NS, LatencyHistogram, highest_in, index_of, lowest_in

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
