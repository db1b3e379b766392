"""The course of a run: order and seed, cores, and what is kept when it is cut short."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from harness.errors import RuntimeDied
from harness.footprint import descendants, leaving_nothing
from harness.load_results import read_load
from harness.process import instance_folder
from harness.runtime import Processes
from harness.toolchain import CHECKOUT
from loadgen.engine import Check, One, get
from loadgen.scenarios import concurrency, probes, runner, warm
from loadgen.scenarios.bench import Bench, endpoint_of
from loadgen.scenarios.engine_turn import EngineTurn
from loadgen.scenarios.extent import Extent
from loadgen.scenarios.model import Plan, Scenario, Taken, Turn
from loadgen.scenarios.placement import Placement, on, pin_threads, place
from tests.scenario_runs import needs_two_cores, ran
from tests.test_loadgen_doubles import processes_below

EXTENT = Extent(launches=2, rounds=3, seconds=0.05, points=(1, 2, 3))

DEADLINE_S = 60.0


def modes_of(order: str) -> list[str]:
    return order.partition(": ")[2].split()


def test_modes_take_turns_in_an_order_that_follows_from_the_seed(tmp_path: Path) -> None:
    orders = {}
    for name, seed in (("one", 7), ("same", 7), ("other", 8)):
        orders[name] = ran(concurrency.SCENARIO, EXTENT, tmp_path / name, seed=seed).report.order
    assert orders["one"] == orders["same"] != orders["other"]
    modes = {f"{handler}-{point}" for handler in ("wait", "compute") for point in (1, 2, 3)}
    assert len(orders["one"]) == 2 * 3
    for order in orders["one"]:
        assert sorted(modes_of(order)) == sorted(modes)
    assert len({tuple(modes_of(order)) for order in orders["one"]}) > 1, "every round has an order of its own"


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A turn that tells somebody before it is taken."""

    turn: Turn
    before: Callable[[], None]

    @property
    def modes(self) -> tuple[str, ...]:
        return self.turn.modes

    def verify(self) -> Mapping[str, str]:
        return self.turn.verify()

    def take(self) -> Mapping[str, Taken]:
        self.before()
        return self.turn.take()


@dataclass
class Event:
    """Something happens before the turn of that number, from 1."""

    at: int
    what: Callable[[Bench], None]
    turns: int = 0
    benches: list[Bench] = field(default_factory=list)

    def scenario(self) -> Scenario:
        def start(bench: Bench, plan: Plan) -> Sequence[Turn]:
            self.benches.append(bench)
            return [Watched(turn=turn, before=lambda: self.happen(bench)) for turn in warm.start(bench, plan)]

        return replace(warm.SCENARIO, start=start)

    def happen(self, bench: Bench) -> None:
        self.turns += 1
        if self.turns == self.at:
            self.what(bench)


@contextlib.contextmanager
def leaving_nothing_else(folder: Path) -> Iterator[None]:
    """But for the reaper, which this process starts once and keeps."""
    with instance_folder():
        pass
    with leaving_nothing(folder):
        yield


ONE_MODE = Extent(launches=3, rounds=2, seconds=0.1)


def test_ctrl_c_keeps_every_turn_that_was_finished(tmp_path: Path) -> None:
    event = Event(at=4, what=lambda _bench: signal.raise_signal(signal.SIGINT))
    with leaving_nothing_else(tmp_path / "tmp"):
        run = ran(event.scenario(), ONE_MODE, tmp_path / "out")
    (cell,) = run.report.cells
    assert run.code == runner.INTERRUPTED
    assert (run.report.complete, run.report.launches) == (False, 1)
    assert run.report.why_incomplete == "1 of 3 launches were measured to their end: interrupted"
    assert cell.turns == 3
    assert cell.figures is not None
    assert len(cell.figures.per_launch_p50_ns) == 2


def test_ctrl_c_before_the_first_turn_leaves_a_report_without_figures(tmp_path: Path) -> None:
    event = Event(at=1, what=lambda _bench: signal.raise_signal(signal.SIGINT))
    run = ran(event.scenario(), ONE_MODE, tmp_path)
    (cell,) = run.report.cells
    assert (run.code, cell.figures, cell.not_timed) == (130, None, "the run ended before its turn")


