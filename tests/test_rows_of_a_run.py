"""One run over a runtime that goes wrong in every way: each way has its own row, and no row is lost to another."""

import json

import jsonschema
import pytest

from harness import schemas
from harness.results import read_conformance
from harness.rows import ReasonCode, Status
from tests.child_run import run

TESTS = """
import pytest
from harness.errors import NotObservable
from harness.runtime import Ledger, Outbound

@requirement("ISO-2")
@pytest.mark.parametrize("way", WAYS)
def test_way(launch, judge, tmp_path, way):
    \"\"\"It answers.\"\"\"
    instance = launch(project(tmp_path, name=way)[0])
    judge.saw("status", instance.fetch(way, Request(), deadline_s=20).status)

@requirement("ISO-2")
def test_late(launch, tmp_path):
    launch(project(tmp_path)[0]).fetch("hello", Request(path="/late"), deadline_s=0.3)

@requirement("ISO-2")
def test_broken(judge):
    \"\"\"First paragraph,
    on one line.

    Not this one.\"\"\"
    judge.saw("seen before", {"a": [1, "long" * 1000]})
    judge.saw("raw", b"bytes" * 1000)
    judge.bracketed("limit", 126, 131, "MiB")
    judge.promise(False, expected="this", saw="that")

@requirement("ISO-2")
def test_control(judge):
    judge.control(False, expected="a sound control", saw="none")

@requirement("ISO-2")
def test_plain_assertion():
    assert 1 == 2, "one is two"

@requirement("ISO-2")
def test_harness_error():
    raise KeyError("a slip in the test")

@requirement("ISO-2")
def test_broken_wrangler_file(launch, tmp_path):
    launch(project(tmp_path, limitz={})[0])

@requirement("ISO-2")
def test_unobservable(launch, tmp_path):
    launch(project(tmp_path)[0]).instrument(Ledger)

@requirement("ISO-2")
def test_unclaimed_feature(launch, tmp_path):
    launch(project(tmp_path, vars={"A": "a"})[0])

@requirement("MEM-1")
def test_unclaimed_class(launch, tmp_path):
    launch(project(tmp_path)[0])

@requirement("ISO-2", profile="full")
def test_long():
    assert False

@requirement("ISO-2")
@pytest.mark.skip(reason="left out")
def test_skipped():
    assert False

@requirement("ISO-2")
@pytest.mark.xfail(reason="marked here", strict=True)
def test_xfail():
    assert False
"""

WAYS = {
    "sound": (Status.PASS, ReasonCode.PROMISE_KEPT, ""),
    "dies-at-start": (Status.ERROR, ReasonCode.HARNESS_ERROR, "ended with code 7 before it was ready"),
    "is-killed-at-start": (Status.ERROR, ReasonCode.HARNESS_ERROR, "was killed by SIGKILL before it was ready"),
    "dies-in-the-middle": (Status.CRASH, ReasonCode.RUNTIME_DIED, "was serving and then ended with code 3"),
    "stops-half-way": (Status.CRASH, ReasonCode.RUNTIME_DIED, "was serving and then ended with code 3"),
    "is-never-ready": (Status.TIMEOUT, ReasonCode.DEADLINE, "did not say it was ready within 0.6 s"),
    "talks-and-is-never-ready": (Status.TIMEOUT, ReasonCode.DEADLINE, "did not say it was ready within 0.6 s"),
    "hangs-up": (Status.FAIL, ReasonCode.PROMISE_BROKEN, "hung up"),
    "is-not-http": (Status.FAIL, ReasonCode.PROMISE_BROKEN, "hung up"),
    "is-not-gzip": (Status.FAIL, ReasonCode.PROMISE_BROKEN, "cannot be decoded"),
    "leaves-badly": (Status.ERROR, ReasonCode.HARNESS_ERROR, "while cleaning up: could not clean up"),
}

