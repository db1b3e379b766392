"""`isomark faults` on a runtime that carries faults of every kind: noticed, unnoticed, noticed elsewhere, hanging."""

import contextlib
import os
import signal
import sys
import threading
import time
import uuid
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from harness.adapters.workerd import WorkerdRuntime
from harness.cli import main
from harness.fault_matrix.child import CalledOff, run_suite
from harness.fault_matrix.faults import NamedFault
from harness.fault_matrix.report import FaultsReport, Outcome
from harness.features import ConformanceClass
from harness.rows import Status
from tests.child_run import Child
from tests.saboteurs import FAULTS, Saboteur, _Wrapped
from tests.saboteurs import Fault as SaboteursFault

HERE = f"{__name__}:Faulty"
LIFE_CYCLE = "conformance/test_isolates.py::"
WHY = "an isolate per request is a new one each time"
NOTE = "note-launching"
LONG_S = 600.0


class _Dies(_Wrapped):
    def answer(self, worker, request, ask):
        self._instance._process.stop()
        return ask()


class _SaysItIsCold(_Wrapped):
    """Each answer tells of an isolate of its own, whoever gave it."""

    def answer(self, worker, request, ask):
        response = ask()
        if request.path not in {"/", "/isolate"} or response.status != 200:
            return response
        told = {**response.json(), "nonce": str(uuid.uuid4()), "evaluations": 1, "served": 1}
        return replace(response, body=msgspec.json.encode(told))


OWN_FAULTS = {
    "says-it-is-cold": SaboteursFault(requirement="ISO-2", wrap=_SaysItIsCold),
    "dies": SaboteursFault(requirement="ISO-2", wrap=_Dies),
    "harmless": SaboteursFault(requirement="ISO-4"),
    "hangs": SaboteursFault(requirement="ISO-2"),
    "first-request-error": FAULTS["first-request-error"],
}


class Faulty(Saboteur):
    """The engine with a fault of the saboteur's and others of its own; claims the class core alone."""

    name = "faulty"

    def __init__(self, fault=None, plain="serves"):
        WorkerdRuntime.__init__(self)
        self.hangs = (fault or plain) == "hangs"
        self._fault = OWN_FAULTS[fault or "harmless"]

    def classes(self):
        return frozenset({ConformanceClass.CORE})

    @staticmethod
    def faults():
        return {name: fault.requirement for name, fault in OWN_FAULTS.items()} | {
            "says-it-is-cold": NamedFault(name="says-it-is-cold", requirement="ISO-2", also=("ISO-5", "ISO-3"), why=WHY)
        }

    @contextlib.contextmanager
    def launch(self, application, conditions):
        with super().launch(application, conditions) as instance:
            if self.hangs:
                if "TMPDIR" in os.environ:
                    Path(os.environ["TMPDIR"], f"{NOTE}.txt").write_text("launched")
                time.sleep(LONG_S)
            yield instance


def faults_json(folder):
    return msgspec.json.decode((folder / "faults.json").read_bytes(), type=FaultsReport)


def short(found):
    return {each.test.removeprefix(LIFE_CYCLE) for each in found}


def test_a_matrix(tmp_path, capsys):
    """Each fault is killed by tests of its promise or survives; what falls beside it is foretold, or collateral."""
    words = ["--area=iso", "--fault=says-it-is-cold,harmless", "-n2", f"--report={tmp_path}"]
    code = main(["faults", f"--runtime={HERE}", *words])
    said = capsys.readouterr()
    report = faults_json(tmp_path)
    cold, harmless = report.faults
    assert (cold.name, cold.requirement, cold.outcome) == ("says-it-is-cold", "ISO-2", Outcome.KILLED), said
    assert "test_module_scope_survives" in short(cold.killed_by)
    assert "test_no_isolate_per_request" in short(cold.consequences)
    assert {each.requirement for each in cold.consequences} == {"ISO-5"}
    assert "ISO-7" in {each.requirement for each in cold.collateral}
    assert {each.plain for each in cold.collateral} == {Status.PASS}
    assert not {each.requirement for each in cold.collateral} & {"ISO-2", "ISO-3", "ISO-5"}
    assert (harmless.outcome, harmless.killed, harmless.killed_by) == (Outcome.SURVIVED, False, ())
    assert harmless.collateral == ()
    assert harmless.rows_run > len(harmless.tests) > 1
    assert report.plain.rows >= harmless.rows_run
    assert report.unproven == ("ISO-4",)
    assert report.complete
    assert not report.proven
    assert code == 1
    assert "NOT PROVEN: 1 of 2 faults killed, 1 with collateral, no killed fault for ISO-4\n" in said.out
    assert said.out.endswith(f"Report: {tmp_path / 'faults.html'}\n")
    plain, *others = said.err.splitlines()
    again = [line for line in others if line.startswith("  again ")]  # also at a row that a busy machine broke once
    assert plain.startswith("plain runtime: ")
    assert [line[:5] for line in others if line not in again] == ["  1/2", "  2/2"]
    assert any(line.startswith("  again says-it-is-cold: still COLLATERAL") for line in again)
    assert "says-it-is-cold" in (tmp_path / "faults.html").read_text()


