"""What leaves a bundle for other tools: Markdown for a pull request, JUnit and CTRF for CI, the environment as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from harness.comparison_results import ComparisonReport
from harness.results import ConformanceReport, write_text
from reports.bundle_files import read_judged
from reports.exports import ctrf, environment, gate_section, junit, summary

__all__ = ["FILES", "rendered", "write"]

FILES: dict[str, Callable[[ComparisonReport, Mapping[str, ConformanceReport]], str]] = {
    "summary.md": summary.render,
    "junit.xml": junit.render,
    "ctrf.json": ctrf.render,
    "environment.json": environment.render,
}
"""Each file and what makes its text; the same reports give the same text."""


def rendered(folder: Path, report: ComparisonReport) -> dict[str, str]:
    """The text of every file, by name. Raises `ReportFileError` when a conformance.json is missing or damaged."""
    judged = read_judged(folder, report)
    texts = {name: render(report, judged) for name, render in FILES.items()}
    texts["summary.md"] += gate_section.of(folder)
    return texts


def write(folder: Path, report: ComparisonReport) -> tuple[Path, ...]:
    """Write them into the bundle, each whole or not at all, and say where. Raises `ReportFileError`."""
    texts = rendered(folder, report)
    for name, text in texts.items():
        write_text(folder / name, text)
    return tuple(folder / name for name in texts)
