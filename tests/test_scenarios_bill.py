"""The bill: what waiting costs by the runtime's own accounts."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from harness.adapters.node import NodeRuntime
from harness.adapters.reference.runtime import ReferenceRuntime
from harness.adapters.workerd import WorkerdRuntime
from harness.application import Application
from harness.errors import NotObservable
from harness.runtime import PLAIN, Conditions, Instance, Invocation, Ledger, Outcome
from harness.toolchain import CHECKOUT
from loadgen.scenarios import bill, command
from tests.scenario_runs import Rewritten, small


@pytest.mark.parametrize("runtime", ["reference", "workerd", "node"])
def test_waiting_is_on_the_clients_clock_and_not_on_the_bill(tmp_path: Path, runtime: str) -> None:
    run = small("bill", tmp_path, runtime)
    assert run.code == 0
    none, half, most = run.report.cells
    for cell, waited_ms in ((none, 0), (half, 50), (most, 200)):
        assert cell.figures is not None
        assert min(cell.figures.per_launch_p50_ns) >= waited_ms * 1e6
        if "cpu ms" not in cell.observed:
            continue
        (cpu_ms,), (wall_ms,) = cell.observed["cpu ms"], cell.observed["wall ms"]
        assert wall_ms >= 0.9 * waited_ms
        assert 0 < cpu_ms <= wall_ms + 1
        if runtime != "node":
            assert ("billed ms" in cell.observed) == (runtime == "reference")
    if runtime == "reference":
        assert most.observed["billed ms"] == most.observed["cpu ms"]
        assert most.observed["billed ms"][0] < 100, "not the 200 ms that it waited"
    if runtime in {"reference", "workerd"}:
        assert none.observed.keys() >= {"cpu ms", "wall ms"}


def test_a_bill_is_the_mean_over_the_invocations_and_only_of_what_all_of_them_have() -> None:
    def record(cpu_ms: float, wall_ms: float, billed_ms: float | None) -> Invocation:
        return Invocation(
            worker="billed", event="fetch", outcome=Outcome.OK,
            cpu_time_ms=cpu_ms, wall_time_ms=wall_ms, billed_ms=billed_ms,
        )  # fmt: skip

    assert bill.accounts([record(1, 10, 2), record(3, 20, 4)]) == {"cpu ms": 2, "wall ms": 15, "billed ms": 3}
    assert bill.accounts([record(1, 10, 2), record(3, 20, None)]) == {"cpu ms": 2, "wall ms": 15}


class NoAccounts(WorkerdRuntime):
    """Has a ledger, and offers it to nobody."""

    @contextlib.contextmanager
    def launch(self, application: Application, conditions: Conditions = PLAIN) -> Iterator[Instance]:
        with super().launch(application, replace(conditions, instruments=frozenset())) as instance:
            yield instance


def test_without_accounts_there_is_only_the_clients_time(tmp_path: Path) -> None:
    run = small("bill", tmp_path, f"{__name__}:NoAccounts")
    assert run.code == 0
    assert [(cell.count, cell.observed) for cell in run.report.cells] == [(2, {})] * 3
    assert "cpu ms, wall ms, billed ms are not measured: workerd keeps no accounts" in run.words()


class MiscountsWork(Rewritten):
    SOURCE = "export default { fetch: () => Response.json({ result: 1, waited: 0 }) };"


def test_work_that_is_not_done_is_not_billed(tmp_path: Path) -> None:
    run = small("bill", tmp_path, f"{__name__}:MiscountsWork")
    assert run.code == command.NOT_ALL_TIMED
    assert {cell.not_timed for cell in run.report.cells} == {"not timed: 3 of 3 answers were wrong: wrong-body"}


class Overlapping(WorkerdRuntime):
    """Has accounts, and cannot part the invocations of this launch."""

    @contextlib.contextmanager
    def launch(self, application: Application, conditions: Conditions = PLAIN) -> Iterator[Instance]:
        with super().launch(application, conditions) as instance:
            instance._instruments[Ledger] = _Overlapping()
            yield instance


class _Overlapping(Ledger):
    def mark(self) -> int:
        return 0

    def since(self, mark: int, *, worker: str, at_least: int = 1) -> tuple[Invocation, ...]:
        raise NotObservable("two requests were inside at once")


def test_accounts_that_cannot_be_parted_are_left_out_and_said(tmp_path: Path) -> None:
    run = small("bill", tmp_path, f"{__name__}:Overlapping")
    assert run.code == 0
    assert [(cell.count, cell.observed) for cell in run.report.cells] == [(2, {})] * 3
    assert "cpu ms, wall ms, billed ms are not measured: two requests were inside at once" in run.words()


class Marked(ReferenceRuntime):
    """Remembers how many invocations there were whenever somebody marked the accounts."""

    MARKS: ClassVar[list[int]] = []

    @contextlib.contextmanager
    def launch(self, application: Application, conditions: Conditions = PLAIN) -> Iterator[Instance]:
        with super().launch(application, conditions) as instance:
            ledger = instance.instrument(Ledger)
            mark = ledger.mark

            def remembered() -> int:
                self.MARKS.append(mark())
                return self.MARKS[-1]

            ledger.mark = remembered  # type: ignore[method-assign]
            yield instance


def test_each_request_follows_the_same_work_without_a_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no mode begins with caches gone cold: of two invocations one is on the bill, after three to verify."""
    monkeypatch.setattr(Marked, "MARKS", [])
    run = small("bill", tmp_path, f"{__name__}:Marked")
    assert Marked.MARKS == [4, 6, 8, 10, 12, 14]
    assert [cell.count for cell in run.report.cells] == [2, 2, 2]


COUNTED = """
import worker from "./loadgen/workers/billed/index.mjs";
const later = globalThis.setTimeout;
for (const ms of [0, 50]) {
  let timers = 0;
  globalThis.setTimeout = (...all) => { timers += 1; return later(...all); };
  await worker.fetch(new Request(`http://localhost/?rounds=1&ms=${ms}`));
  console.log(`${ms} ms: ${timers} timer`);
}
"""


def test_the_same_work_has_the_same_timers() -> None:
    """Else what a timer costs would look like a bill for the time it waits."""
    command = [NodeRuntime().binary(), "--input-type=module", "--eval", COUNTED]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines() == ["0 ms: 1 timer", "50 ms: 1 timer"]
