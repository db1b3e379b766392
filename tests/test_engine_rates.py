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


@pytest.mark.parametrize(
    "load", [{"duration_s": 0.3, "warm_up_s": 0.1}, {"arrivals": Constant(1000, 0.3), "warm_up_s": 0.1}], ids=str
)
def test_the_wait_for_an_answer_that_never_comes_is_in_no_rate(load: dict[str, Any]) -> None:
    with serving(silent_on_the_first) as target:
        endpoint = target.endpoint
        plan = LoadPlan(endpoint=endpoint, requests=One(get(endpoint, "/")), connections=3, drain_s=2, **load)
        began_ns = time.monotonic_ns()
        tally = Engine(plan).run()
        whole_ns = time.monotonic_ns() - began_ns
    assert tally.requests > tally.drained
    assert tally.censored >= 1
    assert tally.wall_ns == tally.engine_ns < whole_ns / 2
    assert tally.rate_rps == tally.timely * 1e9 / tally.wall_ns
    assert len(tally.service) == tally.requests


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
        while not engine.take().requests:
            assert running.is_alive()
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
    with serving(answering(OK)) as target:
        endpoint = target.endpoint
        plan = LoadPlan(
            endpoint=endpoint, requests=One(get(endpoint, "/")), connections=1, duration_s=0.6, interval_s=0.1
        )
        tally = Engine(plan).run()
        answered = len(target.requests)
    intervals = tally.intervals
    assert len(intervals) >= 3
    assert intervals[0].start_ns == tally.started_ns
    # What the end of the load left to be waited for has an interval of its own.
    end_ns = tally.started_ns + tally.wall_ns
    assert end_ns in {each.end_ns for each in intervals}
    assert sum(len(each.service) for each in intervals if each.end_ns > end_ns) == tally.drained <= 1
    assert all(first.end_ns == second.start_ns for first, second in itertools.pairwise(intervals))
    assert sum(len(each.service) for each in intervals) == tally.requests == answered
    # The hot loop counts in the interval that is open, not in one that was put away.
    assert sum(len(each.service) == 0 for each in intervals) <= 1
