"""How a run ends: its exit code and its words, for every way of being called wrongly and every kind of result."""

import signal

import pytest

from harness.rows import ReasonCode, Status
from tests.child_run import ChildRun, run

KEPT = """
@requirement("ISO-2")
def test_kept(launch, tmp_path):
    launch(project(tmp_path)[0]).fetch("hello", Request())
"""

BROKEN = """
@requirement("ISO-2")
def test_broken(judge):
    judge.promise(False, expected="this", saw="that")
"""

FORETOLD = """
runtime = "tiny"
[[known]]
requirement = "ISO-2"
status = "STATUS"
reason = "it is small"
link = "https://example.com/small"
"""


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--runtime=workrd"], 22, ["no runtime adapter 'workrd'", "did you mean 'workerd'?"]),
        (["--runtime=tests.third_party:TinyRuntme"], 22, ["TinyRuntme", "does not import"]),
        (["--runtime=workerd,binari=/x"], 20, ["no setting 'binari'", "did you mean 'binary'?"]),
        (["--runtime=workerd,binary"], 20, ["'binary' is not a setting", "key=value"]),
        (["--runtime=workerd,binary=/no/such/file"], 20, ["/no/such/file is not a file"]),
        (["--runtime=workerd,binary=/etc/passwd"], 23, ["/etc/passwd does not run"]),
        (["--runtime=tests.misbehaving:CannotSayWhatItIs"], 2, ["cannot say what it is", "no version today"]),
        (["--requirement=ISO-222"], 20, ["no requirement 'ISO-222'", "did you mean 'ISO-2'"]),
        (["--area=IOS"], 20, ["no area 'IOS'", "did you mean 'ISO'"]),
        (["--report=FOLDER/test_promises.py/in-a-file"], 29, ["cannot be written to", "what to do"]),
        (["--expectations=/no/such/file.toml"], 21, ["/no/such/file.toml is not an expectations file"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_called_wrongly(tmp_path, options, code, words):
    """A wrong word ends the run before it begins, with the code of its error and what was meant."""
    found, output, child = run(tmp_path, KEPT, *(option.replace("FOLDER", str(tmp_path)) for option in options))
    assert found == code, output
    assert all(word in output for word in words), output
    assert "Traceback" not in output
    assert child.leftovers() == []


def test_a_missing_toolchain_is_named(tmp_path):
    """Without workerd in the toolchain's folder the run ends with 23 and says how to set it up."""
    (tmp_path / "empty").mkdir()
    environment = {"ISOMARK_TOOLCHAIN": str(tmp_path / "empty")}
    code, output, _ = run(tmp_path, KEPT, runtime="workerd", environment=environment)
    assert code == 23, output
    assert "make setup" in output


@pytest.mark.parametrize(
    ("tests", "options", "code"),
    [
        (KEPT, [], 0),
        (KEPT, ["--require-conformant"], 1),
        (KEPT, ["--requirement=ISO-3"], 3),
        (BROKEN, [], 1),
        (BROKEN.replace("promise(False, expected", "control(False, expected"), [], 3),
        (KEPT + BROKEN.replace('judge.promise(False, expected="this", saw="that")', "raise KeyError"), [], 2),
        (KEPT + "def test_without_a_requirement():\n    assert False\n", [], 1),
        ("def broken(:\n", [], 2),
    ],
    ids=["kept", "not conformant", "nothing selected", "broken", "inconclusive", "error", "unmarked", "no Python"],
)
def test_the_exit_code_says_what_was_shown(tmp_path, tests, options, code):
    """0: as expected; 1: not; 2: the harness failed; 3: nothing was shown."""
    found, output, _ = run(tmp_path, tests, *options)
    assert found == code, output


@pytest.mark.parametrize(
    ("tests", "foretold", "code", "words"),
    [
        (BROKEN, "fail", 0, "1 xfailed"),
        (BROKEN, "crash", 1, "expected crash: it is small"),
        (KEPT, "fail", 1, "If the runtime got better, remove that entry."),
    ],
    ids=["foretold", "foretold otherwise", "got better"],
)
def test_what_is_foretold_must_come(tmp_path, tests, foretold, code, words):
    """A foretold failure is no surprise; a promise that starts to be kept fails the run, as does another failure."""
    (tmp_path / "tiny.toml").write_text(FORETOLD.replace("STATUS", foretold))
    found, output, child = run(
        tmp_path, tests, f"--expectations={tmp_path / 'tiny.toml'}", f"--report={tmp_path / 'report'}"
    )
    assert found == code, output
    assert words in output
    row = next(row for row in child.report().rows if row.test.startswith("test_promises"))
    assert row.as_expected is (code == 0)
    assert (row.expected.reason, row.expected.link) == ("it is small", "https://example.com/small")


def test_expectations_of_another_runtime_are_refused(tmp_path):
    """A file about another runtime is not applied to this one."""
    (tmp_path / "tiny.toml").write_text(FORETOLD.replace("STATUS", "fail").replace('"tiny"', '"large"'))
    code, output, _ = run(tmp_path, BROKEN, f"--expectations={tmp_path / 'tiny.toml'}")
    assert code == 21, output
    assert "about runtime 'large'" in output


def test_an_unsupported_row_where_a_failure_was_foretold_is_a_surprise(tmp_path):
    """pytest counts it as failed, as the exit code does."""
    (tmp_path / "tiny.toml").write_text(FORETOLD.replace("STATUS", "fail"))
    tests = KEPT.replace("project(tmp_path)", "project(tmp_path, vars={'A': 'a'})")
    code, output, _ = run(tmp_path, tests, f"--expectations={tmp_path / 'tiny.toml'}")
    assert code == 1, output
    assert "1 failed" in output


def test_a_claim_that_is_refused_breaks_the_promise(tmp_path):
    """A runtime that claims a feature and refuses an application that needs it fails the row."""
    tests = KEPT.replace("project(tmp_path)", "project(tmp_path, vars={'A': 'a'})")
    code, output, _ = run(tmp_path, tests, runtime="tests.misbehaving:RefusesWhatItClaims")
    assert code == 1, output
    assert "expected an application it claims to support to be served" in output


def test_half_support_breaks_the_promise(tmp_path):
    """A runtime that serves an application whose need it does not claim fails the row, with a code of its own."""
    tests = KEPT.replace("project(tmp_path)", "project(tmp_path, vars={'A': 'a'})")
    report = f"--report={tmp_path / 'report'}"
    code, output, child = run(tmp_path, tests, report, runtime="tests.broken_adapters:AcceptsWhatItDoesNotClaim")
    assert code == 1, output
    assert ReasonCode.HALF_SUPPORT in {row.reason_code for row in child.report().rows}


def test_the_report_folder_may_go_while_the_run_lasts(tmp_path):
    """A report folder that is removed under the run is made again: no row is lost."""
    tests = KEPT + f"\ndef test_remove():\n    import shutil; shutil.rmtree({str(tmp_path / 'report')!r})\n"
    tests += KEPT.replace("test_kept", "test_kept_too")
    code, output, child = run(tmp_path, tests, f"--report={tmp_path / 'report'}")
    assert code == 0, output
    assert [row.status for row in child.report().rows if row.requirement == "ISO-2" and row.duration_ms] == ["pass"] * 2


def test_a_report_that_cannot_be_written_at_the_end_ends_with_29(tmp_path):
    """When a file has taken the folder's place, the run says so and does not claim to have a report."""
    folder = tmp_path / "report"
    tests = KEPT + f"\ndef test_take():\n    import shutil; shutil.rmtree({str(folder)!r})\n"
    tests += f"    Path({str(folder)!r}).write_text('in the way')\n"
    code, output, _ = run(tmp_path, tests, f"--report={folder}")
    assert code == 29, output
    assert "cannot be written" in output
    assert "Traceback" not in output


WAITS = (
    KEPT
    + """
@requirement("ISO-3")
def test_waits(launch, tmp_path):
    instance = launch(project(tmp_path)[0])
    (Path(os.environ["TMPDIR"]) / "note-0.txt").write_text("here")
    instance.fetch("hello", Request(path="/late"))

@requirement("ISO-4")
def test_never_comes_to_it(launch, tmp_path):
    launch(project(tmp_path)[0])
"""
)


def test_a_run_that_is_interrupted_keeps_what_it_judged(tmp_path):
    """After Ctrl-C conformance.json is there: incomplete, why, the rows so far, and the others as not run."""
    with ChildRun(tmp_path, WAITS, f"--report={tmp_path / 'report'}") as child:
        child.notes(1)
        child.process.send_signal(signal.SIGINT)
        code = child.ended()
        report = child.report()
    assert code == 2, child.output()
    assert "INCOMPLETE: the run was interrupted" in child.output()
    assert not report.complete
    assert report.why_incomplete == "the run was interrupted"
    judged = {row.test.rpartition("::")[2]: row for row in report.rows if row.test.startswith("test_promises")}
    assert judged["test_kept"].status is Status.PASS
    assert "test_waits" not in judged
    others = {row.reason_code for row in report.rows if row.status is Status.NOT_RUN}
    assert ReasonCode.INTERRUPTED in others
    assert ReasonCode.NOT_SELECTED not in others


def test_a_run_that_is_stopped_after_a_failure_is_incomplete(tmp_path):
    """With -x the report says after what it stopped."""
    code, output, child = run(tmp_path, BROKEN + KEPT, "-x", f"--report={tmp_path / 'report'}")
    assert code == 1, output
    assert not child.report().complete
    assert "stopping after 1 failures" in child.report().why_incomplete


def test_a_run_that_is_killed_leaves_its_rows(tmp_path):
    """SIGKILL leaves no report, but the rows judged until then, one JSON object on each line."""
    with ChildRun(tmp_path, WAITS, f"--report={tmp_path / 'report'}") as child:
        child.notes(1)
        child.process.kill()
        child.ended()
    lines = (tmp_path / "report" / "rows.jsonl").read_text().splitlines()
    assert [('"requirement":"ISO-2"' in line, '"status":"pass"' in line) for line in lines] == [(True, True)]
    assert not (tmp_path / "report" / "conformance.json").exists()
