"""What other tools read of a bundle: Markdown for a pull request, JUnit and CTRF for CI, the environment."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from harness.comparison_results import Claim, ComparisonReport, Excluded, Grade, read_comparison
from harness.results import ConformanceReport
from harness.rows import Expected, Status, is_expected
from reports import exports
from reports.bundle_files import read_judged
from reports.exports import ctrf, junit, markdown, summary
from reports.exports.outcomes import Result, result_of, result_of_claim
from tests import sample_bundle
from tests.test_reports_samples import HOSTILE, a_row, sample_conformance

ODD = "bell \x07, null \x00, lone \ud800, reversed \u202e, last \uffff, face \N{GRINNING FACE}, ]]> & <b a='1'>"
MENTION = "see @somebody, https://example.com, WWW.example.com and #49 | `code` *bold* [link](x) <img> $x$"

Judged = Mapping[str, ConformanceReport]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("exports")
    sample_bundle.write(found, launches=3)
    return found


@pytest.fixture(scope="module")
def report(folder: Path) -> ComparisonReport:
    return read_comparison(folder / "comparison.json")


@pytest.fixture(scope="module")
def judged(folder: Path, report: ComparisonReport) -> Judged:
    return read_judged(folder, report)


@pytest.fixture
def bare(report: ComparisonReport) -> ComparisonReport:
    """Without claims."""
    return msgspec.structs.replace(report, claims=())


@pytest.fixture
def hostile(report: ComparisonReport) -> tuple[ComparisonReport, Judged]:
    """Text from everywhere that a runtime under test could have had a hand in."""
    rows = (
        a_row("ISO-1", Status.FAIL, reason=ODD + HOSTILE, as_expected=False, statement=MENTION, test=f"x.py::t[{ODD}]"),
    )
    claim = Claim(
        requirement="ISO-8", statement=MENTION, subject="workerd", grade=Grade.NOT_KEPT, rule=ODD, why=HOSTILE
    )
    changed = msgspec.structs.replace(
        report,
        claims=(claim,),
        warnings=(MENTION, ODD),
        excluded=(Excluded(subject=ODD, scenario=MENTION, what="a|b", why=HOSTILE),),
        baseline_missing=MENTION,
    )
    return changed, {"workerd": sample_conformance(rows=rows)}


def test_all_are_written_and_the_same_bundle_gives_the_same_bytes(tmp_path: Path, report: ComparisonReport) -> None:
    sample_bundle.write(tmp_path, launches=3)
    written = exports.write(tmp_path, report)
    assert {path.name for path in written} == {"summary.md", "junit.xml", "ctrf.json", "environment.json"}
    first = [path.read_bytes() for path in written]
    assert [path.read_bytes() for path in exports.write(tmp_path, report)] == first


# Outcomes


@pytest.mark.parametrize(
    ("status", "expected", "result"),
    [
        (Status.PASS, Status.PASS, Result.PASSED),
        (Status.FAIL, Status.PASS, Result.FAILED),
        (Status.FAIL, Status.FAIL, Result.EXPECTED),
        (Status.PASS, Status.FAIL, Result.FAILED),
        (Status.CRASH, Status.FAIL, Result.FAILED),
        (Status.CRASH, Status.CRASH, Result.EXPECTED),
        (Status.TIMEOUT, Status.PASS, Result.FAILED),
        (Status.ERROR, Status.PASS, Result.ERROR),
        (Status.INCONCLUSIVE, Status.PASS, Result.FAILED),
        (Status.UNSUPPORTED, Status.PASS, Result.SKIPPED),
        (Status.UNSUPPORTED, Status.FAIL, Result.FAILED),
        (Status.SKIPPED, Status.PASS, Result.SKIPPED),
        (Status.NOT_RUN, Status.FAIL, Result.SKIPPED),
        (Status.NO_TEST, Status.PASS, Result.SKIPPED),
        (Status.XFAIL, Status.PASS, Result.EXPECTED),
        (Status.XPASS, Status.PASS, Result.FAILED),
    ],
)
def test_a_row_counts_as_pytest_counts_it(status: Status, expected: Status, result: Result) -> None:
    """Foretold failures fail nobody's build; a surprise does, also a promise kept against expectation."""
    foretold = Expected(status=expected)
    assert result_of(a_row("ISO-1", status, expected=foretold, as_expected=is_expected(status, foretold))) is result


@pytest.mark.parametrize(
    ("grade", "result"),
    [
        (Grade.KEPT, Result.PASSED),
        (Grade.NOT_KEPT, Result.FAILED),
        (Grade.NOT_SHOWN, Result.SKIPPED),
        (Grade.NOT_MEASURED, Result.SKIPPED),
    ],
)
def test_a_claim_fails_only_where_the_interval_shows_it(grade: Grade, result: Result) -> None:
    claim = Claim(requirement="ISO-8", statement="s", subject="workerd", grade=grade, rule="r", why="w")
    assert result_of_claim(claim) is result


