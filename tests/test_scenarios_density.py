"""Density of isolates and of instances: times, and memory as the kernel counts it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.application import Worker
from harness.load_results import Stopped
from loadgen.probes import Sample
from loadgen.scenarios import footprint, growth, instances, memory
from tests.scenario_runs import left_out, small

DOUBLES = "tests.scenario_runs"


@pytest.mark.parametrize("runtime", ["workerd", "reference"])
def test_density_counts_isolates_and_memory(tmp_path: Path, runtime: str) -> None:
    # Other processes of the same program, which come and go beside this test, change the share of it that is counted.
    for attempt in range(5):
        run = small("density", tmp_path / str(attempt), runtime)
        ten, thirty = (cell.observed for cell in run.report.cells)
        per_isolate, per_instance = thirty[growth.PER_ISOLATE][0], thirty[footprint.PSS_PER_INSTANCE][0]
        if per_instance == pytest.approx(per_isolate, rel=0.3) and thirty[footprint.PSS] > ten[footprint.PSS]:
            break
    assert run.code == 0
    assert [(cell.mode, cell.count) for cell in run.report.cells] == [("isolates-10", 10), ("isolates-30", 20)]
    assert run.report.order == ("launch 1 round 1: isolates-10 isolates-30",)
    assert ten[footprint.STILL_THERE] == thirty[footprint.STILL_THERE] == (1.0,)
    assert thirty[footprint.RESIDENT] > ten[footprint.RESIDENT] > (20.0,)
    assert thirty[footprint.PSS] > ten[footprint.PSS] > (20.0,)
    assert 0.5 < per_isolate < 20
    assert per_instance == pytest.approx(per_isolate, rel=0.3)
    assert thirty[footprint.PSS][0] < 1.02 * thirty[footprint.RESIDENT][0], "nothing counts more than once"


def test_density_stops_before_the_memory_guard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shares = iter([0.0, 0.1, 0.6])
    monkeypatch.setattr(memory, "share_of_guard", lambda _pids, _guard: next(shares))
    run = small("density", tmp_path, "workerd")
    first, second = run.report.cells
    assert (run.code, run.report.complete) == (0, True)
    assert (first.count, first.figures is None) == (10, False)
    assert (second.count, second.figures, second.turns) == (0, None, 0)
    assert "has taken 60% of its memory guard" in second.not_timed
    assert [warning.mode for warning in run.report.warnings if isinstance(warning, Stopped)] == ["isolates-30"]


def test_density_of_processes_divides_launch_and_memory(tmp_path: Path) -> None:
    run = small("density", tmp_path, "node")
    one, three = run.report.cells
    assert [(cell.mode, cell.count, cell.turns, cell.errors) for cell in (one, three)] == [
        ("instances-1", 1, 1, {}),
        ("instances-3", 3, 1, {}),
    ]
    assert [cell.point and (cell.point.name, cell.point.value) for cell in (one, three)] == [
        ("instances", 1),
        ("instances", 3),
    ]
    assert left_out(run) == {"isolates-10", "isolates-30"}
    for cell, number in ((one, 1), (three, 3)):
        assert cell.observed[footprint.STILL_THERE] == (1.0,)
        (whole,), (each,) = cell.observed[footprint.PSS], cell.observed[footprint.PSS_PER_INSTANCE]
        assert each == pytest.approx(whole / number)
        assert 5 < each < 200
        assert whole < cell.observed[footprint.RESIDENT][0]
    assert run.report.order == ("launch 1 round 1: instances-1 instances-3",)


class Clock:
    """Stands still but for what is said to take time."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000

    def monotonic_ns(self) -> int:
        return self.now_ns

    time_ns = monotonic_ns


LAUNCH_NS, ANSWER_NS = 1_000_000_000, 5_000_000


@pytest.mark.parametrize("number", [1, 10])
def test_an_instance_has_its_share_of_the_launch_and_its_own_answer(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A launch of a second and answers of 5 ms: ten instances took 105 ms each, and not 150, or 1,005."""
    clock = Clock()
    monkeypatch.setattr(instances, "time", clock)

    class OneSecond:
        @contextlib.contextmanager
        def launched(self, workers: Sequence[Worker]) -> Iterator[None]:
            assert len({worker.name for worker in workers}) == number
            clock.now_ns += LAUNCH_NS
            yield
            clock.now_ns += LAUNCH_NS  # its end is in no time

        def require_alive(self) -> None:
            pass

    def ask(*_: object, **__: object) -> Sample:
        clock.now_ns += ANSWER_NS
        return Sample(elapsed_ns=ANSWER_NS)

    monkeypatch.setattr(instances, "_ask", ask)
    monkeypatch.setattr(instances, "pids_of", lambda _instance: (os.getpid(),))
    bench: Any = OneSecond()
    (taken,) = instances.InstancesTurn(number=number, bench=bench).take().values()
    each_ns = LAUNCH_NS // number + ANSWER_NS
    assert taken.tally.requests == number
    assert taken.tally.service.value_at(0) == taken.tally.service.value_at(1) == pytest.approx(each_ns, rel=0.001)
    assert taken.tally.wall_ns == LAUNCH_NS + number * ANSWER_NS


def test_memory_nobody_may_look_into_is_left_out_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_pss_bytes", lambda _pid: None)
    for runtime in ("node", "workerd"):
        run = small("density", tmp_path / runtime, runtime)
        assert run.code == 0
        for cell in run.report.cells:
            assert cell.figures is not None
            assert footprint.RESIDENT in cell.observed
            assert not {footprint.PSS, footprint.PSS_PER_INSTANCE} & cell.observed.keys()
        assert "PSS MB, PSS MB per instance are not measured: the kernel does not let this process" in run.words()


def test_processes_that_nobody_tells_have_no_memory(tmp_path: Path) -> None:
    run = small("density", tmp_path, f"{DOUBLES}:Container")
    assert [cell.observed.keys() for cell in run.report.cells] == [{footprint.STILL_THERE}] * 2
    assert "the runtime does not say which processes carry its Workers" in run.words()


def test_pss_of_this_process_and_of_one_that_is_gone() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert memory.pss_bytes([ended.pid]) == 0
    own = memory.pss_bytes([os.getpid(), ended.pid])
    assert own is not None
    assert 1_000_000 < own < memory.resident_bytes([os.getpid()])


def test_what_may_not_be_looked_into_is_not_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is there and cannot be read makes the sum unknown, whatever the others take."""

    def refuse(_path: Path, **_: str) -> str:
        raise PermissionError

    monkeypatch.setattr(memory.Path, "read_text", refuse)
    assert memory._pss_bytes(os.getpid()) is None
    monkeypatch.setattr(memory, "_pss_bytes", {1: 10, 2: None}.__getitem__)
    assert memory.pss_bytes([1]) == 10
    assert memory.pss_bytes([1, 2]) is None