def kill(bench: Bench) -> None:
    for instance, _ in bench._running:
        for pid in instance.instrument(Processes).pids():
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("runtime", ["node", "workerd"])
def test_a_runtime_that_dies_leaves_what_was_measured_before(
    tmp_path: Path, runtime: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # In a turn whose whole time the machine gave to others, nothing could fail: a longer one, then.
    for seconds in (0.1, 1, 5):
        extent, event = replace(ONE_MODE, launches=2, seconds=seconds), Event(at=3, what=kill)
        with leaving_nothing_else(tmp_path / "tmp"):
            run = ran(event.scenario(), extent, tmp_path / f"out-{seconds}", runtime=runtime)
        (cell,) = run.report.cells
        if cell.errors:
            break
    assert run.code == RuntimeDied.exit_code
    assert "killed by SIGKILL" in run.report.why_incomplete
    assert "killed by SIGKILL" in capsys.readouterr().err
    assert cell.figures is not None
    assert cell.turns == 3
    assert cell.errors, "the turn in which it died counts its errors"
    assert len(cell.figures.per_launch_p50_ns) == 1, "and none of its times"


def test_a_turn_in_the_middle_of_which_the_runtime_dies_keeps_its_errors_alone(tmp_path: Path) -> None:
    answers = 0

    def start(bench: Bench, plan: Plan) -> Sequence[Turn]:
        endpoint = endpoint_of(bench.launch([probes.worker("hello")]), "hello")

        def check(_body: bytes) -> str | None:
            nonlocal answers
            answers += 1
            if answers == 50:
                kill(bench)
            return None

        one = One(get(endpoint, "/"), Check(body_check=check))
        # By number, so that the first turn comes to the fiftieth answer on a machine of any speed.
        return [EngineTurn(mode=cell.mode, endpoint=endpoint, requests=lambda: one, count=55) for cell in plan.cells]

    run = ran(replace(warm.SCENARIO, start=start), replace(ONE_MODE, launches=1), tmp_path)
    (cell,) = run.report.cells
    assert run.code == RuntimeDied.exit_code
    assert answers >= 50
    assert (cell.turns, cell.count, cell.figures) == (1, 0, None)
    assert cell.errors


def test_a_real_ctrl_c_ends_everything(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    out = tmp_path / "out"
    command = [Path(sys.executable).parent / "isomark", "bench", "warm", "--runtime=node", f"--out={out}"]
    process = subprocess.Popen(
        command,
        cwd=CHECKOUT,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until = time.monotonic() + DEADLINE_S
        while not processes_below(tmp_path / "tmp"):
            assert time.monotonic() < until
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=DEADLINE_S)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == runner.INTERRUPTED, errors
    report = read_load(out / "load.json")
    assert not report.complete
    assert report.why_incomplete.endswith("interrupted")
    assert report.why_incomplete in output
    assert processes_below(tmp_path / "tmp") == []
    assert list((tmp_path / "tmp").glob("isomark-*")) == []


@needs_two_cores
@pytest.mark.parametrize("runtime", ["workerd", "reference", "tests.scenario_runs:Elsewhere"])
def test_generator_and_runtime_are_apart_and_put_back(tmp_path: Path, runtime: str) -> None:
    before = os.sched_getaffinity(0)
    seen: list[tuple[set[int], list[set[int]]]] = []

    def look(_bench: Bench) -> None:
        pids = [pid for pid in descendants() if b"reaper.py" not in Path(f"/proc/{pid}/cmdline").read_bytes()]
        tasks = [int(task.name) for pid in pids for task in Path(f"/proc/{pid}/task").iterdir()]
        seen.append((os.sched_getaffinity(0), [os.sched_getaffinity(task) for task in tasks]))

    event = Event(at=2, what=look)
    run = ran(event.scenario(), replace(ONE_MODE, launches=1), tmp_path, runtime=runtime)
    pinning = run.report.pinning
    ((own, theirs),) = seen
    assert own == set(pinning.generator_cpus)
    assert len(theirs) > 1
    assert all(each == set(pinning.target_cpus) for each in theirs)
    assert not own & set(pinning.target_cpus)
    assert os.sched_getaffinity(0) == before


def placed(usable: set[int], cores: Sequence[set[int]]) -> Placement:
    return place(usable, lambda cpu: next(core for core in cores if cpu in core))


@pytest.mark.parametrize(
    ("usable", "cores", "generator", "target", "apart"),
    [
        ({0, 1}, [{0}, {1}], {1}, {0}, True),
        ({0, 1}, [{0, 1}], {1}, {0}, False),
        ({5}, [{5}], {5}, {5}, False),
        ({0, 1, 2, 3}, [{0}, {1}, {2}, {3}], {3}, {0, 1, 2}, True),
        ({0, 1, 2, 3}, [{0, 2}, {1, 3}], {3}, {0, 2}, True),
    ],
)
def test_the_target_has_all_cores_that_are_not_the_generators(
    usable: set[int], cores: list[set[int]], generator: set[int], target: set[int], apart: bool
) -> None:
    found = placed(usable, cores)
    assert (found.generator, found.target, found.apart) == (generator, target, apart)
    assert ("the only one" in str(found)) == (len(usable) == 1)


def test_a_process_that_is_gone_is_not_pinned() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert pin_threads([ended.pid], frozenset({0})) == 0


def test_affinity_is_restored_when_the_body_raises() -> None:
    before = os.sched_getaffinity(0)
    with pytest.raises(ValueError, match="on purpose"), on({min(before)}):
        raise ValueError("on purpose")
    assert os.sched_getaffinity(0) == before
