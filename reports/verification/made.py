"""What is made of the raw files: the comparison's figures, its page, the exports, the page of the faults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from harness.comparison_results import ComparisonReport
from harness.fault_matrix.report import FAULTS_SCHEMA, FaultsReport
from harness.fault_matrix.report import FILE_NAME as FAULTS_FILE
from harness.results import read_report
from reports import comparison, comparison_page, exports, faults_page
from reports.bundle_files import COMPARISON_FILE
from reports.verification.differences import Difference, between
from reports.verification.texts import text_differs

PAGE = "index.html"


def check_comparison(folder: Path, report: ComparisonReport) -> Iterator[Difference]:
    """Every value of comparison.json against what its sources give. Raises `ReportFileError`."""
    computed = comparison.compute(folder)
    for field, was, should_be in between(msgspec.to_builtins(report), msgspec.to_builtins(computed)):
        yield Difference(file=COMPARISON_FILE, field=field, was=was, should_be=should_be)


def check_page(folder: Path, report: ComparisonReport) -> Iterator[Difference]:
    """The page against comparison.json as it stands. Raises `ReportFileError`."""
    text = comparison_page.render(folder, report)
    yield from text_differs(folder, PAGE, text, made_from=COMPARISON_FILE)


def check_exports(folder: Path, report: ComparisonReport) -> Iterator[Difference]:
    """What other tools read, against comparison.json and the rows. Raises `ReportFileError`."""
    for name, text in exports.rendered(folder, report).items():
        yield from text_differs(folder, name, text, made_from=COMPARISON_FILE)


def check_faults(folder: Path) -> Iterator[Difference]:
    """The page of the fault matrix, where there is one. Raises `ReportFileError`."""
    if (folder / FAULTS_FILE).exists():
        report = read_report(folder / FAULTS_FILE, FaultsReport, FAULTS_SCHEMA)
        if (folder / faults_page.FILE_NAME).exists():
            yield from text_differs(folder, faults_page.FILE_NAME, faults_page.render(report), made_from=FAULTS_FILE)
