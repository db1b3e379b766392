"""Locust's part: a User whose tasks are the turns of a round, so that the modes are interleaved A B C A B C.

Every sample also fires Locust's `request` event: its own statistics count what ours count, and the two are compared.
Importing this module monkey-patches the process.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from typing import Any

import gevent.event
from locust import SequentialTaskSet, User, constant
from locust.env import Environment
from locust.exception import StopUser

from loadgen.connection import Connections, Gone
from loadgen.messages import CellTally, Fault, Launch, Measured, ProcessColdTurn, ProcessStarted, TargetLost
from loadgen.probes import Nonces, Sample
from loadgen.rounds import Rounds, Tally

Ending = Measured | TargetLost | Fault


class WrongAnswer(Exception):
    """An answer that was wrong, or that never came whole, as Locust's statistics show it."""


def measure(launch: Launch, *, nonces: Nonces, start: Callable[[], ProcessStarted]) -> Ending:
    """Measure one launch under a Locust runner of its own. Never raises what a task raised: that is a `Fault`."""
    environment = Environment(user_classes=[], catch_exceptions=False)
    methods = {turn.cell: "SPAWN" if isinstance(turn, ProcessColdTurn) else "GET" for turn in launch.turns}

    def observe(cell: str, sample: Sample) -> None:
        environment.events.request.fire(
            request_type=methods[cell],
            name=cell,
            response_time=sample.elapsed_ns / 1e6,
            response_length=sample.body_bytes,
            exception=WrongAnswer(sample.error) if sample.error is not None else None,
            context={},
        )

    with Connections() as connections:
        rounds = Rounds(
            launch.turns, launch=launch.number, connections=connections, nonces=nonces, start=start, observe=observe
        )
        ending = gevent.event.AsyncResult()
        environment.user_classes = [user_class(rounds, places=len(launch.turns), ending=ending)]
        runner = environment.create_local_runner()
        try:
            runner.start(1, spawn_rate=1)
            lost: Ending | None = ending.get()
        finally:
            runner.quit()
    if lost is not None:
        return lost
    entry = environment.stats.get
    return Measured(
        cells=tuple(_cell_tally(cell, tally, entry(cell, methods[cell])) for cell, tally in rounds.tallies.items()),
        untimed=rounds.untimed,
    )


def user_class(rounds: Rounds, *, places: int, ending: Any) -> type[Any]:
    """A User class with one task per place in the round. `ending` is set to None when all rounds are done."""

    def turn(tasks: Any) -> None:
        try:
            if rounds.take_turn():
                return
        except Gone as error:
            ending.set(TargetLost(cell=rounds.current, reason=str(error)))
        except Exception:  # noqa: BLE001 - handed on whole; the orchestrator ends the run with it
            ending.set(Fault(traceback=traceback.format_exc()))
        else:
            ending.set(None)
        raise StopUser

    tasks: Sequence[Any] = [turn] * places
    in_turn = type("InTurn", (SequentialTaskSet,), {"tasks": list(tasks)})
    return type("BenchUser", (User,), {"tasks": [in_turn], "wait_time": constant(0)})


def _cell_tally(cell: str, tally: Tally, entry: Any) -> CellTally:
    return CellTally(
        cell=cell,
        samples_ns=tuple(tally.samples_ns),
        errors=dict(tally.errors),
        discarded=dict(tally.discarded),
        locust_requests=entry.num_requests,
        locust_failures=entry.num_failures,
    )
