"""The engine with a schedule: no arrival lost or doubled, response times from when each was due, lateness told."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadgen.arrivals import Burst, Constant, Poisson, Ramp, Schedule, Steps, Trace
from loadgen.engine import Check, Engine, Fresh, LoadPlan, One, Pacing, Tally, get
from loadgen.engine.books import Books
from loadgen.engine.books import tally as tally_of
from tests.accounted import balanced
from tests.engine_targets import HELLO, OK, Peer, answering, serving

MS = 1_000_000


schedules = st.one_of(
    st.builds(Constant, st.integers(20, 3000), st.just(0.05)),
    st.builds(Poisson, st.integers(20, 3000), st.just(0.05), st.integers(0, 9)),
    st.builds(Ramp, st.integers(1, 2000), st.integers(0, 2000), st.just(0.05)),
    st.builds(Burst, st.integers(1, 60), st.sampled_from([0.01, 0.02]), st.just(0.05), st.sampled_from([0, 500])),
    st.lists(st.integers(0, 50 * MS), min_size=1, max_size=60).map(lambda times: Trace(tuple(sorted(times)))),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    schedule=schedules,
    workers=st.integers(1, 3),
    connections=st.integers(1, 4),
    stall_at=st.integers(0, 40),
    stall_ms=st.sampled_from([0, 5, 30]),
    closes=st.booleans(),
)
def test_no_arrival_is_lost_or_doubled(
    schedule: Schedule, workers: int, connections: int, stall_at: int, stall_ms: int, closes: bool
) -> None:
    """Whatever the rate, the number of workers and the stall: the target sees each arrival exactly once."""
    nothing = threading.Event()

    def stalls_once(peer: Peer) -> None:
        while True:
            peer.read()
            if len(peer.target.requests) == stall_at:
                nothing.wait(stall_ms / 1000)
            if closes:
                peer.send(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
                return
            peer.send(OK)

    tallies: list[Tally] = []
    with serving(stalls_once) as target:
        endpoint = target.endpoint
        before, _, after = get(endpoint, "/", {"X-Arrival": "@"}).partition(b"@")
        start_ns = time.monotonic_ns() + 20 * MS
        engines = [
            Engine(
                LoadPlan(
                    endpoint=endpoint,
                    requests=Fresh(before, after, HELLO),
                    connections=connections,
                    arrivals=schedule,
                    worker=worker,
                    workers=workers,
                    start_at_ns=start_ns,
                    drain_s=20,
                )
            )
            for worker in range(workers)
        ]
        threads = [threading.Thread(target=lambda engine=engine: tallies.append(engine.run())) for engine in engines]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        seen = Counter(target.requests)
    due = len(list(schedule.due_ns(0, 1)))
    assert sum(tally.scheduled for tally in tallies) == due
    assert all(balanced(tally) for tally in tallies)
    assert sum(tally.requests for tally in tallies) == due == seen.total() == len(seen)


def test_response_time_counts_from_the_intended_start() -> None:
    """One connection, and a target that holds its first answer back: all that was due meanwhile waited as long.

    A generator that measures from the send would show one slow request and 19 fast ones.
    """
    held, nothing = threading.Event(), threading.Event()

    def holds_the_first(peer: Peer) -> None:
        while True:
            peer.read()
            if not held.is_set():
                nothing.wait(0.1)
                held.set()
            peer.send(OK)

    with serving(holds_the_first) as target:
        plan = LoadPlan(
            endpoint=target.endpoint,
            requests=One(get(target.endpoint, "/"), HELLO),
            connections=1,
            arrivals=Constant(1000, 0.02),
        )
        tally = Engine(plan).run()
    assert (tally.requests, tally.scheduled) == (20, 20)
    # All due within 20 ms, answered after 100: none can have taken less than 80.
    assert tally.response.value_at(0) >= 80 * MS
    assert tally.service.value_at(1) >= 100 * MS
    assert tally.service.value_at(0) < tally.response.value_at(0)
    assert tally.late >= 19
    assert tally.max_late_ns >= 80 * MS


def test_waiting_for_a_connection_is_not_the_generators_fault() -> None:
    """But for the few before which the generator had lost its core just then."""
    held = threading.Event()

    def all_held(peer: Peer) -> None:
        while True:
            peer.read()
            held.wait(0.01)
            peer.send(OK)

    with serving(all_held) as target:
        endpoint = target.endpoint
        plan = LoadPlan(endpoint=endpoint, requests=One(get(endpoint, "/")), connections=1, arrivals=Burst(25, 1, 0.01))
        tally = Engine(plan).run()
    assert tally.late >= 24
    assert tally.behind <= tally.late // 2


def test_waiting_for_the_generator_is() -> None:
    """Making up a request takes it 5 ms, at a thousand a second, with connections free all the time."""
    nothing = threading.Event()

    class SlowToMakeUp:
        def next(self, connection: int) -> tuple[bytes, Check]:
            nothing.wait(0.005)
            return request, HELLO

    with serving(answering(OK)) as target:
        request = get(target.endpoint, "/")
        plan = LoadPlan(
            endpoint=target.endpoint, requests=SlowToMakeUp(), connections=30, arrivals=Constant(1000, 0.02)
        )
        tally = Engine(plan).run()
    assert tally.requests == 20
    assert tally.late >= tally.behind >= 15


def test_a_generator_that_is_late_in_the_warm_up_is_not_late() -> None:
    """Making up each of its 20 requests takes 5 ms; the one request that is measured comes long after."""
    nothing = threading.Event()

    class SlowToMakeUp:
        def next(self, connection: int) -> tuple[bytes, Check]:
            nothing.wait(0.005)
            return request, HELLO

    with serving(answering(OK)) as target:
        request = get(target.endpoint, "/")
        plan = LoadPlan(
            endpoint=target.endpoint,
            requests=SlowToMakeUp(),
            connections=30,
            arrivals=Steps(((1000, 0.02), (0, 0.4), (1000, 0.001))),
            warm_up_s=0.3,
        )
        engine = Engine(plan)
        tally, taken = engine.run(), engine.take()
    assert (tally.warm_up, tally.requests) == (20, 1)
    assert tally.behind <= tally.late <= 1
    assert taken.max_late_ns == tally.max_late_ns


def test_what_is_late_is_kept_of_the_measured_part_alone() -> None:
    books = Books(closed=False)
    books.hot(20, 0, late=19, behind=18, worst_lag_ns=90 * MS, spun_ns=5)
    books.measure(time.monotonic_ns())
    books.hot(10, 0, late=2, behind=1, worst_lag_ns=3 * MS, spun_ns=5)
    books.roll(time.monotonic_ns())
    books.finish()
    for excerpt in (books.excerpt(), books.take()):
        found = tally_of(excerpt)
        assert (found.scheduled, found.late, found.behind, found.max_late_ns) == (30, 2, 1, 3 * MS)


def test_a_late_start_shows_in_the_response_times() -> None:
    """The common start was 50 ms ago: the first requests go out as late as that."""
    with serving(answering(OK)) as target:
        plan = LoadPlan(
            endpoint=target.endpoint,
            requests=One(get(target.endpoint, "/")),
            connections=2,
            arrivals=Constant(1000, 0.02),
            start_at_ns=time.monotonic_ns() - 50 * MS,
        )
        tally = Engine(plan).run()
    assert tally.requests == tally.late == 20
    assert tally.response.value_at(0) >= 30 * MS


@pytest.mark.parametrize("pacing", Pacing)
def test_nothing_is_sent_before_it_is_due(pacing: Pacing) -> None:
    arrived_ns: list[int] = []

    def notes_times(peer: Peer) -> None:
        while True:
            peer.read()
            arrived_ns.append(time.monotonic_ns())
            peer.send(OK)

    schedule, start_ns = Constant(200, 0.1), time.monotonic_ns() + 30 * MS
    with serving(notes_times) as target:
        plan = LoadPlan(
            endpoint=target.endpoint,
            requests=One(get(target.endpoint, "/"), HELLO),
            connections=2,
            arrivals=schedule,
            pacing=pacing,
            start_at_ns=start_ns,
        )
        assert Engine(plan).run().requests == 20
    assert all(at >= start_ns + due for at, due in zip(sorted(arrived_ns), schedule.due_ns(0, 1), strict=True))
