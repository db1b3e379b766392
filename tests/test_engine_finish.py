"""Finishing a run before its time: nothing more is begun, and what the target answered is counted, whole."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from loadgen.arrivals import Constant
from loadgen.engine import Engine, LoadPlan, One, Tally, get
from tests.engine_targets import OK, Peer, Target, answering, serving

LOADS: dict[str, dict[str, Any]] = {
    "closed loop": {"duration_s": 3600},
    "closed loop in its warm-up": {"duration_s": 3600, "warm_up_s": 3000},
    "open loop": {"arrivals": Constant(2000, 3600)},
    "open loop in its warm-up": {"arrivals": Constant(2000, 3600), "warm_up_s": 3000},
}


@pytest.mark.parametrize("load", LOADS)
def test_the_targets_count_is_ours(load: str) -> None:
    with serving(answering(OK)) as target:
        running = _Running(target, connections=4, **LOADS[load])
        while len(target.requests) < 50:
            assert running.thread.is_alive()
        tally = running.finished()
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
        running = _Running(target, connections=3, timeout_s=60, drain_s=60, **LOADS[load])
        for _ in range(3):
            assert asked.acquire(timeout=30)
        running.engine.finish()
        running.engine.take()  # its thread has come by, and knows
        may_answer.set()
        tally = running.finished()
        assert len(target.requests) == 3
    assert (tally.requests, tally.censored) == (3, 0)


def test_an_engine_finished_before_it_runs_begins_nothing() -> None:
    with serving(answering(OK)) as target:
        engine = Engine(LoadPlan(endpoint=target.endpoint, requests=One(b"x"), connections=1, duration_s=3600))
        engine.finish()
        assert engine.run().scheduled == 0
        assert not target.requests


class _Running:
    """An engine and its thread, which may end at any moment after `finish`."""

    def __init__(self, target: Target, **plan: Any) -> None:
        self.engine = Engine(LoadPlan(endpoint=target.endpoint, requests=One(get(target.endpoint, "/")), **plan))
        self._tallies: list[Tally] = []
        self.thread = threading.Thread(target=lambda: self._tallies.append(self.engine.run()))
        self.thread.start()

    def finished(self) -> Tally:
        self.engine.finish()
        self.thread.join(60)
        (tally,) = self._tallies
        return tally
