"""The report for the terminal."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from tabulate import tabulate

from loadgen.generator_benchmark.report import GeneratorReport
from loadgen.generator_benchmark.tools import OURS


def render(report: GeneratorReport) -> str:
    """Each tool's requests per CPU second, then the figures of the generator alone, then what limits them."""
    head = f"{report.target}; {report.pinning.words}; profile {report.profile}, seed {report.seed}"
    parts = [head, _tools(report), _figures(report)]
    notes = [f"warning: {each}" for each in report.warnings]
    if not report.complete:
        notes.append(f"incomplete: {report.why_incomplete}")
    return "\n\n".join(part for part in [*parts, "\n".join(notes)] if part)


def _tools(report: GeneratorReport) -> str:
    measured = report.closed_loop.requests_per_cpu_s
    ours = measured.get(OURS)
    rows = []
    for name, figure in sorted(measured.items(), key=lambda item: -item[1]):
        turns = [turn for turn in report.closed_loop.rounds if turn.tool == name]
        by_round = [turn.requests_per_cpu_s for turn in turns]
        rows.append(
            [
                name,
                report.versions.get(name, ""),
                f"{figure:,.0f}",
                f"{min(by_round):,.0f} to {max(by_round):,.0f}",
                f"{statistics.median(turn.requests / turn.wall_s for turn in turns):,.0f}",
                f"{statistics.median(turn.cpu_s / turn.wall_s for turn in turns):.0%}",
                f"{ours / figure:.2f}" if ours and figure else "",
                sum(turn.own_errors for turn in turns),
            ]
        )
    title = f"closed loop, {report.closed_loop.connections} connections"
    headers = [title, "version", "req per CPU-s", "rounds", "req/s", "of a core", "ours / its", "errors"]
    return _table(rows, headers, words=2) if rows else ""


def _figures(report: GeneratorReport) -> str:
    open_loop, floor, capacity, memory = report.open_loop, report.floor, report.capacity, report.memory
    rows = []
    if open_loop.delivered is not None:
        rows += [
            [
                f"open loop at {open_loop.rate_rps:,.0f}/s, {open_loop.target}: {name}",
                f"{open_loop.measured_ms[name]:.2f} ms",
                f"theory {open_loop.theory_ms[name]:.0f} ms, error {error:+.2%}",
            ]
            for name, error in (
                ("p95", open_loop.p95_error),
                ("p99", open_loop.p99_error),
                ("p999", open_loop.p999_error),
            )
            if error is not None
        ]
        rows.append(["  delivered", f"{open_loop.delivered:.3%}", f"of {open_loop.due:,} requests due"])
    for words, added in (("spinning", floor.added_p50_us_spin), ("default pacing", floor.added_p50_us_default)):
        if added is not None:
            rows.append([f"floor at {floor.rate_rps:,.0f}/s, {words}", f"{added:+.1f} us", "median, against wrk -c1"])
    if capacity.delivered is not None and capacity.p50_us is not None:
        words = (
            f"median; {capacity.delivered:.3%} delivered{'; the generator was saturated' * bool(capacity.saturated)}"
        )
        rows.append([f"open loop at {capacity.rate_rps:,.0f}/s", f"{capacity.p50_us:.1f} us", words])
    if memory.growth_mb is not None and memory.connections_mb is not None:
        words = f"in half of {memory.seconds:g} s, of {memory.resident_mb:.1f} MB resident"
        rows.append([f"memory at {memory.rate_rps:,.0f}/s: growth", f"{memory.growth_mb:+.2f} MB", words])
        rows.append([f"memory of {memory.connections:,} connections", f"{memory.connections_mb:.1f} MB", ""])
    return _table(rows, ["generator alone", "figure", ""], words=1) if rows else ""


def _table(rows: Sequence[Sequence[object]], headers: Sequence[str], *, words: int) -> str:
    right = len(headers) - words - (headers[-1] == "")
    alignment = ("left",) * words + ("right",) * right + ("left",) * (headers[-1] == "")
    return tabulate(rows, headers=headers, disable_numparse=True, colalign=alignment)
