"""Intervals, comparisons, corrections and words: known answers, laws that hold for all values, and bad values."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.comparison_results import Word
from harness.errors import UsageError
from harness.statistics import (
    MIN_LAUNCHES_FOR_A_VERDICT,
    TOO_FEW_BELOW,
    Comparison,
    Quantity,
    compare,
    holm,
    interval_of,
    noise_floor,
    reach,
    word,
)
from harness.statistics.bootstrap import FEWEST
from tests.statistics_samples import Truth

VALUE = st.floats(min_value=1e-6, max_value=1e9)
LAUNCHES = st.lists(VALUE, min_size=1, max_size=12)
SEVERAL = st.lists(VALUE, min_size=2, max_size=12)
ENOUGH = st.lists(st.floats(min_value=1.0, max_value=9.0), min_size=FEWEST, max_size=12)
BOUNDS = ("low", "high", "bca_low", "bca_high")


def close(left: float | None, right: float | None) -> bool:
    """Equal but for the last digits; None only equals None."""
    if left is None or right is None:
        return left is right
    return math.isclose(left, right, rel_tol=1e-6, abs_tol=1e-9)


def two_tails(t: float, freedom: float) -> float:
    """The area under Student's density beyond t on both sides, by summing it: x = sqrt(freedom) * tan(angle)."""
    density = math.gamma((freedom + 1) / 2) / (math.sqrt(math.pi) * math.gamma(freedom / 2))
    begun, steps = math.atan(t / math.sqrt(freedom)), 20_000
    width = (math.pi / 2 - begun) / steps
    return 2 * density * width * sum(math.cos(begun + (each + 0.5) * width) ** (freedom - 1) for each in range(steps))


def test_a_known_answer() -> None:
    """Logs 0, 1, 2 against 3, 4, 5, 6: Welch's t and Hedges' g from the textbook's formulas, with nothing of scipy."""
    found = compare([math.exp(each) for each in (0, 1, 2)], [math.exp(each) for each in (3, 4, 5, 6)], seed=None)
    error = math.sqrt(1 / 3 + (5 / 3) / 4)
    freedom = error**4 / ((1 / 3) ** 2 / 2 + ((5 / 3) / 4) ** 2 / 3)
    assert math.isclose(found.ratio or 0, math.exp(3.5))
    assert math.isclose(found.p or 0, two_tails(3.5 / error, freedom), rel_tol=1e-6)
    assert found.low is not None
    assert found.high is not None
    assert math.isclose(found.low * found.high, math.exp(7), rel_tol=1e-9), "it lies evenly around the ratio"
    assert math.isclose(two_tails((3.5 - math.log(found.low)) / error, freedom), 0.05, rel_tol=1e-6)
    pooled = math.sqrt((2 * 1 + 3 * 5 / 3) / 5)
    assert math.isclose(found.effect or 0, 3.5 / pooled * (1 - 3 / 19))


def test_a_known_interval() -> None:
    """Logs 1, 2, 3: mean 2, standard error 1 / sqrt(3), t = 4.303 with two degrees of freedom."""
    found = interval_of([math.e, math.e**3, math.e**2])
    assert found.launches == 3
    assert math.isclose(found.center or 0, math.e**2)
    assert math.isclose(found.low or 0, math.exp(2 - 4.302653 / math.sqrt(3)), rel_tol=1e-6)
    assert math.isclose(found.high or 0, math.exp(2 + 4.302653 / math.sqrt(3)), rel_tol=1e-6)


@given(SEVERAL, SEVERAL)
@settings(deadline=None)
def test_swapped_sides_give_the_inverse(left: list[float], right: list[float]) -> None:
    one, other = compare(left, right, seed=1), compare(right, left, seed=1)
    assert one.ratio
    assert one.low
    assert one.high
    assert other.ratio
    assert close(one.ratio, 1 / other.ratio)
    assert close(one.low, 1 / (other.high or math.nan))
    assert close(one.high, 1 / (other.low or math.nan))
    assert close(one.p, other.p)
    assert one.low <= one.ratio * (1 + 1e-9)
    assert one.ratio <= one.high * (1 + 1e-9)


@given(ENOUGH, ENOUGH)
@settings(max_examples=25, deadline=None)
def test_swapped_sides_give_the_bootstraps_inverse(left: list[float], right: list[float]) -> None:
    one, other = compare(left, right, seed=1), compare(right, left, seed=1)
    assert (one.bca_low is None) is (other.bca_high is None)
    if one.bca_low and one.bca_high and other.bca_low and other.bca_high and sorted(left) != sorted(right):
        assert one.bca_low == 1 / other.bca_high or other.bca_high == 1 / one.bca_low
        assert one.bca_high == 1 / other.bca_low or other.bca_low == 1 / one.bca_high


