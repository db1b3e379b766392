"""conformance.html: the promises alone, beside the conformance.json it was made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.results import ConformanceReport, write_text
from reports import answer, promises, provenance
from reports.page import fill
from reports.quantities import moment

FILE_NAME = "conformance.html"


def export(report: ConformanceReport, folder: Path) -> Path:
    """Write the page into the folder and say where it is. Raises `ReportFileError` when the folder does not take it."""
    path = folder / FILE_NAME
    write_text(path, render(report))
    return path


def render(report: ConformanceReport) -> str:
    """The page as HTML. The same report gives the same bytes."""
    values = conformance_values(report) | {
        "title": f"{report.runtime.name} {report.runtime.version}: conformance",
        "environment": provenance.environment(report, None),
        "environment_runs": ("value",),
        "warnings": provenance.warnings(report, None),
        "whole_command": "",
        "commands": provenance.commands(report, None),
        "files": provenance.files(None, ["conformance.json"]),
        "cost": None,
    }
    return fill("conformance.html.jinja", values)


def conformance_values(report: ConformanceReport) -> dict[str, Any]:
    """What both pages say of the promises."""
    found = promises.areas(report)
    return {
        "report": report,
        "when": moment(report.run.started),
        "commit": provenance.identity(report.run),
        "verdict_sentence": answer.verdict_sentence(report),
        "expectation_sentence": answer.expectation_sentence(report),
        "class_lines": answer.class_lines(report),
        "areas": found,
        "totals": promises.totals(found),
        "surprises": promises.surprises(found),
        "outcomes": tuple(promises.Outcome),
        "controls": provenance.controls(report),
    }
