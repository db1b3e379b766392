"""junit.xml: a test suite per subject from its rows, and one for the claims.

Source: the schema that Jenkins' xUnit plugin and pytest write and read, family xunit2, where `system-out` of a suite is
the only free text. Expected failures are `skipped` of type `pytest.xfail`, as pytest's own file has them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from harness.comparison_results import ComparisonReport
from harness.results import ConformanceReport, RunIdentity
from harness.rows import Row
from reports.exports.outcomes import (
    CLAIMS,
    Result,
    claims_of,
    message_of,
    message_of_claim,
    result_of,
    result_of_claim,
)

# What XML 1.0 has no way to write; a lone surrogate is not even UTF-8.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_ELEMENTS = {Result.FAILED: "failure", Result.ERROR: "error", Result.EXPECTED: "skipped", Result.SKIPPED: "skipped"}
_TYPES = {
    Result.FAILED: "isomark.failure",
    Result.ERROR: "isomark.error",
    Result.EXPECTED: "pytest.xfail",
    Result.SKIPPED: "pytest.skip",
}


@dataclass(frozen=True, kw_only=True)
class _Case:
    classname: str
    name: str
    result: Result
    message: str
    details: str = ""
    seconds: float = 0.0


def render(report: ComparisonReport, judged: Mapping[str, ConformanceReport]) -> str:
    """The whole document; the same reports give the same text."""
    root = ET.Element("testsuites", name="isomark")
    for name, each in judged.items():
        _add(root, name, each.run, [_of_row(row) for row in each.rows])
    if report.claims:
        cases = [
            _Case(
                classname=CLAIMS,
                name=name,
                result=result_of_claim(claim),
                message=message_of_claim(claim),
                details=claim.statement,
            )
            for name, claim in claims_of(report)
        ]
        _add(root, CLAIMS, report.run, cases)
    ET.indent(root, " ")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _of_row(row: Row) -> _Case:
    file, _, function = row.test.partition("::")
    classname = file.removesuffix(".py").replace("/", ".") or row.requirement
    details = [row.statement, row.reason, f"repeat: {row.repeat}" if row.repeat else ""]
    return _Case(
        classname=classname,
        name=f"{row.requirement} {function}".strip(),
        result=result_of(row),
        message=message_of(row),
        details="\n".join(each for each in details if each),
        seconds=row.duration_ms / 1000,
    )


def _add(root: ET.Element, name: str, run: RunIdentity, cases: Iterable[_Case]) -> None:
    cases = tuple(cases)
    counts = {result: sum(case.result is result for case in cases) for result in Result}
    suite = ET.SubElement(
        root,
        "testsuite",
        {
            "name": _fit(name),
            "tests": str(len(cases)),
            "failures": str(counts[Result.FAILED]),
            "errors": str(counts[Result.ERROR]),
            "skipped": str(counts[Result.EXPECTED] + counts[Result.SKIPPED]),
            "time": f"{sum(case.seconds for case in cases):.3f}",
            "timestamp": _fit(run.started.removesuffix("Z")),
        },
    )
    for case in cases:
        element = ET.SubElement(
            suite,
            "testcase",
            {"classname": _fit(case.classname), "name": _fit(case.name), "time": f"{case.seconds:.3f}"},
        )
        if case.result is not Result.PASSED:
            values = {"type": _TYPES[case.result], "message": _fit(case.message)}
            ET.SubElement(element, _ELEMENTS[case.result], values).text = _fit(case.details)


def _fit(text: str) -> str:
    """The text without what XML cannot hold: such a character is shown by its number."""
    return _FORBIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
