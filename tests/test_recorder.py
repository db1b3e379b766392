"""A report holds every requirement of the catalogue, whatever was run, and its text shows what matters."""

from pathlib import Path

import msgspec
import pytest

from harness import catalogue, terminal
from harness.conformance_run import CONFORMANCE
from harness.errors import ReportFileError
from harness.inventory import TestFunction
from harness.recorder import ROWS_FILE, Recorder, blank_row, runtime_identity
from harness.rows import Expected, ReasonCode, Row, Status, is_expected
from tests.third_party import TinyRuntime

CATALOGUE = catalogue.load(CONFORMANCE / "requirements.toml")
INVENTORY = [
    TestFunction(
        requirement="ISO-1", file="conformance/test_a.py", name="test_one", profile="quick", description="One."
    ),
    TestFunction(
        requirement="ISO-1", file="conformance/test_a.py", name="test_two", profile="quick", description="Two."
    ),
    TestFunction(requirement="NET-1", file="conformance/test_b.py", name="test_at", profile="quick", description="At."),
]


def row(requirement, test, status=Status.PASS, expected=Status.PASS, reason=""):
    blank = blank_row(CATALOGUE.by_id(requirement), status, ReasonCode.PROMISE_KEPT, reason)
    foretold = Expected(status=expected, reason="known so", link="https://example.com/")
    fitting = is_expected(status, foretold)
    repeat = f"pytest '{test}'"
    return msgspec.structs.replace(blank, test=test, expected=foretold, as_expected=fitting, repeat=repeat)


@pytest.fixture
def recorder():
    return Recorder(CATALOGUE, INVENTORY, None)


def report_of(recorder, *, why=""):
    runtime = TinyRuntime()
    return recorder.report(runtime, runtime_identity(runtime, {}), profile="quick", seed=7, why_incomplete=why)


def test_every_requirement_has_a_row(recorder):
    """Those that ran, those that were not selected and those nobody tests: all ninety are there, in order."""
    recorder.add(row("ISO-1", "conformance/test_a.py::test_one"))
    rows = report_of(recorder).rows
    assert {each.requirement for each in rows} == {each.id for each in CATALOGUE.requirement}
    by_test = {each.test: each for each in rows if each.test}
    assert by_test["conformance/test_a.py::test_one"].status is Status.PASS
    assert by_test["conformance/test_a.py::test_two"].status is Status.NOT_RUN
    assert by_test["conformance/test_a.py::test_two"].description == "Two."
    assert {each.status for each in rows if not each.test} == {Status.NO_TEST}
    assert [each.requirement for each in rows if each.area == "ISO"][-2:] == ["ISO-10", "ISO-11"]


@pytest.mark.parametrize("parameter", ["", "[a]", "[::1]", "[fe80::1%lo]", "[a::b[c]]"])
def test_a_parameter_is_no_other_test(recorder, parameter):
    """A test ran whatever its parameter looks like: there is no second row that says it did not."""
    recorder.add(row("NET-1", f"conformance/test_b.py::test_at{parameter}"))
    assert [
        each.status for each in recorder.rows(interrupted=False, profile="quick") if each.requirement == "NET-1"
    ] == [Status.PASS]


@pytest.mark.parametrize(("interrupted", "code"), [(False, ReasonCode.NOT_SELECTED), (True, ReasonCode.INTERRUPTED)])
def test_what_did_not_run_says_why(recorder, interrupted, code):
    """Left out on purpose, or cut off."""
    codes = {
        each.reason_code
        for each in recorder.rows(interrupted=interrupted, profile="quick")
        if each.status is Status.NOT_RUN
    }
    assert codes == {code}


def test_a_longer_test_is_not_in_the_quick_profile():
    """It is listed as such, and a requirement without another test is then not run, rather than untested."""
    long = TestFunction(
        requirement="CPU-7", file="conformance/test_c.py", name="test_c", profile="full", description=""
    )
    for profile, code in (("quick", ReasonCode.NOT_IN_PROFILE), ("full", ReasonCode.NOT_SELECTED)):
        rows = Recorder(CATALOGUE, [long], None).rows(interrupted=False, profile=profile)
        assert [each.reason_code for each in rows if each.requirement == "CPU-7"] == [code]


