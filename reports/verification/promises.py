"""The verdicts of a conformance.json, judged again from its rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from harness.features import ConformanceClass
from harness.results import ConformanceReport, read_conformance
from harness.rows import Row, is_expected
from harness.verdict import class_verdicts, overall_verdict
from reports import conformance_page
from reports.verification.differences import Difference, between, shown
from reports.verification.texts import text_differs


def check(folder: Path, path: str) -> Iterator[Difference]:
    """What the conformance.json at that path, and the page beside it, say otherwise than its rows.

    Raises `ReportFileError` when the file is missing, damaged or of another version.
    """
    report = read_conformance(folder / path)
    for field, was, should_be in _verdicts(report):
        yield Difference(file=path, field=field, was=was, should_be=should_be)
    page = (Path(path).parent / conformance_page.FILE_NAME).as_posix()
    yield from text_differs(folder, page, conformance_page.render(report), made_from=path)


def _verdicts(report: ConformanceReport) -> Iterator[tuple[str, str, str]]:
    for row in report.rows:
        as_expected = is_expected(row.status, row.expected)
        if row.as_expected is not as_expected:
            yield f"rows[{_name(row)}].as_expected", shown(row.as_expected), shown(as_expected)
    claimed = [each for each in ConformanceClass if each.value in report.runtime.classes]
    classes = class_verdicts(report.rows, claimed)
    yield from between(msgspec.to_builtins(report.classes), msgspec.to_builtins(classes), "classes")
    verdict = overall_verdict(classes.values())
    if report.verdict is not verdict:
        yield "verdict", shown(report.verdict.value), shown(verdict.value)
    as_expected = all(row.as_expected for row in report.rows)
    if report.as_expected is not as_expected:
        yield "as_expected", shown(report.as_expected), shown(as_expected)


def _name(row: Row) -> str:
    return f"{row.requirement} {row.test}".strip()
