"""The page of a comparison: the answer, the promises, the cost, every comparison, and why to believe any of it.

Made from a bundle's files and nothing else: the same files give the same bytes, wherever the folder lies.
"""

from __future__ import annotations

from pathlib import Path

from harness.comparison_results import ComparisonReport
from harness.statistics import MIN_LAUNCHES_FOR_A_VERDICT
from reports import provenance
from reports.comparison_page import (
    answer,
    bill,
    chain,
    claims,
    cold,
    comparisons,
    concurrency,
    density,
    material,
    promises,
    sources,
    trust,
    warm,
)
from reports.page import fill
from reports.promises import Outcome
from reports.quantities import counted, moment

__all__ = ["render"]

_SECTIONS = (cold, warm, concurrency, chain, density, bill)


def render(folder: Path, report: ComparisonReport) -> str:
    """The page as HTML. Files that are missing or damaged are said on it, in place of what they would have shown."""
    found = material.read(folder, report)
    who = answer.title(report)
    values = {
        "title": f"{who}: promises and cost",
        "who": who,
        "beside": answer.beside_words(report),
        "report": report,
        "when": moment(report.run.started),
        "launches": counted(report.launches, "launch", "launches"),
        "few_launches": report.launches < MIN_LAUNCHES_FOR_A_VERDICT,
        "needed": MIN_LAUNCHES_FOR_A_VERDICT,
        "found": answer.found(found),
        "headlines": answer.headlines(found),
        "noise": report.noise,
        "judged": promises.side_by_side(found),
        "outcomes": tuple(Outcome),
        "claims": claims.graded(found),
        "sections": tuple(each.section(found) for each in _SECTIONS),
        "comparisons": comparisons.tables(report),
        "kill_matrix": trust.kill_matrix(found),
        "kill_matrix_missing": trust.kill_matrix_missing(found),
        "controls": trust.controls(found),
        "warnings": trust.warnings(found),
        "programs": trust.programs(report),
        "environment": trust.environment(report),
        "commit": provenance.identity(report.run),
        "files": sources.made(found),
        "folders": sources.measured(found),
        "manifest": sources.MANIFEST,
    }
    return fill("comparison.html.jinja", values, sortable=True)