# JUnit


def suites(text: str) -> dict[str, ET.Element]:
    return {each.attrib["name"]: each for each in ET.fromstring(text)}  # noqa: S314


def test_junit_has_a_suite_per_subject_and_one_of_claims(report: ComparisonReport, judged: Judged) -> None:
    found = suites(junit.render(report, judged))
    assert list(found) == [*judged, "claims"]
    for name, each in judged.items():
        assert len(found[name]) == len(each.rows) == int(found[name].attrib["tests"])
    assert len(found["claims"]) == len(report.claims)


def test_junit_counts_what_it_lists(bare: ComparisonReport) -> None:
    rows = (*sample_conformance().rows, a_row("CPU-11", Status.ERROR, as_expected=False))
    (suite,) = suites(junit.render(bare, {"workerd": sample_conformance(rows=rows)})).values()
    results = [result_of(row) for row in rows]
    assert suite.attrib["failures"] == str(len(suite.findall("*/failure"))) == str(results.count(Result.FAILED))
    assert suite.attrib["errors"] == str(len(suite.findall("*/error"))) == str(results.count(Result.ERROR)) == "1"
    skipped = suite.findall("*/skipped")
    assert suite.attrib["skipped"] == str(len(skipped))
    assert [each.attrib["type"] for each in skipped].count("pytest.xfail") == results.count(Result.EXPECTED)
    assert results.count(Result.EXPECTED) > 0


def test_junit_says_why(bare: ComparisonReport) -> None:
    row = a_row(
        "MEM-1", Status.FAIL, expected=Expected(status=Status.FAIL, reason="no limit", link="l"), repeat="pytest x"
    )
    (suite,) = suites(junit.render(bare, {"workerd": sample_conformance(rows=(row,))})).values()
    (case,) = suite
    (skipped,) = case
    assert (case.attrib["classname"], case.attrib["name"]) == ("conformance.test_memory", "MEM-1 test_1")
    assert skipped.attrib["message"] == "fail: saw what makes a row fail; expected: no limit (l)"
    assert "repeat: pytest x" in (skipped.text or "")


def test_junit_is_xml_whatever_a_runtime_says(hostile: tuple[ComparisonReport, Judged]) -> None:
    text = junit.render(*hostile)
    (case,) = suites(text)["workerd"]
    assert "bell \\u0007, null \\u0000, lone \\ud800" in case[0].attrib["message"]
    assert "\N{GRINNING FACE}" in case[0].attrib["message"]
    assert HOSTILE in case[0].attrib["message"]


# CTRF

# Retold from the JSON schema of the CTRF project: what is required, and that there is nothing else.
_ROOT = {"reportFormat", "specVersion", "timestamp", "generatedBy", "results"}
_TEST = {"name", "status", "duration", "suite", "rawStatus", "tags", "filePath", "message", "retries", "extra"}
_COUNTS = ("passed", "failed", "skipped", "pending", "other")


def test_ctrf_has_the_structure_of_the_format(report: ComparisonReport, judged: Judged) -> None:
    found = json.loads(ctrf.render(report, judged))
    assert found.keys() == _ROOT
    assert found["reportFormat"] == "CTRF"
    assert re.fullmatch(r"\d+\.\d+\.\d+", found["specVersion"])
    results = found["results"]
    assert results.keys() == {"tool", "summary", "tests", "environment"}
    assert results["tool"]["name"] == "isomark"
    assert results["environment"].keys() <= {"appName", "commit", "testEnvironment", "extra"}
    assert results["summary"].keys() == {"tests", *_COUNTS, "suites", "start", "stop", "duration"}
    assert all(isinstance(value, int) for value in results["summary"].values())
    for test in results["tests"]:
        assert {"name", "status", "duration"} <= test.keys() <= _TEST
        assert test["name"]
        assert test["status"] in _COUNTS
        assert isinstance(test["duration"], int)
        assert test["suite"]
        assert all(isinstance(each, str) for each in (*test["suite"], *test.get("tags", ())))


def test_ctrf_counts_what_it_lists(report: ComparisonReport, judged: Judged) -> None:
    results = json.loads(ctrf.render(report, judged))["results"]
    rows = sum(len(each.rows) for each in judged.values())
    assert results["summary"]["tests"] == len(results["tests"]) == rows + len(report.claims)
    for status in _COUNTS:
        assert results["summary"][status] == sum(test["status"] == status for test in results["tests"])
    assert results["summary"]["stop"] - results["summary"]["start"] == results["summary"]["duration"] > 0


def test_ctrf_keeps_every_status(bare: ComparisonReport) -> None:
    found = json.loads(ctrf.render(bare, {"workerd": sample_conformance()}))
    assert {test["rawStatus"] for test in found["results"]["tests"]} >= {status.value for status in Status}


