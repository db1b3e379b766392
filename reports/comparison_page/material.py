"""The files of a bundle behind a comparison, read as far as they can be: what is damaged is said and left out.

Paths in the files lead to other files of the same folder, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from harness.comparison_results import ComparisonReport, Role, Series, Subject
from harness.errors import ReportFileError
from harness.fault_matrix.report import FAULTS_SCHEMA, FaultsReport
from harness.fault_matrix.report import FILE_NAME as FAULTS_FILE
from harness.load_results import LoadCell, LoadReport, read_load
from harness.results import ConformanceReport, read_conformance, read_report

FoundT = TypeVar("FoundT")


@dataclass(frozen=True, kw_only=True)
class Material:
    """`loads` are by scenario and subject, `judged` by subject. `problems`: by path, why a file is not used."""

    folder: Path
    report: ComparisonReport
    loads: Mapping[tuple[str, str], LoadReport]
    places: Mapping[tuple[str, str], str]
    judged: Mapping[str, ConformanceReport]
    faults: FaultsReport | None
    problems: Mapping[str, str]
    series: Mapping[tuple[str, str, str, str], Series]

    def cell(self, scenario: str, subject: str, mode: str) -> LoadCell | None:
        load = self.loads.get((scenario, subject))
        return load.cell(mode) if load else None

    def find(self, scenario: str, subject: str, mode: str, quantity: str) -> Series | None:
        """The series of that name, if it has a figure."""
        found = self.series.get((scenario, subject, mode, quantity))
        return found if found is not None and found.center is not None else None

    def derived(self, scenario: str, subject: str, quantity: str) -> Series | None:
        """The series of a derived figure, which belongs to no one mode."""
        keys = (key for key in self.series if key[:2] == (scenario, subject) and key[3] == quantity)
        return next((self.series[key] for key in keys if self.series[key].center is not None), None)

    def modes(self, scenario: str, start: str = "") -> list[str]:
        """Modes of a scenario that any subject was to be measured in, by their numbers, where they begin like that."""
        cells = (cell for (name, _), load in self.loads.items() if name == scenario for cell in load.cells)
        found = {cell.mode: cell.point.value if cell.point else 0.0 for cell in cells if cell.mode.startswith(start)}
        return sorted(found, key=lambda mode: found[mode])

    def unread(self, scenario: str) -> list[str]:
        """What is wrong with the files of a scenario, a sentence each."""
        paths = [path for (name, _), path in self.places.items() if name == scenario]
        return [f"{self.problems[path]}." for path in paths if path in self.problems]

    def there(self, path: str) -> bool:
        """Whether the bundle has that file."""
        return is_inside(path) and (self.folder / path).is_file()


def read(folder: Path, report: ComparisonReport) -> Material:
    """Never raises for a file of the bundle: `problems` has what is wrong with it."""
    problems: dict[str, str] = {}

    def attempt(path: str, reader: Callable[[Path], FoundT]) -> FoundT | None:
        try:
            if not is_inside(path):
                raise ReportFileError(f"{PurePosixPath(path).name} lies outside the bundle")
            return reader(folder / path)
        except ReportFileError as error:
            problems[path] = without_folder(error.happened, folder)
            return None

    loads = {}
    for source in report.sources:
        load = attempt(source.path, read_load)
        if load is not None:
            loads[source.scenario, source.subject] = load
    judged = {}
    for subject in judgeable(report.subjects):
        found = attempt(subject.conformance, read_conformance)
        if found is not None:
            judged[subject.name] = found
    faults = None
    if (folder / FAULTS_FILE).exists():
        faults = attempt(FAULTS_FILE, lambda path: read_report(path, FaultsReport, FAULTS_SCHEMA))
    return Material(
        folder=folder,
        report=report,
        loads=loads,
        places={(source.scenario, source.subject): source.path for source in report.sources},
        judged=judged,
        faults=faults,
        problems=problems,
        series={(each.scenario, each.subject, each.mode, each.quantity): each for each in report.series},
    )


def judgeable(subjects: Iterable[Subject]) -> list[Subject]:
    """Those with a conformance report of their own: a runtime that is measured a second time was judged once."""
    return [each for each in subjects if each.conformance and each.role is not Role.REPEAT]


def is_inside(path: str) -> bool:
    """Whether a path relative to the bundle stays in it."""
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts and "\0" not in path


def without_folder(words: str, folder: Path) -> str:
    """A message with the paths of the bundle relative to it: where it lies is nobody's business."""
    return words.replace(f"{folder}/", "")