def test_the_last_word_on_a_test_wins(recorder):
    """A clean-up that fails after a pass makes the row an error."""
    recorder.add(row("ISO-1", "conformance/test_a.py::test_one"))
    recorder.add(row("ISO-1", "conformance/test_a.py::test_one", Status.ERROR))
    assert [each.status for each in recorder.ran()] == [Status.ERROR]


def test_rows_are_on_disk_as_they_come(tmp_path):
    """Each row can be read back before the run has ended; an old run's rows are not among them."""
    (tmp_path / ROWS_FILE).write_text("old")
    recorder = Recorder(CATALOGUE, INVENTORY, tmp_path)
    first = row("ISO-1", "conformance/test_a.py::test_one", Status.FAIL, reason="line\nbreak")
    recorder.add(first)
    lines = (tmp_path / ROWS_FILE).read_bytes().splitlines()
    assert [msgspec.json.decode(line, type=Row) for line in lines] == [first]


def test_a_folder_that_cannot_be_is_refused_at_once(tmp_path):
    """Before the run, not after it."""
    (tmp_path / "file").touch()
    with pytest.raises(ReportFileError, match="cannot be written to"):
        Recorder(CATALOGUE, INVENTORY, tmp_path / "file")


def test_a_mishap_has_a_row(recorder):
    """A test that ended without a word is an error of the harness, and never as expected."""
    recorder.add_mishap("conformance/test_b.py::test_at[::1]", "its worker died")
    assert [(each.requirement, each.status, each.reason, each.as_expected) for each in recorder.ran()] == [
        ("NET-1", Status.ERROR, "its worker died", False)
    ]


def test_the_text_of_a_good_run(recorder):
    """One line for each area, the verdict with what it rests on, and where to look next."""
    recorder.add(row("ISO-1", "conformance/test_a.py::test_one"))
    recorder.add(row("ISO-1", "conformance/test_a.py::test_two"))
    text = terminal.summary(report_of(recorder), Path("out"))
    lines = text.splitlines()
    assert "runtime tiny 1.0" in lines[0]
    assert next(line for line in lines if line.startswith("ISO ")).split()[:4] == ["ISO", "isolates", "8", "1"]
    assert all(any(line.startswith(f"{area} ") for line in lines) for area in CATALOGUE.areas)
    assert "Not as expected" not in text
    assert "every result as expected" in text
    assert lines[-1] == "Report: out/conformance.html"


def test_the_text_of_a_bad_run(recorder):
    """A surprise comes with promise, reason and the way to repeat it; what was foretold with its link."""
    recorder.add(row("ISO-1", "conformance/test_a.py::test_one", Status.FAIL, reason="expected this; saw that"))
    recorder.add(row("NET-1", "conformance/test_b.py::test_at[::1]", Status.CRASH, Status.CRASH, "gone"))
    recorder.add(row("ISO-1", "conformance/test_a.py::test_two", Status.PASS, Status.FAIL))
    text = terminal.summary(report_of(recorder, why="the run was interrupted"), None)
    surprises, _, foretold = text.partition("Broken promises, as expected")
    assert text.startswith("INCOMPLETE: the run was interrupted.")
    assert "NON-CONFORMANT" in text
    assert "NOT every result as expected" in text
    for words in (
        "FAIL         test_one",
        "expected this; saw that",
        "repeat: pytest 'conformance/test_a.py::test_one'",
    ):
        assert words in surprises
    assert CATALOGUE.by_id("ISO-1").statement[:60] in surprises
    assert "PASS         test_two" in surprises
    assert "CRASH        test_at[::1]" in foretold
    assert "known so (https://example.com/)" in foretold
    assert "test_at" not in surprises
    assert text.splitlines()[-1].endswith("--report=DIR")


def test_the_report_says_who_was_judged(recorder):
    """Name, version, claims and settings of the runtime, and the run's own conditions."""
    report = report_of(recorder)
    assert (report.runtime.name, report.runtime.version, report.runtime.classes) == ("tiny", "1.0", ("core",))
    assert (report.run.seed, report.run.profile, report.run.specification) == (7, "quick", CATALOGUE.edition)
    assert report.complete