# The environment


def test_the_environment_has_before_and_after(report: ComparisonReport, judged: Judged) -> None:
    found = json.loads(exports.FILES["environment.json"](report, judged))
    assert found["schema"] == "isomark/environment/1"
    assert found["before"] == report.environment
    assert found["after"] == report.environment_after
    assert found["subjects"]["workerd"]["runtime"]["version"] == "1.20261117.1"
    assert found["conformance"].keys() == judged.keys()


# Markdown


def test_the_summary_says_what_matters(report: ComparisonReport, judged: Judged) -> None:
    text = summary.render(report, judged)
    head = text.partition("<details>")[0]
    assert head.startswith("### isomark: reference **CONFORMANT**, workerd **NON-CONFORMANT**\n")
    for each in report.claims:
        assert f"| {each.requirement} |" in head
    assert report.noise.words.split()[0] in head
    assert "[index.html](./index.html)" in head
    assert "| Cold start of an isolate | " in head
    assert re.search(r"\| 3\.\d\d ms<br>3\.\d\d to \d\.\d\d ms", head)
    assert text.count("<details>") == text.count("</details>") >= 3


def test_the_summary_has_the_words_of_the_pairs(report: ComparisonReport, judged: Judged) -> None:
    """In the cell of the figure they are about: the one against the container, or against the floor without it."""
    side = next(pair for pair in report.pairs if pair.right.subject == "container").left
    (series,) = [
        each
        for each in report.series
        if (each.subject, each.scenario, each.mode, each.quantity)
        == (side.subject, side.scenario, side.mode, side.quantity)
    ]
    against = {pair.right.subject: pair.word.value for pair in report.pairs if pair.left == side}
    assert {"container", "node"} <= against.keys()
    cell = summary._cell(report, series)
    assert re.findall(r"\*\*(.+)\*\* against (\S+)", cell) == [(against["container"], "container")]
    others = tuple(each for each in report.subjects if each.name != "container")
    cell = summary._cell(msgspec.structs.replace(report, subjects=others), series)
    assert re.findall(r"against (\S+)", cell) == ["node"]


def test_an_incomplete_run_says_so_in_the_summary(report: ComparisonReport, judged: Judged) -> None:
    cut = msgspec.structs.replace(
        report, complete=False, why_incomplete="interrupted in round 3", baseline_missing="none"
    )
    text = summary.render(cut, judged)
    assert "**Incomplete:** interrupted in round 3" in text
    assert "**Container baseline not measured:** none" in text


def test_the_summary_fits_a_pull_request(report: ComparisonReport) -> None:
    """However much there is to say; whole lines are left out, and the folds stay closed."""
    rows = tuple(
        a_row(f"ISO-{number}", Status.FAIL, as_expected=False, reason="x" * 2_000) for number in range(1, 2_000)
    )
    claims = tuple(
        Claim(requirement=f"ISO-{n}", statement="s" * 500, subject="w" * 50, grade=Grade.KEPT, rule="", why="")
        for n in range(2_000)
    )
    long = msgspec.structs.replace(report, claims=claims, warnings=("w" * 5_000,) * 500)
    text = summary.render(long, dict.fromkeys(("reference", "workerd"), sample_conformance(rows=rows)))
    assert len(text) < summary.LONGEST == 60_000
    assert "Cut short here" in text
    assert "more on the page." in text
    assert text.count("<details>") == text.count("</details>")


def test_hostile_text_stays_text_in_markdown(hostile: tuple[ComparisonReport, Judged]) -> None:
    """No mention, no address, no markup, no formula; every table keeps its columns."""
    text = summary.render(*hostile)
    assert "<script" not in text
    assert "<img" not in text
    assert not re.search(r"@\w", text)
    assert "://" not in text
    assert not re.search(r"www\.", text, re.IGNORECASE)
    assert "\u202e" not in text
    assert "\x07" not in text
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert tables
    for table in tables:
        columns = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(columns) == 1, table


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("a\n  b", "a b"),
        ("a|b*c*_d_", "a&#124;b\\*c\\*\\_d\\_"),
        ("<b>&amp;", "&lt;b&gt;&amp;amp;"),
        ("@me", "@<!-- -->me"),
        ("http://x", "http:<!-- -->//x"),
        ("x" * 400, "x" * 296 + " ..."),
    ],
)
def test_text_is_escaped(value: str, text: str) -> None:
    assert markdown.text(value) == text


@pytest.mark.parametrize(
    ("value", "code"), [("a", "`a`"), ("a`b", "``a`b``"), ("`", "`` ` ``"), ("a|b", "`a\\|b`"), ("a\nb", "`a b`")]
)
def test_code_is_fenced(value: str, code: str) -> None:
    assert markdown.code(value) == code
