"""The medians of a run as a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate

from harness.interleaved_results import InterleavedReport
from harness.load_results import LoadCell, LoadReport


def render(whole: InterleavedReport, loads: Sequence[LoadReport]) -> str:
    """A line per scenario and mode, a column per subject: the median time, and what is in no figure."""
    reports = {(source.scenario, source.subject): load for source, load in zip(whole.sources, loads, strict=True)}
    names = [subject.name for subject in whole.subjects]
    rows = []
    for scenario in dict.fromkeys(source.scenario for source in whole.sources):
        by_subject = [reports[scenario, name] for name in names]
        for mode in dict.fromkeys(cell.mode for load in by_subject for cell in load.cells):
            rows.append([f"{scenario} {mode}", *(_shown(load.cell(mode)) for load in by_subject)])
    head = f"{whole.launches} round{'s' if whole.launches != 1 else ''} of {len(whole.sources)} launches in an order "
    head += f"drawn anew for each, seed {whole.run.seed}; median response in ms"
    columns = ("left", *("right",) * len(names))
    notes = [f"not measured: {each.scenario}, {each.subject}, {each.what}: {each.why}" for each in whole.excluded]
    if not whole.complete:
        notes.append(f"incomplete: {whole.why_incomplete}")
    table = tabulate(rows, headers=["", *names], disable_numparse=True, colalign=columns) if rows else ""
    return "\n\n".join(part for part in (head, whole.pinning.words, table, "\n".join(notes)) if part)


def _shown(cell: LoadCell | None) -> str:
    if cell is None:
        return ""
    if cell.figures is None:
        return "saturated" if cell.saturated else "not timed"
    return f"{cell.figures.response_ns['p50'] / 1e6:.3f}"
