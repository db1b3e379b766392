"""index.html: the whole answer, promises and cost on one page, made from conformance.json and cost.json alone."""

from __future__ import annotations

from pathlib import Path

from harness.results import ConformanceReport, CostReport, write_text
from reports import answer, costs, provenance
from reports.conformance_page import FILE_NAME as CONFORMANCE_PAGE
from reports.conformance_page import conformance_values
from reports.page import fill

FILE_NAME = "index.html"


def write(
    folder: Path, conformance: ConformanceReport, cost: CostReport | None, *, cost_missing_because: str = ""
) -> Path:
    """Write the page into the folder and say where it is. Raises `ReportFileError` when the folder does not take it."""
    path = folder / FILE_NAME
    write_text(path, render(conformance, cost, cost_missing_because=cost_missing_because))
    return path


def render(conformance: ConformanceReport, cost: CostReport | None, *, cost_missing_because: str = "") -> str:
    """The page as HTML. The same reports give the same bytes.

    `cost_missing_because` is a phrase without a full stop; it is shown only when there is no cost.
    """
    names = ["conformance.json", CONFORMANCE_PAGE] + (["cost.json"] if cost else [])
    values = conformance_values(conformance) | {
        "title": f"{conformance.runtime.name} {conformance.runtime.version}: promises and cost",
        "environment": provenance.environment(conformance, cost),
        "environment_runs": ("during the promises", "during the cost") if cost else ("value",),
        "warnings": provenance.warnings(conformance, cost),
        "whole_command": provenance.whole_command(conformance),
        "commands": provenance.commands(conformance, cost),
        "files": provenance.files(cost, names),
        "cost": cost,
        "cost_missing_because": cost_missing_because or "nothing was measured",
        "headlines": answer.headlines(cost) if cost else (),
        "launches_sentence": answer.launches_sentence(cost) if cost else "",
        "scenarios": costs.scenarios(cost) if cost else (),
        "derived": costs.derived(cost) if cost else (),
        "derived_anchor": costs.DERIVED_ANCHOR,
        "order": cost.order if cost else (),
        "samples_beyond": costs.SAMPLES_BEYOND,
    }
    return fill("index.html.jinja", values)
