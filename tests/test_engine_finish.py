"""Finishing a run before its time: nothing more is begun, and what the target answered is counted, whole."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from loadgen.arrivals import Constant
from loadgen.engine import Engine, LoadPlan, One, Tally, get
from tests.engine_targets import OK, Peer, answering, serving

LOADS: dict[str, dict[str, Any]] = {
    "closed loop": {"duration_s": 3600},
    "closed loop in its warm-up": {"duration_s": 3600, "warm_up_s": 3000},
    "open loop": {"arrivals": Constant(2000, 3600)},
    "open loop in its warm-up": {"arrivals": Constant(2000, 3600), "warm_up_s": 3000},
}


@pytest.mark.parametrize("load", LOADS)
def test_the_targets_count_is_ours(load: str) -> None:
    with serving(answering(OK)) as target:
        engine, tallies = _begin(target, connections=4, **LOADS[load])
        while len(target.requests) < 50:
            assert not tallies
        tally = _finished(engine, tallies)
        done = tally.warm_up if "warm-up" in load else tally.requests
        assert done == len(target.requests) >= 50
    assert (tally.censored, tally.errors.total()) == (0, 0)
    assert tally.scheduled == tally.requests + tally.warm_up + tally.dropped
    assert (tally.requests == 0) == ("warm-up" in load)
    assert tally.wall_ns >= 0


@pytest.mark.parametrize("load", ["closed loop", "open loop"])
def test_answers_under_way_are_waited_for(load: str) -> None:
    """The target answers only once the run is being finished."""
    asked, may_answer = threading.Semaphore(0), threading.Event()

    def late(peer: Peer) -> None:
        peer.read()
        asked.release()
        assert may_answer.wait(60)
        peer.send(OK)

    with serving(late) as target:
        engine, tallies = _begin(target, connections=3, timeout_s=60, drain_s=60, **LOADS[load])
        for _ in range(3):
            assert asked.acquire(timeout=30)
        engine.finish()
        engine.take()  # its thread has come by, and knows
        may_answer.set()
        tally = _finished(engine, tallies)
        assert len(target.requests) == 3
    assert (tally.requests, tally.censored) == (3, 0)


def test_an_engine_finished_before_it_runs_begins_nothing() -> None:
    with serving(answering(OK)) as target:
        engine = Engine(LoadPlan(endpoint=target.endpoint, requests=One(b"x"), connections=1, duration_s=3600))
        engine.finish()
        assert engine.run().scheduled == 0
        assert not target.requests


def _begin(target: Any, **plan: Any) -> tuple[Engine, list[Tally]]:
    engine = Engine(LoadPlan(endpoint=target.endpoint, requests=One(get(target.endpoint, "/")), **plan))
    tallies: list[Tally] = []
    threading.Thread(target=lambda: tallies.append(engine.run()), name="engine").start()
    return engine, tallies


def _finished(engine: Engine, tallies: list[Tally]) -> Tally:
    engine.finish()
    (thread,) = (each for each in threading.enumerate() if each.name == "engine")
    thread.join(30)
    (tally,) = tallies
    return tally
