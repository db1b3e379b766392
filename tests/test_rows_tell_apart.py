"""Single rows on played runtimes: a broken promise is told from a test that shows nothing, and neither passes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping

import pytest

from conformance.test_platform_surface import test_host_environment_is_out_of_reach as host_environment
from harness.conformance_run import CONFORMANCE
from harness.errors import ControlFailed, PromiseBroken
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


class NoProcesses(Processes):
    def pids(self) -> tuple[int, ...]:
        return ()


def launches(instance: Played) -> Callable[..., Played]:
    return lambda *_probes, **_conditions: instance


def test_what_the_process_has_in_its_environment_is_seen_where_a_worker_sees_it() -> None:
    judge = Judge()
    with contextlib.ExitStack() as stack:
        launch = Launcher(resolve("node"), CONFORMANCE / "workers", stack, judge)
        with pytest.raises(PromiseBroken, match="ISOMARK_MARK"):
            host_environment(launch, judge)


def test_nothing_is_shown_by_a_worker_around_which_there_is_no_environment() -> None:
    instance = Played(lambda *_: b'{"PLAIN":"a text"}', {Processes: NoProcesses()})
    with pytest.raises(ControlFailed, match="environment variables"):
        host_environment(launches(instance), Judge())
