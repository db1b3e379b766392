"""The regression gate: nights are clusters, and only a worsening beyond the threshold and beyond doubt fails."""

from __future__ import annotations

import math
from statistics import fmean

import pytest

from harness.errors import UsageError
from harness.statistics import LAST_NIGHTS, MIN_NIGHTS, Gate, GateOutcome, Quantity, compare, gate
from tests.statistics_samples import Truth

STEADY = [[4.0, 4.1, 3.9, 4.05, 3.95, 4.0, 4.1, 3.9, 4.05, 3.95]] * MIN_NIGHTS


def scaled(factor: float) -> list[float]:
    return [factor * each for each in STEADY[0]]


def failed(found: Gate) -> bool:
    return found.outcome is GateOutcome.FAILED


def test_a_clear_worsening_fails() -> None:
    found = gate(STEADY, scaled(1.5), threshold=1.1)
    assert failed(found)
    assert found.low is not None
    assert found.low > 1.1
    assert math.isclose(found.ratio or 0, 1.5)
    assert "worse by more than 1.1" in found.why


@pytest.mark.parametrize("factor", [1.0, 1.05, 1.11, 0.5])
def test_what_is_not_shown_beyond_the_threshold_passes(factor: float) -> None:
    """1.11 is over the threshold, but its interval is not; half is an improvement."""
    found = gate(STEADY, scaled(factor), threshold=1.1)
    assert found.outcome is GateOutcome.PASSED
    assert "not shown to be worse" in found.why


@pytest.mark.parametrize("quantity", list(Quantity))
def test_worse_is_lower_for_a_rate_and_higher_for_the_rest(quantity: Quantity) -> None:
    worse, better = (0.5, 2.0) if quantity is Quantity.RATE else (2.0, 0.5)
    assert failed(gate(STEADY, scaled(worse), threshold=1.1, quantity=quantity))
    assert not failed(gate(STEADY, scaled(better), threshold=1.1, quantity=quantity))
    assert math.isclose(gate(STEADY, scaled(worse), threshold=1.1, quantity=quantity).ratio or 0, 2.0)


def test_too_few_nights_never_fail() -> None:
    """Nor do nights count that have too few launches, or a launch without a ratio."""
    thin, broken = STEADY[0][:9], [*STEADY[0][:9], 0.0]
    for history in ([], STEADY[1:], [*STEADY[1:], thin], [*STEADY[1:], broken]):
        found = gate(history, scaled(9.0), threshold=1.1)
        assert found.outcome is GateOutcome.TOO_FEW_NIGHTS
        assert found.nights == min(len(history), MIN_NIGHTS - 1)
        assert found.ratio is None
    assert failed(gate(STEADY, scaled(9.0), threshold=1.1))


def test_too_few_launches_tonight_never_fail() -> None:
    found = gate(STEADY, scaled(9.0)[:9], threshold=1.1)
    assert found.outcome is GateOutcome.TOO_FEW_LAUNCHES
    assert "9 launches, where 10 are needed" in found.why


def test_a_launch_without_a_ratio_is_said() -> None:
    found = gate(STEADY, [*scaled(1.0), 0.0], threshold=1.1)
    assert found.outcome is GateOutcome.NO_RATIO
    assert "a launch's value is 0" in found.why


def test_old_nights_are_forgotten() -> None:
    """What was fast more than two weeks ago is no measure of tonight."""
    old, recent = [scaled(0.1)] * 30, [scaled(1.0)] * LAST_NIGHTS
    found = gate([*old, *recent], scaled(1.0), threshold=1.1)
    assert found.nights == LAST_NIGHTS
    assert math.isclose(found.ratio or 0, 1.0)


@pytest.mark.parametrize("threshold", [1.0, 0.9, math.nan, math.inf])
def test_a_threshold_is_a_factor_above_one(threshold: float) -> None:
    with pytest.raises(UsageError, match="is no threshold"):
        gate(STEADY, STEADY[0], threshold=threshold)


@pytest.mark.parametrize("nights", [MIN_NIGHTS, LAST_NIGHTS])
def test_pooled_launches_cry_wolf_and_the_gate_does_not(nights: int) -> None:
    """Nothing changes but the machine's mood, 5 % from night to night: a gate at the least threshold fails in 2.5 %.

    Holding tonight's launches against all earlier ones together would fail one night in four.
    """
    truth = Truth(nights)
    ours, pooled, trials = 0, 0, 600
    for _ in range(trials):
        *history, now = truth.nights(nights + 1, 10, between=0.05, within=0.03)
        ours += failed(gate(history, now, threshold=1.000_001))
        pooled += (compare([each for night in history for each in night], now, seed=None).low or 0) > 1
    assert 0.006 < ours / trials < 0.044
    assert pooled / trials > 0.2


def test_a_noisy_night_is_not_held_against_quiet_ones() -> None:
    """Tonight's own launches scatter tenfold: its center is worth less than the earlier ones', and the gate knows."""
    truth = Truth(8)
    alarms, trials = 0, 1_000
    for _ in range(trials):
        history = truth.nights(MIN_NIGHTS, 10, between=0.0, within=0.02)
        alarms += failed(gate(history, truth.launches(10, noise=0.2), threshold=1.000_001))
    assert alarms / trials < 0.04


def test_nights_that_agree_by_chance_do_not_make_it_sure() -> None:
    """Five centers that happen to be equal, and a quiet night: what the launches within them scatter still counts."""
    truth = Truth(9)
    night = truth.launches(10, noise=0.1)
    quiet = truth.launches(10, center=1.15 * math.exp(fmean(map(math.log, night))), noise=0.001)
    slower = gate([night] * MIN_NIGHTS, quiet, threshold=1.1)
    assert slower.outcome is GateOutcome.PASSED
    assert slower.low is not None
    assert slower.low < 1.1 < (slower.ratio or 0)


def test_a_real_worsening_is_found() -> None:
    """40 % worse, where nights differ by 3 %: found nearly always. 5 % worse, at a threshold of 10 %: never."""
    truth = Truth(10)
    found, false = 0, 0
    for _ in range(200):
        *history, now = truth.nights(8, 10, between=0.03, within=0.03)
        found += failed(gate(history, [1.4 * each for each in now], threshold=1.1))
        false += failed(gate(history, [1.05 * each for each in now], threshold=1.1))
    assert found >= 195
    assert false <= 1


def test_a_stricter_confidence_holds_back() -> None:
    """Many figures gated at once ask for more; the same night passes that failed alone."""
    truth = Truth(11)
    *history, now = truth.nights(MIN_NIGHTS + 1, 10, between=0.03, within=0.03)
    worse = [1.3 * each for each in now]
    assert failed(gate(history, worse, threshold=1.1))
    strict = gate(history, worse, threshold=1.1, confidence=1 - 0.05 / 200)
    assert strict.outcome is GateOutcome.PASSED