@given(ENOUGH, ENOUGH, st.sampled_from([0.001, 0.5, 3.0, 1_000.0]))
@settings(max_examples=25, deadline=None)
def test_a_unit_changes_nothing(left: list[float], right: list[float], scale: float) -> None:
    """Nanoseconds or milliseconds on both sides: the same ratio, intervals, p and effect."""
    one = compare(left, right, seed=1)
    other = compare([scale * each for each in left], [scale * each for each in right], seed=1)
    for name in ("ratio", *BOUNDS, "p"):
        assert close(getattr(one, name), getattr(other, name)), name


@given(ENOUGH, ENOUGH, st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_the_order_of_launches_does_not_matter(left: list[float], right: list[float], random: Random) -> None:
    """To the last digit, the bootstrap included."""
    shuffled = [list(left), list(right)]
    for each in shuffled:
        random.shuffle(each)
    assert compare(left, right, seed=3) == compare(*shuffled, seed=3)
    assert interval_of(left) == interval_of(shuffled[0])


@given(SEVERAL, SEVERAL)
@settings(deadline=None)
def test_p_and_the_interval_say_the_same(left: list[float], right: list[float]) -> None:
    """p is below 5 % exactly when the 95 % interval lies on one side of 1."""
    found = compare(left, right, seed=None)
    assert found.p is not None
    assert found.low is not None
    assert found.high is not None
    if abs(found.p - 0.05) > 1e-6:
        assert (found.p < 0.05) is (found.low > 1 or found.high < 1)


ANYTHING = st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=12)


@given(ANYTHING, ANYTHING)
@settings(max_examples=300, deadline=None)
def test_no_value_makes_a_nan_a_warning_or_an_error(left: list[float], right: list[float]) -> None:
    """Zero, negative, infinite, NaN, denormal, none at all: a number, or None and why (warnings are errors)."""
    found = compare(left, right, seed=1)
    numbers = [getattr(found, name) for name in ("ratio", *BOUNDS, "p", "effect")]
    assert all(each is None or math.isfinite(each) for each in numbers)
    assert bool(found.why) is (found.ratio is None)
    assert isinstance(word(found, found.p, quantity=Quantity.TIME), Word)
    figure = interval_of(left)
    assert bool(figure.why) is (figure.center is None)
    assert all(each is None or math.isfinite(each) for each in (figure.center, figure.low, figure.high))


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([], "no launch has a value"),
        ([1.0, math.nan], "no number"),
        ([math.inf], "no number"),
        ([3.0, 0.0], "a launch's value is 0"),
        ([3.0, -2.5], "a launch's value is -2.5"),
    ],
)
def test_what_has_no_logarithm_is_said(values: list[float], why: str) -> None:
    """A throughput of 0 or a difference below 0 is neither left out nor made small: the comparison says it."""
    sound = [1.0, 1.1, 1.2]
    assert why in interval_of(values).why
    for found in (compare(values, sound, seed=1), compare(sound, values, seed=1)):
        assert why in found.why
        assert found.ratio is None
        assert {found.launches_left, found.launches_right} == {len(values), 3}


def test_one_launch_has_a_ratio_and_no_interval() -> None:
    found = compare([2.0], [3.0, 3.1], seed=1)
    assert found.ratio is not None
    assert 1.5 < found.ratio < 1.55
    assert (found.low, found.high, found.p, found.effect) == (None, None, None, None)
    assert interval_of([2.0]).low is None
    assert math.isclose(interval_of([2.0]).center or 0, 2.0)


def test_launches_that_agree_exactly() -> None:
    """No spread at all: the ratio is known, and only what differs differs."""
    same, other = compare([2.0] * 10, [2.0] * 10, seed=1), compare([2.0] * 10, [3.0] * 10, seed=1)
    assert (same.ratio, same.low, same.high, same.p, same.effect) == (1.0, 1.0, 1.0, 1.0, None)
    assert close(other.low, 1.5)
    assert close(other.high, 1.5)
    assert other.p == 0.0
    assert word(same, same.p, quantity=Quantity.TIME) is Word.NO_DIFFERENCE
    assert word(other, other.p, quantity=Quantity.TIME) is Word.FASTER


@pytest.mark.parametrize("swapped", [False, True])
def test_one_side_that_agrees_exactly(swapped: bool) -> None:
    """A side without spread is a known number: the interval is that of the other one alone."""
    noisy, steady = Truth(1).launches(10), [8.0] * 10
    found = compare(steady, noisy, seed=1) if not swapped else compare(noisy, steady, seed=1)
    alone = interval_of([each / 8.0 for each in noisy])
    expected = (alone.low, alone.high) if not swapped else (1 / (alone.high or 0), 1 / (alone.low or 0))
    assert close(found.low, expected[0])
    assert close(found.high, expected[1])
    assert found.bca_low is None, "nothing to resample on one side"


