"""The end of a run as text: a table by area, the broken promises with what was seen, the verdict."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

from tabulate import tabulate

from harness.results import ConformanceReport
from harness.rows import Row, Status
from harness.verdict import BROKEN, ClassVerdict, Verdict, requirement_statuses

_COLUMNS: tuple[tuple[str, frozenset[Status]], ...] = (
    ("kept", frozenset({Status.PASS})),
    ("broken", BROKEN),
    ("unsupported", frozenset({Status.UNSUPPORTED})),
    ("inconclusive", frozenset({Status.INCONCLUSIVE, Status.ERROR, Status.XPASS})),
    ("not run", frozenset({Status.NOT_RUN, Status.SKIPPED})),
    ("no test yet", frozenset({Status.NO_TEST})),
)

_NOTEWORTHY = BROKEN | {Status.INCONCLUSIVE, Status.ERROR, Status.XPASS}
_WIDTH = 150


def summary(report: ConformanceReport, folder: Path | None) -> str:
    """The closing text. Its last line says where to look next."""
    parts = [_head(report), _table(report), *_noteworthy(report.rows), _verdict(report)]
    if not report.complete:
        parts.insert(0, f"INCOMPLETE: {report.why_incomplete}. What was judged until then is kept.")
    parts.append(
        f"Report: {folder / 'conformance.html'}"
        if folder
        else "For a report with the evidence of each row: --report=DIR"
    )
    return "\n\n".join(part for part in parts if part)


def _head(report: ConformanceReport) -> str:
    runtime = report.runtime
    digest = runtime.identity.get("binary_sha256", "")
    sha = f" (sha256 {digest[:8]}..)" if digest else ""
    return (
        f"isomark {report.run.suite_version}  promises {report.run.specification}  runtime {runtime.name} "
        f"{runtime.version}{sha}  profile {report.run.profile}  {report.run.duration_s:.1f} s"
    )


def _table(report: ConformanceReport) -> str:
    statuses = requirement_statuses(report.rows)
    levels = {row.requirement: row.level for row in report.rows}
    table = []
    for area, name in report.areas.items():
        mine = {
            id_: status
            for id_, status in statuses.items()
            if id_.startswith(f"{area}-") and levels[id_] != "performance"
        }
        if mine:
            counts = [sum(status in wanted for status in mine.values()) for _, wanted in _COLUMNS]
            table.append([area, name, len(mine), *(count or "." for count in counts)])
    headers = ["", "Area", "promises", *(name for name, _ in _COLUMNS)]
    return tabulate(
        table, headers=headers, tablefmt="simple", colalign=("left", "left", *["right"] * (len(headers) - 2))
    )


def _noteworthy(rows: Iterable[Row]) -> list[str]:
    rows = tuple(rows)
    sections = []
    unexpected = [row for row in rows if not row.as_expected]
    if unexpected:
        sections.append(_section("Not as expected", unexpected))
    foreseen = [row for row in rows if row.as_expected and row.status in _NOTEWORTHY]
    if foreseen:
        sections.append(_section("Broken promises, as expected", foreseen))
    return sections


def _section(title: str, rows: Sequence[Row]) -> str:
    lines = [title]
    for row in rows:
        lines.append(f"  {row.requirement:7} {row.status.value.upper():12} {_function(row)}")
        lines += _wrapped("promised: ", row.statement)
        lines += _wrapped("", row.reason or "kept")
        if row.expected.status is not Status.PASS:
            lines += _wrapped(
                "known: ", f"expected {row.expected.status.value}: {row.expected.reason} ({row.expected.link})"
            )
        if not row.as_expected and row.repeat:
            lines.append(f"          repeat: {row.repeat}")
    return "\n".join(lines)


def _wrapped(label: str, text: str) -> list[str]:
    indent = " " * 10
    return [
        line
        for number, piece in enumerate(text.splitlines())
        for line in textwrap.wrap(
            (label if number == 0 else "") + piece.strip(),
            _WIDTH,
            initial_indent=indent,
            subsequent_indent=indent + "  ",
        )
    ]


def _function(row: Row) -> str:
    function, bracket, parameter = row.test.partition("[")  # the parameter may hold colons (`::1`)
    tried = f" ({row.attempts} attempts)" if row.attempts > 1 else ""
    return function.rpartition("::")[2] + bracket + parameter + tried


def _verdict(report: ConformanceReport) -> str:
    clauses = [f"{name} {_clause(verdict)}" for name, verdict in report.classes.items()]
    if all(row.status in {Status.NOT_RUN, Status.NO_TEST} for row in report.rows):
        return "No test was run, so nothing was judged."
    overall = report.verdict.value.upper()
    expected = "every result as expected" if report.as_expected else "NOT every result as expected"
    return f"Verdict: {', '.join(clauses)}\nOverall: {overall}; {expected}"


def _clause(verdict: ClassVerdict) -> str:
    if verdict.verdict is Verdict.NOT_CLAIMED:
        return verdict.verdict.value
    judged = len(verdict.kept) + len(verdict.broken) + len(verdict.unsupported) + len(verdict.undecided)
    text = f"{verdict.verdict.value.upper()} ({len(verdict.kept)} of {judged} kept"
    return text + (f", {len(verdict.untested)} more without a test yet)" if verdict.untested else ")")
