"""The open loop: what is due is sent, once, however the target dawdles; latencies count from when it was due."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from loadgen.arrivals import Burst, Constant, Poisson, Ramp, Schedule, Steps, Trace
from loadgen.engine import Check, Engine, Fresh, LoadPlan, One, Pacing, Tally, get
from loadgen.engine.books import Books
from loadgen.engine.books import tally as tally_of
from loadgen.engine.errors import ErrorClass
from tests.engine_targets import OK, Peer, answering, refusing, serving, silent

HELLO = Check(body=b"hello")
MS = 1_000_000


def balanced(tally: Tally) -> bool:
    parts = tally.requests + tally.errors.total() + tally.warm_up + tally.censored + tally.dropped
    return tally.scheduled == parts and len(tally.response) == len(tally.service) == tally.requests


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
    held = threading.Event()

    def all_held(peer: Peer) -> None:
        while True:
            peer.read()
            held.wait(0.05)
            peer.send(OK)

    with serving(all_held) as target:
        plan = LoadPlan(
            endpoint=target.endpoint, requests=One(get(target.endpoint, "/")), connections=1, arrivals=Burst(5, 1, 0.01)
        )
        tally = Engine(plan).run()
    assert tally.late >= 4
    assert tally.behind <= 1


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


def test_what_is_unfinished_at_the_end_is_censored() -> None:
    """Three connections carry one request each to a target that never answers; the rest is due and cannot be sent."""
    with serving(silent) as target:
        plan = LoadPlan(
            endpoint=target.endpoint,
            requests=One(get(target.endpoint, "/")),
            connections=3,
            arrivals=Constant(1000, 0.02),
            drain_s=0.05,
        )
        tally = Engine(plan).run()
    assert (tally.scheduled, tally.censored, tally.dropped, tally.requests) == (20, 20, 0, 0)
    assert len(target.requests) == 3


def test_what_was_due_and_not_sent_when_the_run_was_stopped_is_dropped() -> None:
    arrived = threading.Event()

    def silent_too(peer: Peer) -> None:
        peer.read()
        arrived.set()
        silent(peer)

    with serving(silent_too) as target:
        # The whole schedule is due at once; without the stop it would be waited for.
        plan = LoadPlan(
            endpoint=target.endpoint,
            requests=One(get(target.endpoint, "/")),
            connections=1,
            arrivals=Burst(50, 1, 0.001),
            drain_s=60,
        )
        engine, tallies = Engine(plan), list[Tally]()
        running = threading.Thread(target=lambda: tallies.append(engine.run()))
        running.start()
        assert arrived.wait(30)
        engine.stop()
        running.join(30)
    (tally,) = tallies
    assert (tally.scheduled, tally.censored, tally.dropped) == (50, 1, 49)


def test_what_was_not_due_yet_when_the_run_was_stopped_was_never_scheduled() -> None:
    seen = threading.Event()

    def script(peer: Peer) -> None:
        while True:
            peer.read()
            peer.send(OK)
            seen.set()

    with serving(script) as target:
        plan = LoadPlan(
            endpoint=target.endpoint,
            requests=One(get(target.endpoint, "/")),
            connections=1,
            arrivals=Constant(50, 3600),
        )
        engine, tallies = Engine(plan), list[Tally]()
        running = threading.Thread(target=lambda: tallies.append(engine.run()))
        running.start()
        assert seen.wait(30)
        engine.stop()
        running.join(30)
    (tally,) = tallies
    assert balanced(tally)
    assert 1 <= tally.scheduled < 50 * 60


def test_a_schedule_that_fails_faster_than_time_goes_can_still_be_stopped() -> None:
    """Nobody listens, and a burst of a million is due: the target is tried again, and the stop heard, in between."""
    with refusing() as endpoint:
        plan = LoadPlan(
            endpoint=endpoint, requests=One(get(endpoint, "/")), connections=1, arrivals=Burst(1_000_000, 1, 3600)
        )
        engine, tallies = Engine(plan), list[Tally]()
        running = threading.Thread(target=lambda: tallies.append(engine.run()))
        running.start()
        while not engine.take().errors:
            assert running.is_alive()
        engine.stop()
        running.join(30)
    (tally,) = tallies
    assert balanced(tally)
    assert 0 < tally.errors[ErrorClass.REFUSED] < tally.scheduled
    assert tally.dropped > 0


def test_a_take_before_the_common_start_spans_no_negative_time() -> None:
    with serving(answering(OK)) as target:
        plan = LoadPlan(
            endpoint=target.endpoint,
            requests=One(get(target.endpoint, "/")),
            connections=1,
            arrivals=Constant(100, 0.05),
            start_at_ns=time.monotonic_ns() + 300 * MS,
        )
        engine, tallies = Engine(plan), list[Tally]()
        running = threading.Thread(target=lambda: tallies.append(engine.run()))
        running.start()
        while target.accepted == 0:
            assert running.is_alive()
        early = engine.take()
        running.join(30)
    assert early.wall_ns == early.engine_ns >= 0
    (tally,) = tallies
    assert tally.requests == 5
    assert tally.wall_ns == tally.engine_ns > 0


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


def test_the_warm_up_is_what_is_due_in_it() -> None:
    """200 arrivals, of which those before 50 ms are warm-up: answered, checked, and in no histogram."""
    with serving(answering(OK)) as target:
        plan = LoadPlan(
            endpoint=target.endpoint,
            requests=One(get(target.endpoint, "/"), HELLO),
            connections=2,
            arrivals=Constant(2000, 0.1),
            warm_up_s=0.05,
        )
        tally = Engine(plan).run()
    assert (tally.warm_up, tally.requests, tally.scheduled, len(target.requests)) == (100, 100, 200, 200)
    assert tally.warm_up_errors == tally.errors == {}


def test_the_warm_up_ends_by_due_time_even_for_answers_that_come_later() -> None:
    """The burst of the warm-up is answered when the measured part has long begun."""
    nothing = threading.Event()

    def slow(peer: Peer) -> None:
        while True:
            peer.read()
            nothing.wait(0.06)
            peer.send(OK)

    with serving(slow) as target:
        plan = LoadPlan(
            endpoint=target.endpoint,
            requests=One(get(target.endpoint, "/"), HELLO),
            connections=4,
            arrivals=Steps(((400, 0.01), (0, 0.01), (400, 0.01))),
            warm_up_s=0.02,
        )
        tally = Engine(plan).run()
    assert (tally.warm_up, tally.requests, tally.scheduled) == (4, 4, 8)
    assert tally.response.value_at(0) >= 60 * MS


def test_errors_of_the_warm_up_are_told_apart() -> None:
    def first_ten_wrong(peer: Peer) -> None:
        while True:
            peer.read()
            peer.send(OK if len(peer.target.requests) > 10 else OK.replace(b"200 OK", b"503 No"))

    with serving(first_ten_wrong) as target:
        plan = LoadPlan(
            endpoint=target.endpoint,
            requests=One(get(target.endpoint, "/"), HELLO),
            connections=1,
            arrivals=Constant(1000, 0.04),
            warm_up_s=0.02,
        )
        tally = Engine(plan).run()
    assert (tally.warm_up, tally.warm_up_errors, tally.errors) == (20, {ErrorClass.WRONG_STATUS: 10}, {})
    assert balanced(tally)


def test_a_duration_cuts_the_schedule() -> None:
    with serving(answering(OK)) as target:
        plan = LoadPlan(
            endpoint=target.endpoint,
            requests=One(get(target.endpoint, "/")),
            connections=2,
            arrivals=Constant(1000, 60),
            duration_s=0.03,
        )
        assert Engine(plan).run().requests == 30


def test_a_schedule_has_no_count() -> None:
    with serving(answering(OK)) as target, pytest.raises(UsageError, match="ends with its schedule"):
        LoadPlan(
            endpoint=target.endpoint,
            requests=One(get(target.endpoint, "/")),
            connections=1,
            arrivals=Constant(1, 1),
            count=1,
        )
