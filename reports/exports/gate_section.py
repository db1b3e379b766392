"""What the gate found, as a section of a night's summary.md."""

from __future__ import annotations

from pathlib import Path

from harness.night_results import GATE_FILE, GateReport, read_gate
from reports.exports.markdown import text

MOST_NAMED = 10


def of(folder: Path) -> str:
    """Lines of Markdown; empty for a bundle that is no night. Raises `ReportFileError` for a damaged gate.json."""
    path = folder / GATE_FILE
    return rendered(read_gate(path)) if path.exists() else ""


def rendered(gate: GateReport) -> str:
    """The same gate gives the same text, short whatever it found."""
    failed = gate.failed()
    lines = ["", "### Against the nights before", "", text(gate.words)]
    if failed:
        lines += ["", *(f"- {text(each.words)}" for each in failed[:MOST_NAMED])]
    if len(failed) > MOST_NAMED:
        lines.append(f"- and {len(failed) - MOST_NAMED} more in {GATE_FILE}")
    return "\n".join(lines) + "\n"