def test_the_bootstrap_follows_its_seed() -> None:
    left, right = Truth(1).launches(10), Truth(2).launches(10)
    assert compare(left, right, seed=5) == compare(left, right, seed=5)
    assert compare(left, right, seed=5).bca_low != compare(left, right, seed=6).bca_low
    assert compare(left, right, seed=None).bca_low is None
    assert compare(left[:6], right, seed=5).bca_low is None, "six values have too few different medians"
    assert compare(left[:7], right, seed=5).bca_low is not None


def test_holm_known_answer() -> None:
    """Holm's own rule: the smallest times 4, the next times 3, and never smaller than the one before."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_holm_refuses_what_is_no_probability(p: float) -> None:
    with pytest.raises(UsageError, match="is no probability"):
        holm([0.5, p])


def made(launches: int, ratio: float = 1.5, low: float = 1.4, high: float = 1.6) -> Comparison:
    return Comparison(ratio=ratio, low=low, high=high, p=0.001, launches_left=launches, launches_right=launches + 3)


@pytest.mark.parametrize(
    ("quantity", "smaller", "larger"),
    [
        (Quantity.TIME, Word.FASTER, Word.SLOWER),
        (Quantity.RATE, Word.SLOWER, Word.FASTER),
        (Quantity.AMOUNT, Word.LESS, Word.MORE),
    ],
)
def test_words(quantity: Quantity, smaller: Word, larger: Word) -> None:
    """Of left: a shorter time is faster, a lower rate is slower, a smaller amount is less."""
    assert word(made(10), 0.001, quantity=quantity) is smaller
    assert word(made(10, 0.5, 0.4, 0.6), 0.001, quantity=quantity) is larger


@pytest.mark.parametrize(
    ("launches", "differing", "alike"),
    [
        (TOO_FEW_BELOW - 1, Word.TOO_FEW, Word.TOO_FEW),
        (TOO_FEW_BELOW, Word.TOO_FEW, Word.NO_DIFFERENCE),
        (MIN_LAUNCHES_FOR_A_VERDICT - 1, Word.TOO_FEW, Word.NO_DIFFERENCE),
        (MIN_LAUNCHES_FOR_A_VERDICT, Word.FASTER, Word.NO_DIFFERENCE),
    ],
)
def test_launches_that_a_word_needs(launches: int, differing: Word, alike: Word) -> None:
    """Ten for a difference, seven for its absence; the side with fewer counts."""
    assert (MIN_LAUNCHES_FOR_A_VERDICT, TOO_FEW_BELOW) == (10, 7)
    assert word(made(launches), 0.001, quantity=Quantity.TIME) is differing
    assert word(made(launches, 1.01, 0.9, 1.1), 0.8, quantity=Quantity.TIME) is alike


@pytest.mark.parametrize(
    ("comparison", "p_holm", "floor"),
    [
        (made(10), 0.06, None),
        (made(10), None, None),
        (made(10), 0.001, 1.5),
        (made(10, 1 / 1.5, 1 / 1.6, 1 / 1.4), 0.001, 1.5),
        (made(10, 1.2, 0.99, 1.5), 0.001, None),
        (Comparison(launches_left=10, launches_right=10, why="a launch's value is 0"), None, None),
    ],
    ids=["not after Holm", "not tested", "within the floor", "within it, inverse", "interval over 1", "no ratio"],
)
def test_no_difference_is_called_one(comparison: Comparison, p_holm: float | None, floor: float | None) -> None:
    """Each condition alone is enough to hold a word back."""
    assert word(comparison, p_holm, quantity=Quantity.TIME, floor=floor) is Word.NO_DIFFERENCE


def test_a_ratio_beyond_the_floor_has_its_word() -> None:
    assert word(made(10), 0.001, quantity=Quantity.TIME, floor=1.49) is Word.FASTER


def test_the_noise_floor_is_the_furthest_reach_of_any_pair() -> None:
    """On either side of 1; pairs without an interval do not count."""
    pairs = {
        "a": made(10, 1.0, 0.95, 1.06),
        "b": made(10, 0.9, 0.8, 1.01),
        "c": compare([1.0], [1.0], seed=None),
    }
    found = noise_floor(pairs)
    assert (found.factor, found.pairs, found.worst) == (1 / 0.8, 2, "b")
    assert reach(pairs["a"]) == 1.06
    assert noise_floor({}).factor is None
    assert noise_floor({"same": compare([2.0] * 10, [2.0] * 10, seed=None)}).factor == 1.0


def test_everything_that_is_promised_is_exported() -> None:
    """The names the load generator and the reports build on."""
    from harness import statistics

    for name in ("interval_of", "compare", "holm", "word", "noise_floor", "gate"):
        found: Callable[..., object] = getattr(statistics, name)
        assert callable(found)
        assert name in statistics.__all__
