"""The files that the page was made from, so that anybody can make it again and check it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from harness.about_results import ABOUT_FILE
from harness.fault_matrix.report import FILE_NAME as FAULTS_FILE
from reports.bundle_files import COMPARISON_FILE
from reports.comparison_page.material import Material, judgeable
from reports.evidence import Link, file_link

EXPORTS = ("summary.md", "junit.xml", "ctrf.json", "environment.json")
MANIFEST = "manifest.sha256"
INTERLEAVED = "load/interleaved.json"


@dataclass(frozen=True, kw_only=True)
class Folder:
    """The raw files of one scenario of one subject."""

    scenario: str
    subject: str
    report: Link
    logs: tuple[Link, ...]


def made(material: Material) -> tuple[Link, ...]:
    """What was computed, and what it was computed from, without the files of single measurements."""
    judged = [each.conformance for each in judgeable(material.report.subjects)]
    faults = [FAULTS_FILE] if material.faults is not None else []
    names = [COMPARISON_FILE, MANIFEST, *EXPORTS, ABOUT_FILE, INTERLEAVED, *judged, *faults]
    return tuple(file_link(name) for name in names)


def measured(material: Material) -> tuple[Folder, ...]:
    """In the order of the report."""
    found = []
    for source in material.report.sources:
        load = material.loads.get((source.scenario, source.subject))
        folder = PurePosixPath(source.path).parent
        logs = dict.fromkeys(name for cell in (load.cells if load else ()) for name in cell.files)
        found.append(
            Folder(
                scenario=source.scenario,
                subject=source.subject,
                report=file_link(source.path),
                logs=tuple(
                    Link(text=name, address=file_link(str(folder / name)).address)
                    for name in logs
                    if name.endswith(".hlog")
                ),
            )
        )
    return tuple(found)
