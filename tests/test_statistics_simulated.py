"""The statistics against launches whose truth is known: how often they are wrong is what they say it is.

Seeds are fixed, so each rate is a known number; the limits are three standard errors around what theory promises.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

import pytest
from scipy import stats

from harness.comparison_results import Word
from harness.statistics import Comparison, Quantity, compare, holm, interval_of, reach, word
from tests.statistics_samples import Truth

DIRECTIONS = {Word.FASTER, Word.SLOWER}


def verdict(comparison: Comparison, p_holm: float, floor: float | None = None) -> Word:
    return word(comparison, p_holm, quantity=Quantity.TIME, floor=floor)


@pytest.mark.parametrize("launches", [5, 10])
def test_two_of_the_same_differ_in_five_of_a_hundred_trials(launches: int) -> None:
    """2,000 A/A pairs: p falls below 5 % in 5 % of them, as it must."""
    truth = Truth(launches)
    alarms = [compare(truth.launches(launches), truth.launches(launches), seed=None) for _ in range(2_000)]
    rate = fmean((each.p or 0) < 0.05 for each in alarms)
    assert 0.035 < rate < 0.065


def test_sides_of_unequal_spread_do_not_deceive() -> None:
    """Few noisy launches beside many quiet ones make a pooled t-test cry wolf, and Welch's not."""
    truth = Truth(2)
    pooled, ours = 0, 0
    for _ in range(1_000):
        noisy, quiet = truth.launches(7, noise=0.2), truth.launches(28, noise=0.02)
        ours += (compare(noisy, quiet, seed=None).p or 0) < 0.05
        pooled += stats.ttest_ind([math.log(each) for each in noisy], [math.log(each) for each in quiet]).pvalue < 0.05
    assert 0.029 < ours / 1_000 < 0.071
    assert pooled / 1_000 > 0.2


def test_a_report_full_of_pairs_that_do_not_differ_rarely_says_that_one_does() -> None:
    """Families of 20 A/A pairs: uncorrected nearly two in three have a false word, with Holm at most one in twenty."""
    truth = Truth(3)
    corrected, plain = 0, 0
    for _ in range(150):
        pairs = [compare(truth.launches(10), truth.launches(10), seed=None) for _ in range(20)]
        p_values = [each.p or 0.0 for each in pairs]
        plain += any(verdict(*each) in DIRECTIONS for each in zip(pairs, p_values, strict=True))
        corrected += any(verdict(*each) in DIRECTIONS for each in zip(pairs, holm(p_values), strict=True))
    assert plain / 150 > 0.5
    assert corrected / 150 < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 150)


@pytest.mark.parametrize("launches", [5, 7, 10])
def test_the_interval_of_a_ratio_holds_the_truth(launches: int) -> None:
    """True ratio 1.2, sides of different spread: the 95 % interval has it in 95 % of 1,500 trials, from n = 5 up."""
    truth = Truth(10 + launches)
    held = 0
    for _ in range(1_500):
        found = compare(truth.launches(launches), truth.launches(launches, center=4.8, noise=0.1), seed=None)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 1.2 <= found.high
    assert 0.933 < held / 1_500 < 0.967


@pytest.mark.parametrize("launches", [3, 10])
def test_the_interval_of_a_figure_holds_the_truth(launches: int) -> None:
    """The same of one figure alone: a claim is graded by it."""
    truth = Truth(20 + launches)
    found = [interval_of(truth.launches(launches, center=4.0)) for _ in range(1_500)]
    held = fmean((each.low or 9) <= 4.0 <= (each.high or 0) for each in found)
    assert 0.933 < held < 0.967


def test_requests_are_not_launches() -> None:
    """Requests of one launch share its luck. A test on all requests cries wolf in most A/A trials, one on launches not.

    This is the trap that the unit of replication is there for.
    """
    truth = Truth(3)
    by_request, by_launch = 0, 0
    for _ in range(300):
        left, right = (truth.requests(10, 150, between=0.05, within=0.05) for _ in range(2))
        by_request += _flat_p(left, right) < 0.05
        medians = [[sorted(each)[len(each) // 2] for each in side] for side in (left, right)]
        by_launch += (compare(*medians, seed=None).p or 0) < 0.05
    assert by_request / 300 > 0.6
    assert by_launch / 300 < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)


def _flat_p(left: Sequence[Sequence[float]], right: Sequence[Sequence[float]]) -> float:
    flat = [[value for launch in side for value in launch] for side in (left, right)]
    return float(stats.mannwhitneyu(*flat).pvalue)


def test_the_bootstrap_holds_the_truth_too() -> None:
    """BCa of the ratio of medians, 10 launches: at least 91 of 100 intervals hold the true 1.2, and none is idle."""
    truth = Truth(4)
    held, widths = 0, []
    for trial in range(300):
        found = compare(truth.launches(10), truth.launches(10, center=4.8), seed=trial)
        assert found.bca_low is not None
        assert found.bca_high is not None
        held += found.bca_low <= 1.2 <= found.bca_high
        widths.append(found.bca_high / found.bca_low)
    assert 0.91 < held / 300 < 0.99
    assert 1.05 < fmean(widths) < 1.25


def test_a_fifth_is_found_among_a_hundred_pairs() -> None:
    """Power: a true 20 % beside 5 % of noise, with 10 launches, in a report of a hundred pairs that do not differ."""
    truth = Truth(5)
    right_words = 0
    for _ in range(20):
        pairs = [compare(truth.launches(10), truth.launches(10, center=4.8), seed=None)]
        pairs += [compare(truth.launches(10), truth.launches(10), seed=None) for _ in range(99)]
        right_words += verdict(pairs[0], holm([each.p or 0.0 for each in pairs])[0]) is Word.FASTER
    assert right_words >= 19


def test_the_floor_holds_back_words_where_equal_subjects_differ() -> None:
    """Every subject with a bias of its own that its launches do not show: the A/A pair is all that can tell.

    One A/A pair is one look at that bias: words become rare, not impossible.
    """
    truth = Truth(6)
    plain, beyond_floor = 0, 0
    for _ in range(500):
        centers = truth.launches(3, noise=0.04)
        first, again, other = (truth.launches(10, center=center, noise=0.03) for center in centers)
        same, pair = compare(first, again, seed=None), compare(first, other, seed=None)
        plain += verdict(pair, pair.p or 0.0) in DIRECTIONS
        beyond_floor += verdict(pair, pair.p or 0.0, reach(same)) in DIRECTIONS
    assert plain / 500 > 0.5
    assert beyond_floor < plain / 2


def test_the_floor_costs_little_where_equal_subjects_do_not_differ() -> None:
    """A true 20 % is still called so with the floor of an honest A/A pair."""
    truth = Truth(7)
    found = 0
    for _ in range(300):
        floor = reach(compare(truth.launches(10), truth.launches(10), seed=None))
        pair = compare(truth.launches(10), truth.launches(10, center=4.8), seed=None)
        found += verdict(pair, pair.p or 0.0, floor) is Word.FASTER
    assert found / 300 > 0.97
