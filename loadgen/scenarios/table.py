"""load.json as a table for the terminal."""

from __future__ import annotations

from tabulate import tabulate

from harness.load_results import LoadCell, LoadReport

_COLUMNS = ("p50", "p90", "p99", "max")


def render(report: LoadReport) -> str:
    """Percentiles of the response by mode, throughput, derived figures, and whatever limits them."""
    head = f"{report.scenario} on {report.runtime.name} {report.runtime.version}"
    head += f": {report.launches} launch{'es' if report.launches != 1 else ''}, seed {report.run.seed}"
    parts = [head, report.pinning.words, _cells(report), _derived(report)]
    notes = [f"warning: {each.words}" for each in report.warnings]
    if not report.complete:
        notes.append(f"incomplete: {report.why_incomplete}")
    return "\n\n".join(part for part in [*parts, "\n".join(notes)] if part)


def _cells(report: LoadReport) -> str:
    if not report.cells:
        return ""
    with_service = any(cell.loop == "open" for cell in report.cells)
    with_bytes = any(cell.figures is not None and cell.figures.throughput_mb_s is not None for cell in report.cells)
    observed = list(dict.fromkeys(name for cell in report.cells for name in cell.observed))
    headers = ["mode", "samples", *(f"{column} ms" for column in _COLUMNS)]
    headers += ["service p99 ms"] * with_service + ["req/s"] + ["MB/s"] * with_bytes + observed + ["errors", ""]
    rows = [_row(cell, with_service=with_service, with_bytes=with_bytes, observed=observed) for cell in report.cells]
    alignment = ("left", *("right",) * (len(headers) - 2), "left")
    return tabulate(rows, headers=headers, disable_numparse=True, colalign=alignment)


def _row(cell: LoadCell, *, with_service: bool, with_bytes: bool, observed: list[str]) -> list[object]:
    """What is not the target's is no number: a word at the end says why."""
    figures = cell.figures
    row: list[object] = [cell.title, cell.count]
    row += ["" if figures is None else f"{figures.response_ns[column] / 1e6:.3f}" for column in _COLUMNS]
    if with_service:
        shown = figures is not None and cell.loop == "open"
        row.append(f"{figures.service_ns['p99'] / 1e6:.3f}" if figures is not None and shown else "")
    row.append("" if figures is None else f"{figures.throughput_rps:,.1f}")
    if with_bytes:
        rate = None if figures is None else figures.throughput_mb_s
        row.append("" if rate is None else f"{rate:,.1f}")
    for name in observed:
        values = cell.observed.get(name, ())
        row.append(f"{sum(values) / len(values):,.2f}" if values else "")
    row.append(sum(cell.errors.values()))
    row.append("the generator's limit, not the target's" if cell.saturated else cell.not_timed)
    return row


def _derived(report: LoadReport) -> str:
    rows = [
        [each.title, f"{each.median:,.2f} {each.unit}", f"{min(each.per_launch):,.2f}", f"{max(each.per_launch):,.2f}"]
        for each in report.derived
    ]
    headers = ["derived", "median", "lowest launch", "highest launch"]
    return tabulate(rows, headers=headers, disable_numparse=True, colalign=("left", *("right",) * 3)) if rows else ""
