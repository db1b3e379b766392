"""The suite as a whole on the built-in runtimes: every row as foretold, in random order and in parallel."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness import catalogue, expectations
from harness.conformance_run import CONFORMANCE
from harness.inventory import read
from harness.results import ConformanceReport, read_conformance
from harness.rows import Status
from harness.toolchain import CHECKOUT
from harness.verdict import Verdict, requirement_statuses

DEADLINE_S = 1800


def judged(runtime: str, folder: Path, *options: str) -> tuple[int, ConformanceReport, str]:
    command = [sys.executable, "-m", "pytest", "conformance", f"--runtime={runtime}", f"--report={folder}", *options]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    return done.returncode, read_conformance(folder / "conformance.json"), done.stdout


def test_reference_keeps_every_promise_that_has_a_test(tmp_path: Path) -> None:
    code, report, output = judged("reference", tmp_path, "-n", "2", "--require-conformant")
    assert code == 0, output[-3000:]
    assert report.complete
    assert report.classes["core"].verdict is Verdict.CONFORMANT
    assert report.classes["resources"].verdict is Verdict.CONFORMANT
    assert {row.status for row in report.rows} == {Status.PASS, Status.NOT_RUN, Status.NO_TEST}
    assert {row.profile for row in report.rows if row.status is Status.NOT_RUN} == {"full"}


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "in parallel"])
def test_workerd_keeps_core_and_breaks_just_what_it_does_not_enforce(options: tuple[str, ...], tmp_path: Path) -> None:
    code, report, output = judged("workerd", tmp_path, *options)
    assert code == 0, output[-3000:]
    assert report.complete
    assert report.as_expected
    assert report.classes["core"].verdict is Verdict.CONFORMANT
    assert report.classes["resources"].verdict is Verdict.NON_CONFORMANT
    assert report.verdict is Verdict.NON_CONFORMANT
    known = expectations.load(
        CONFORMANCE / "expectations", "workerd", catalogue.load(CONFORMANCE / "requirements.toml")
    ).known
    in_minutes = {function.name for function in read(CONFORMANCE) if function.profile == "full"}
    broken = {name for name, status in requirement_statuses(report.rows).items() if status is Status.FAIL}
    assert broken == {entry.requirement for entry in known if entry.test not in in_minutes}
    statuses = {Status.PASS, Status.FAIL, Status.UNSUPPORTED, Status.NOT_RUN, Status.NO_TEST}
    assert {row.status for row in report.rows} == statuses
    assert {row.profile for row in report.rows if row.status is Status.NOT_RUN} == {"full"}


def test_node_lacks_and_breaks_what_it_is_known_for(tmp_path: Path) -> None:
    code, report, output = judged("node", tmp_path)
    assert code == 0, output[-3000:]
    assert report.as_expected
    assert report.classes["core"].verdict is Verdict.NON_CONFORMANT
    assert report.classes["resources"].verdict is Verdict.NOT_CLAIMED
    statuses = requirement_statuses(report.rows)
    # CON-2 for its bound calls; that waits and timers overlap it shows
    assert {statuses[name] for name in ("SVC-1", "SVC-4", "BND-4", "NET-1", "CPU-2", "CON-2")} == {Status.UNSUPPORTED}
    assert {statuses[name] for name in ("ISO-2", "ISO-3", "MEM-5", "MEM-6", "CPU-9")} == {Status.PASS}
    overlapping = ("test_timers_overlap", "test_waits_overlap")
    assert {row.status for row in report.rows if row.test.endswith(overlapping)} == {Status.PASS}


def test_every_row_of_the_catalogue_is_in_the_report(tmp_path: Path) -> None:
    _, report, _ = judged("workerd", tmp_path, "--requirement=ISO-4")
    promised = {each.id for each in catalogue.load(CONFORMANCE / "requirements.toml").requirement}
    assert {row.requirement for row in report.rows} == promised
    assert all(row.requirement == "ISO-4" for row in report.rows if row.status is Status.PASS)
    assert report.verdict is Verdict.INCONCLUSIVE