def test_a_matrix_that_proves_its_point(capsys):
    """Exit code 0 is for every fault killed, without collateral."""
    words = ["faults", f"--runtime={HERE}", "--fault=first-request-error", "--rows=requirement"]
    assert main(words) == 0
    assert "PROVEN: 1 of 1 fault killed, collateral not looked at\n" in capsys.readouterr().out


def test_a_child_that_hangs_is_ended(tmp_path):
    """Past its deadline a run is ended, and says so; nothing of it is waited for."""
    words = [f"{LIFE_CYCLE}test_module_scope_survives"]
    run = run_suite(f"{HERE},fault=hangs", words, profile="quick", deadline_s=3, called_off=threading.Event())
    assert run.late
    assert run.problem == "it was ended after its deadline of 3 s"
    assert run.rows == {}
    assert run.duration_s < LONG_S


def test_a_run_that_is_called_off_ends(tmp_path):
    called_off = threading.Event()
    called_off.set()
    with pytest.raises(CalledOff):
        run_suite(f"{HERE},fault=hangs", ["conformance"], profile="quick", deadline_s=LONG_S, called_off=called_off)


def test_a_run_that_cannot_begin_says_why():
    """What pytest said stands in the problem; no row is made up."""
    run = run_suite(HERE, ["conformance/test_no_such.py"], profile="quick", deadline_s=60, called_off=threading.Event())
    assert run.rows == {}
    assert "test_no_such.py" in run.problem
    assert not run.late


def test_a_plain_runtime_that_cannot_be_judged_is_an_error(tmp_path, capsys):
    """With nothing to compare with there is no matrix, and no faults.json that looks like one."""
    (tmp_path / "faults.json").write_text("of an earlier run")
    words = ["faults", f"--runtime={HERE},plain=hangs", "--fault=dies", "--rows=requirement", "--deadline=2"]
    assert main([*words, f"--report={tmp_path}"]) == 27
    assert "could not be run on the plain runtime: it was ended after its deadline of 2 s" in capsys.readouterr().err
    assert not (tmp_path / "faults.json").exists()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL], ids=lambda sent: sent.name)
def test_nothing_is_left_of_a_matrix_that_is_ended(tmp_path, sent):
    """What was found is kept and marked; no process and no folder is left, however it is ended."""
    with matrix(tmp_path, HERE, "--fault=dies,hangs") as child:
        # Of equal length, so in the order of their names: the first is done when the second hangs.
        child.wait_until((child.temporary / f"{NOTE}.txt").exists, "the fault that hangs to be launched")
        child.wait_until(lambda: faults_json(tmp_path / "report").faults[0].killed, "what the first came to to be kept")
        assert len(child.processes()) > 3
        child.process.send_signal(sent)
        code = child.ended()
        child.wait_until(lambda: not child.leftovers(), "processes and folders to be gone")
    report = faults_json(tmp_path / "report")
    dies, hangs = report.faults
    assert (dies.outcome, {each.status for each in dies.killed_by}) == (Outcome.KILLED, {Status.CRASH}), child.output()
    assert hangs.outcome is Outcome.NOT_RUN
    assert not report.complete
    assert not report.proven
    if sent is signal.SIGKILL:
        assert report.why_incomplete == "it was still running when this was written"
    else:
        assert code == 130, child.output()
        assert report.why_incomplete == "interrupted after 1 of 2 faults"
        assert "INCOMPLETE: interrupted after 1 of 2 faults" in child.output()
        assert "Traceback" not in child.output()
        assert "Matrix incomplete:" in (tmp_path / "report" / "faults.html").read_text()


def test_a_request_to_terminate_is_an_interruption(tmp_path):
    """Also before anything is known: the report says that nothing was run."""
    with matrix(tmp_path, f"{HERE},plain=hangs", "--fault=dies") as child:
        child.wait_until((child.temporary / f"{NOTE}.txt").exists, "the plain runtime to be launched")
        child.process.send_signal(signal.SIGTERM)
        code = child.ended()
        child.wait_until(lambda: not child.leftovers(), "processes and folders to be gone")
    report = faults_json(tmp_path / "report")
    assert code == 130, child.output()
    assert report.plain is None
    assert [each.outcome for each in report.faults] == [Outcome.NOT_RUN]
    assert report.why_incomplete == "interrupted after 0 of 1 faults"


def matrix(folder, runtime, *words):
    options = [f"--runtime={runtime}", "--rows=requirement", f"--report={folder / 'report'}", *words]
    return Child(folder, [sys.executable, "-m", "harness.cli", "faults", *options], {})
