"""A bundle as values: a folder with comparison.json and the files it was computed from, read whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.comparison_results import ComparisonReport, Role, Subject, read_comparison
from harness.errors import ReportFileError
from harness.fault_matrix.report import FAULTS_SCHEMA, FaultsReport
from harness.fault_matrix.report import FILE_NAME as FAULTS_FILE
from harness.results import ConformanceReport, read_conformance, read_report

COMPARISON_FILE = "comparison.json"


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """`name` is the folder's own, `conformance` what was judged, by the subject's name."""

    folder: Path
    name: str
    comparison: ComparisonReport
    conformance: Mapping[str, ConformanceReport]
    faults: FaultsReport | None

    @property
    def judged(self) -> tuple[tuple[Subject, ConformanceReport], ...]:
        """The subjects whose promises were looked at, in the file's order."""
        subjects = self.comparison.subjects
        return tuple((each, self.conformance[each.name]) for each in subjects if each.name in self.conformance)


def read_bundle(folder: Path) -> Bundle:
    """Raises `ReportFileError` for a folder that is no bundle, or one of whose reports is missing or damaged."""
    if not folder.is_dir():
        what = "not a folder" if folder.exists() else "not there"
        raise ReportFileError(f"{folder} is {what}", expected=f"a folder with {COMPARISON_FILE} in it")
    if not (folder / COMPARISON_FILE).exists():
        raise ReportFileError(
            f"{folder} is not the folder of a comparison",
            expected=f"{COMPARISON_FILE} in it",
            remedy="name a folder that `isomark compare --report=DIR` made",
        )
    comparison = read_comparison(folder / COMPARISON_FILE)
    faults = folder / FAULTS_FILE
    return Bundle(
        folder=folder,
        name=folder.resolve().name,
        comparison=comparison,
        conformance=read_judged(folder, comparison),
        faults=read_report(faults, FaultsReport, FAULTS_SCHEMA) if faults.exists() else None,
    )


def read_judged(folder: Path, comparison: ComparisonReport) -> dict[str, ConformanceReport]:
    """The conformance reports by subject; a runtime that is measured a second time was judged once.

    Raises `ReportFileError`.
    """
    judged = [each for each in comparison.subjects if each.conformance and each.role is not Role.REPEAT]
    return {each.name: read_conformance(folder / _inside(each.conformance)) for each in judged}


def _inside(path: str) -> str:
    """Raises `ReportFileError` for a path that would leave the bundle."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts:
        raise ReportFileError(f"{COMPARISON_FILE} names {path!r}, which lies outside the bundle")
    return path
