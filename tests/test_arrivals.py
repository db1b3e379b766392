"""Schedules: the right number of arrivals at the right times, and the same ones however many workers share them."""

from __future__ import annotations

import heapq
import itertools
import statistics

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from loadgen.arrivals import AnySchedule, Burst, Constant, Poisson, Ramp, Schedule, Steps, Trace

S = 1_000_000_000

rates = st.one_of(st.integers(1, 20_000), st.floats(0.5, 20_000))
durations = st.floats(0.001, 0.2)
schedules = st.one_of(
    st.builds(Constant, rates, durations),
    st.builds(Poisson, rates, durations, st.integers(0, 99)),
    st.builds(Ramp, rates, st.one_of(rates, st.just(0)), durations),
    st.builds(Ramp, st.just(0), rates, durations),
    st.lists(st.tuples(st.one_of(rates, st.just(0)), durations), min_size=1, max_size=4).map(
        lambda steps: Steps(tuple(steps))
    ),
    st.builds(Burst, st.integers(1, 50), durations, durations, st.one_of(rates, st.just(0))),
    st.lists(st.integers(0, 10 * S), min_size=1, max_size=100).map(lambda times: Trace(tuple(sorted(times)))),
)


@given(schedules, st.integers(1, 7))
def test_workers_share_all_arrivals_without_loss_or_overlap(schedule: Schedule, workers: int) -> None:
    whole = list(schedule.due_ns(0, 1))
    shares = [list(schedule.due_ns(worker, workers)) for worker in range(workers)]
    assert shares == [whole[worker::workers] for worker in range(workers)]
    assert list(heapq.merge(*shares)) == whole


@given(schedules)
def test_arrivals_rise_and_end_with_the_schedule(schedule: Schedule) -> None:
    whole = list(schedule.due_ns(0, 1))
    assert all(earlier <= later for earlier, later in itertools.pairwise(whole))
    assert not whole or (whole[0] >= 0 and whole[-1] < schedule.duration_ns)
    assert schedule.total() in (None, len(whole))


@given(schedules)
def test_a_schedule_is_the_same_again_after_a_trip_as_json(schedule: Schedule) -> None:
    received = msgspec.json.decode(msgspec.json.encode(schedule), type=AnySchedule)
    assert received == schedule
    assert list(received.due_ns(1, 3)) == list(schedule.due_ns(1, 3))


def test_a_constant_rate_does_not_drift() -> None:
    """Three a second: the millionth arrival is off by less than the nanosecond it is rounded by."""
    schedule = Constant(3, 400_000)
    assert list(itertools.islice(schedule.due_ns(0, 1), 4)) == [0, 333_333_333, 666_666_666, 1_000_000_000]
    assert next(itertools.islice(schedule.due_ns(0, 1), 1_000_000, None)) == 333_333_333_333_333
    assert next(itertools.islice(schedule.due_ns(0, 1), 900_000, None)) == 300_000 * S


def test_a_tenth_is_a_tenth() -> None:
    assert list(Constant(0.1, 31).due_ns(0, 1)) == [0, 10 * S, 20 * S, 30 * S]


def test_poisson_gaps_are_exponential() -> None:
    """Mean and deviation of the gaps are both 1 / rate; the seed decides all of it."""
    due = list(Poisson(1000, 20, seed=7).due_ns(0, 1))
    gaps = [later - earlier for earlier, later in itertools.pairwise(due)]
    assert 0.97e6 < statistics.mean(gaps) < 1.03e6
    assert 0.96e6 < statistics.stdev(gaps) < 1.04e6
    assert due == list(Poisson(1000, 20, seed=7).due_ns(0, 1)) != list(Poisson(1000, 20, seed=8).due_ns(0, 1))


def test_steps_follow_each_other() -> None:
    due = list(Steps(((10, 1), (0, 1), (20, 1))).due_ns(0, 1))
    counts = [sum(second * S <= at < (second + 1) * S for at in due) for second in range(3)]
    assert counts == [10, 0, 20]


@pytest.mark.parametrize(("start", "end"), [(0, 200), (200, 0), (50, 150), (100, 100)])
def test_a_ramp_reaches_what_the_line_says(start: float, end: float) -> None:
    """Up to t seconds of ten there are a t + (b - a) t^2 / 20 arrivals."""
    due = list(Ramp(start, end, 10).due_ns(0, 1))
    assert len(due) == 1000
    for t in (1, 2.5, 5, 7.5, 10):
        expected = start * t + (end - start) * t * t / 20
        assert abs(sum(at < t * S for at in due) - expected) <= 1


def test_a_burst_is_at_one_instant() -> None:
    due = list(Burst(5, 1, 3, base_rps=2).due_ns(0, 1))
    assert [due.count(second * S) for second in range(3)] == [6, 6, 6]
    assert len(due) == 3 * 5 + 6


@pytest.mark.parametrize(
    "make",
    [
        lambda: Constant(0, 1),
        lambda: Constant(-1, 1),
        lambda: Constant(float("nan"), 1),
        lambda: Constant(float("inf"), 1),
        lambda: Constant(1, 0),
        lambda: Constant(1e9, 1),
        lambda: Constant(1, 1e9),
        lambda: Poisson(0, 1),
        lambda: Ramp(0, 0, 1),
        lambda: Ramp(-1, 5, 1),
        lambda: Steps(()),
        lambda: Steps(((1, 0),)),
        lambda: Steps(((-1, 1),)),
        lambda: Burst(0, 1, 1),
        lambda: Burst(1, 0, 1),
        lambda: Burst(1, 1, 1, -1),
        lambda: Trace(()),
        lambda: Trace((2, 1)),
        lambda: Trace((-1, 1)),
    ],
)
def test_what_is_no_schedule_is_refused(make: object) -> None:
    with pytest.raises(UsageError):
        make()  # type: ignore[operator]
