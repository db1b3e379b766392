"""What counts in a rate of the engine: answers while load was offered, and nothing of the wait for the last."""

from __future__ import annotations

import itertools
import threading
import time
from typing import Any

import pytest

from loadgen.arrivals import Constant
from loadgen.engine import Engine, LoadPlan, One, Tally, get
from tests.engine_targets import OK, Peer, answering, serving, silent
from tests.test_engine_closed_loop import load


def silent_on_the_first(peer: Peer) -> None:
    """One connection never gets an answer."""
    (silent if peer.number == 0 else answering(OK))(peer)


@pytest.mark.parametrize("rate", [None, 1000], ids=["closed", "open"])
def test_the_wait_for_an_answer_that_never_comes_is_in_no_rate(rate: int | None) -> None:
    # On a machine that gave the whole load's time to others, no answer came in it: more of everything, then.
    for longer in (1, 4, 16):
        with serving(silent_on_the_first) as target:
            endpoint = target.endpoint
            plan = LoadPlan(
                endpoint=endpoint,
                requests=One(get(endpoint, "/")),
                connections=3,
                timeout_s=60,
                drain_s=2 * longer,
                duration_s=0.3 * longer,
                warm_up_s=0.1 * longer,
                arrivals=rate and Constant(rate, 0.3 * longer),
            )
            began_ns = time.monotonic_ns()
            tally = Engine(plan).run()
            whole_ns = time.monotonic_ns() - began_ns
        assert tally.censored >= 1
        assert tally.wall_ns == tally.engine_ns
        assert tally.rate_rps == tally.timely * 1e9 / tally.wall_ns
        assert len(tally.service) == tally.requests
        if tally.requests > tally.drained and tally.wall_ns < whole_ns / 2:
            break
    assert tally.requests > tally.drained
    assert tally.wall_ns < whole_ns / 2


@pytest.mark.parametrize("load", [{"duration_s": 0.2}, {"arrivals": Constant(1000, 0.2)}], ids=str)
def test_answers_after_the_load_are_counted_and_in_no_rate(load: dict[str, Any]) -> None:
    """The target answers nothing until the load is over."""
    may_answer = threading.Event()

    def late(peer: Peer) -> None:
        while True:
            peer.read()
            assert may_answer.wait(60)
            peer.send(OK)

    with serving(late) as target:
        endpoint = target.endpoint
        plan = LoadPlan(endpoint=endpoint, requests=One(get(endpoint, "/")), connections=3, drain_s=60, **load)
        engine, whole = Engine(plan), list[Tally]()
        running = threading.Thread(target=lambda: whole.append(engine.run()))
        running.start()
        total = Tally()
        while (part := engine.take()).wall_ns or not total.wall_ns:  # a take without time is one after the load
            assert running.is_alive()
            total.merge(part)
        total.merge(part)
        may_answer.set()
        running.join(60)
        total.merge(engine.take())
    (tally,) = whole
    assert tally.requests == tally.drained == len(tally.response) >= 3
    assert (tally.rate_rps, tally.censored) == (0, 0)
    assert tally.wall_ns == tally.engine_ns > 0
    for name in ("requests", "drained", "started_ns", "wall_ns", "engine_ns", "cpu_ns", "spun_ns", "scheduled"):
        assert getattr(total, name) == getattr(tally, name), name


@pytest.mark.parametrize("load", [{"duration_s": 3600}, {"arrivals": Constant(30, 3600)}], ids=str)
def test_answers_to_the_warm_up_count_in_the_rate_of_when_they_came(load: dict[str, Any]) -> None:
    """Else a target with as long a latency as the measured part would have no throughput."""
    may_answer = threading.Event()

    def late(peer: Peer) -> None:
        while True:
            peer.read()
            assert may_answer.wait(60)
            peer.send(OK)

    with serving(late) as target:
        endpoint = target.endpoint
        plan = LoadPlan(
            endpoint=endpoint, requests=One(get(endpoint, "/")), connections=3, warm_up_s=0.1, timeout_s=60, **load
        )
        engine, whole = Engine(plan), list[Tally]()
        running = threading.Thread(target=lambda: whole.append(engine.run()))
        running.start()
        while not engine.take().wall_ns or len(target.requests) < 3:
            assert running.is_alive()
        may_answer.set()
        since, until = Tally(), time.monotonic() + 60
        while not since.requests or since.carried_over < 3:
            assert time.monotonic() < until
            since.merge(engine.take())
        engine.finish()
        running.join(60)
    (tally,) = whole
    assert tally.carried_over == 3 <= tally.warm_up
    assert tally.timely == tally.requests - tally.drained + 3
    assert tally.rate_rps == tally.timely * 1e9 / tally.wall_ns


def test_a_number_of_requests_ends_with_the_last_of_them() -> None:
    """All are under way at once, so that the first answer is the end of sending; the load is over with the last."""
    held, nothing = threading.Event(), threading.Event()

    def one_is_late(peer: Peer) -> None:
        while True:
            peer.read()
            if peer.number == 0:
                nothing.wait(0.3)
                held.set()
            peer.send(OK)

    with serving(one_is_late) as target:
        tally = load(One(get(target.endpoint, "/")), target.endpoint, count=4, connections=4)
    assert (tally.requests, tally.drained) == (4, 0)
    assert tally.wall_ns >= 300_000_000


def test_intervals_cover_the_measured_part_without_gaps() -> None:
    asked_ns: list[int] = []
    """When each request was there, and one more time at the end."""
    answered_ns: list[int] = []
    """When each answer was about to be sent."""

    def noting(peer: Peer) -> None:
        while True:
            peer.read()
            asked_ns.append(time.monotonic_ns())
            answered_ns.append(time.monotonic_ns())
            peer.send(OK)

    with serving(noting) as target:
        endpoint = target.endpoint
        plan = LoadPlan(
            endpoint=endpoint, requests=One(get(endpoint, "/")), connections=1, duration_s=3600, interval_s=0.1
        )
        engine, whole = Engine(plan), list[Tally]()
        running = threading.Thread(target=lambda: whole.append(engine.run()))
        running.start()
        while len(engine._books._all) < 5:
            assert running.is_alive()
            time.sleep(0.01)
        engine.finish()
        running.join(60)
        asked_ns.append(time.monotonic_ns())
    (tally,), answered = whole, len(answered_ns)
    intervals = tally.intervals
    assert len(intervals) >= 5
    assert intervals[0].start_ns == tally.started_ns
    # What the end of the load left to be waited for has an interval of its own.
    end_ns = tally.started_ns + tally.wall_ns
    measured = [each for each in intervals if each.end_ns <= end_ns]
    assert measured[-1].end_ns == end_ns
    assert sum(len(each.service) for each in intervals if each.end_ns > end_ns) == tally.drained <= 1
    assert all(first.end_ns == second.start_ns for first, second in itertools.pairwise(measured))
    assert sum(len(each.service) for each in intervals) == tally.requests == answered
    # The hot loop counts in the interval that is open, not in one that was put away: an answer is counted after it is
    # sent, and before the next request is.
    counted = 0
    for each in intervals:
        counted += len(each.service)
        until_ns = each.end_ns - engine._books._epoch_ns
        assert sum(at_ns <= until_ns for at_ns in asked_ns[1:]) <= counted
        assert counted <= sum(at_ns <= until_ns for at_ns in answered_ns)
