"""A bundle: the folder of a comparison, with all that is computed from its raw files beside them."""

from __future__ import annotations

from pathlib import Path

from harness.comparison_results import ComparisonReport
from harness.errors import ReportFileError
from harness.fault_matrix.report import FAULTS_SCHEMA, FaultsReport
from harness.fault_matrix.report import FILE_NAME as FAULTS_FILE
from harness.results import PARTIAL, read_report, write_report, write_text
from reports import comparison, comparison_page, exports, faults_page, verification
from reports.bundle_files import COMPARISON_FILE
from reports.verification.manifest import FILE_NAME as MANIFEST_FILE

PAGE_FILE = "index.html"


def build(folder: Path) -> ComparisonReport:
    """Compute everything from the raw files: comparison.json, the page, the other formats, the page of a kill matrix
    where there is one, and last the manifest.

    A second time gives the same bytes. Each file is whole or not there, and until all are there is no manifest, so that
    a folder in which this was cut short is not taken for a whole one. Raises `ReportFileError` for raw files that are
    missing or damaged, and when something cannot be written.
    """
    _begin_anew(folder)
    report = comparison.compute(folder)
    write_report(folder / COMPARISON_FILE, report)
    write_text(folder / PAGE_FILE, comparison_page.render(folder, report))
    exports.write(folder, report)
    if (folder / FAULTS_FILE).exists():
        faults_page.export(read_report(folder / FAULTS_FILE, FaultsReport, FAULTS_SCHEMA), folder)
    verification.write_manifest(folder)
    return report


def _begin_anew(folder: Path) -> None:
    """Take away the manifest of an earlier time, and files that were being written when somebody was killed."""
    try:
        (folder / MANIFEST_FILE).unlink(missing_ok=True)
        for path in folder.rglob(f".*{PARTIAL}"):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise ReportFileError(f"{error.filename or folder} cannot be removed: {error.strerror}") from error
