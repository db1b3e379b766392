"""A runtime whose answers are written in the test, and a row judged on it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping

from harness.conformance_run import CONFORMANCE
from harness.features import Feature
from harness.judging import Judge, Launcher
from harness.registry import resolve
from harness.runtime import Processes, Request, Response

Play = Callable[[str, Request], bytes]


class Played:
    """An instance whose answers are written in the test."""

    def __init__(self, play: Play, instruments: Mapping[type, object] | None = None) -> None:
        self._play = play
        self._instruments = instruments or {}

    def fetch(self, worker: str, request: Request, **_: object) -> Response:
        return Response(status=200, headers={}, body=self._play(worker, request))

    def instrument(self, kind: type) -> object:
        return self._instruments[kind]

    def alive(self) -> bool:
        return True


class PlayedProcesses(Processes):
    """So many."""

    def __init__(self, count: int) -> None:
        self._count = count

    def pids(self) -> tuple[int, ...]:
        return tuple(range(1, self._count + 1))


class Launches(Launcher):
    """Launches nothing but the one that is played."""

    def __init__(self, instance: Played, judge: Judge) -> None:
        super().__init__(resolve("node"), CONFORMANCE / "workers", contextlib.ExitStack(), judge)
        self._instance = instance

    def __call__(self, *_probes: object, **_conditions: object) -> Played:
        return self._instance

    def needs(self, feature: Feature) -> None:
        """Everything is claimed."""


def judged(row: Callable[..., None], instance: Played, *fixtures: object) -> None:
    judge = Judge()
    row(Launches(instance, judge), judge, *fixtures)
