"""The engine with a schedule that is stopped, cut or still warming up: what was due is accounted for."""

from __future__ import annotations

import threading
import time

import pytest

from harness.errors import UsageError
from loadgen.arrivals import Burst, Constant, Steps
from loadgen.engine import Engine, LoadPlan, One, Tally, get
from loadgen.engine.errors import ErrorClass
from tests.accounted import balanced
from tests.engine_targets import HELLO, OK, Peer, answering, refusing, serving, silent

MS = 1_000_000


def test_what_is_unfinished_at_the_end_is_censored() -> None:
    """Three connections carry one request each to a target that never answers; the rest is due and cannot be sent."""
    # On a machine that gave the whole wait to others, not even three were sent: a longer one, then.
    for drain_s in (0.05, 0.5, 5, 20):
        with serving(silent) as target:
            plan = LoadPlan(
                endpoint=target.endpoint,
                requests=One(get(target.endpoint, "/")),
                connections=3,
                arrivals=Constant(1000, 0.02),
                timeout_s=60,
                drain_s=drain_s,
            )
            tally = Engine(plan).run()
        assert (tally.scheduled, tally.censored, tally.dropped, tally.requests) == (20, 20, 0, 0)
        assert len(target.requests) <= 3
        if len(target.requests) == 3:
            break
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