ROWS = {f"test_way[{way}]": expected for way, expected in WAYS.items()} | {
    "test_late": (Status.TIMEOUT, ReasonCode.DEADLINE, "no whole answer within 0.3 s"),
    "test_broken": (Status.FAIL, ReasonCode.PROMISE_BROKEN, "expected this; saw that"),
    "test_control": (Status.INCONCLUSIVE, ReasonCode.CONTROL_FAILED, "a sound control"),
    "test_plain_assertion": (Status.FAIL, ReasonCode.PROMISE_BROKEN, "one is two"),
    "test_harness_error": (Status.ERROR, ReasonCode.HARNESS_ERROR, "KeyError: 'a slip in the test'"),
    "test_broken_wrangler_file": (Status.ERROR, ReasonCode.HARNESS_ERROR, "did you mean 'limits'"),
    "test_unobservable": (Status.UNSUPPORTED, ReasonCode.NOT_OBSERVABLE, "no Ledger instrument"),
    "test_unclaimed_feature": (Status.UNSUPPORTED, ReasonCode.FEATURE_NOT_CLAIMED, "'vars'"),
    "test_unclaimed_class": (Status.UNSUPPORTED, ReasonCode.CLASS_NOT_CLAIMED, "the class resources"),
    "test_skipped": (Status.SKIPPED, ReasonCode.SKIP, "left out"),
    "test_xfail": (Status.XFAIL, ReasonCode.SKIP, "marked here"),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    report = folder / "report"
    tests = TESTS.replace("WAYS", repr(sorted(WAYS)))
    return run(folder, tests, f"--report={report}", runtime="tests.misbehaving:Misbehaving")


def rows_by_function(child):
    rows = [row for row in child.report().rows if row.test.startswith("test_promises.py::")]
    return {row.test.rpartition("::")[2]: row for row in rows}


@pytest.mark.parametrize("function", ROWS)
def test_each_ending_has_its_row(finished, function):
    """The status, the code and the reason of a row say how its test ended."""
    row = rows_by_function(finished[2])[function]
    status, code, reason = ROWS[function]
    assert (row.status, row.reason_code) == (status, code)
    assert reason in row.reason


def test_no_row_is_lost_or_made_up(finished):
    """Every selected test has a row, the one of the longer profile none."""
    assert set(rows_by_function(finished[2])) == set(ROWS)


def test_a_harness_error_ends_the_run_with_2(finished):
    """A run in which the harness itself failed is no verdict on anybody: exit code 2, whatever else failed."""
    assert finished[0] == 2, finished[1]


def test_what_was_seen_is_in_the_row(finished):
    """Evidence, figures and the description are kept with a broken promise."""
    row = rows_by_function(finished[2])["test_broken"]
    assert row.evidence["seen before"]["a"][0] == 1
    assert row.evidence["raw"] == "bytes" * 400 + " ... (3000 characters more)"
    assert [(each.low, each.high, each.unit) for each in row.measured] == [(126, 131, "MiB")]
    assert row.description == "First paragraph, on one line."
    assert row.repeat.startswith("pytest '")
    assert not row.as_expected


def test_a_crash_keeps_the_log(finished):
    """The row of a runtime that died holds the last words of its log."""
    assert "out of luck" in rows_by_function(finished[2])["test_way[dies-in-the-middle]"].reason


def test_the_text_names_each_surprise(finished):
    """The closing text shows every row that is not as expected, with what was promised and how to repeat it."""
    text = finished[1].partition("Not as expected")[2].partition("short test summary info")[0]
    unexpected = [name for name, (status, _, _) in ROWS.items() if _surprises(status)]
    assert unexpected
    assert all(name in text for name in unexpected)
    assert text.count("repeat: pytest") == len(unexpected)
    assert "NOT every result as expected" in text


def test_the_report_follows_its_schema(finished):
    """conformance.json validates against the published schema; with a word changed it does not."""
    content = json.loads((finished[2].report_folder / "conformance.json").read_text())
    schema = json.loads((schemas.FOLDER / "conformance.schema.json").read_text())
    jsonschema.validate(content, schema)
    for damage in ({"schema": "isomark/conformance/0"}, {"verdict": "fine"}, {"extra": 1}, {"rows": [{}]}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**content, **damage}, schema)


def test_the_report_is_whole(finished):
    """A run that came to its end says so, whatever became of its rows, and keeps no half-written files."""
    folder = finished[2].report_folder
    report = read_conformance(folder / "conformance.json")
    assert report.complete
    assert not report.as_expected
    assert {path.name for path in folder.iterdir()} == {"conformance.json", "conformance.html", "junit.xml"}


def test_nothing_is_left(finished):
    """Of eleven launches, most of which went wrong, no process and no folder is left."""
    assert finished[2].leftovers() == []


def _surprises(status):
    return status not in {Status.PASS, Status.UNSUPPORTED, Status.SKIPPED, Status.XFAIL}
