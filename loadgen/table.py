"""cost.json as a table for the terminal."""

from __future__ import annotations

from tabulate import tabulate

from harness.results import CostReport

_COLUMNS = ("p50", "p90", "p99")


def render(report: CostReport) -> str:
    """Percentiles of each cell, the cost of a call by each way, and whatever limits them."""
    parts = [f"{report.runtime.name} {report.runtime.version} beside {report.baseline.name} {report.baseline.version}"]
    parts[0] += f": {report.launches} launch{'es' if report.launches != 1 else ''}, seed {report.run.seed}"
    if report.cells:
        rows = [
            [
                cell.scenario,
                cell.title,
                cell.count,
                *(f"{cell.percentiles_ns[column] / 1e6:.3f}" for column in _COLUMNS),
                sum(cell.errors.values()),
            ]
            for cell in report.cells
        ]
        headers = ["scenario", "mode", "samples", *(f"{column} ms" for column in _COLUMNS), "errors"]
        parts.append(tabulate(rows, headers=headers, disable_numparse=True, colalign=_alignment(2, len(headers))))
    if report.derived:
        rows = [
            [
                each.title,
                f"{each.median_ns / 1e3:.1f}",
                f"{min(each.per_launch_ns) / 1e3:.1f}",
                f"{max(each.per_launch_ns) / 1e3:.1f}",
            ]
            for each in report.derived
        ]
        headers = ["cost", "median us", "lowest launch us", "highest launch us"]
        parts.append(tabulate(rows, headers=headers, disable_numparse=True, colalign=_alignment(1, len(headers))))
    notes = [f"warning: {each}" for each in report.warnings]
    if not report.complete:
        notes.append(f"incomplete: {report.why_incomplete}")
    parts.append("\n".join(notes))
    return "\n\n".join(part for part in parts if part)


def _alignment(words: int, columns: int) -> tuple[str, ...]:
    return ("left",) * words + ("right",) * (columns - words)
