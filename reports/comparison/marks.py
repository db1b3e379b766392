"""Figures that must be read with care: the promise behind the workload is broken, or too many answers were wrong.

A marked figure is shown with its mark. It is compared with nothing, and no claim is graded by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.load_results import LoadCell, LoadReport
from harness.results import ConformanceReport
from harness.verdict import BROKEN, requirement_statuses

WRONG_SHARE = 0.01
"""Of the requests of a cell that were wrong or unanswered: with more, its percentiles are of the luckier ones."""


@dataclass(frozen=True, kw_only=True)
class Behind:
    """`requirements` that make the workload what it is called. Patterns are as of file names; `*` matches all."""

    scenario: str
    modes: str
    requirements: tuple[str, ...]
    quantities: str = "*"


PROMISES_BEHIND = (
    # An isolate that shares its globals, or that has to be asked for twice, is not what a cold start is of.
    Behind(scenario="cold-start", modes="isolate", requirements=("ISO-1", "ISO-4")),
    Behind(scenario="cold-start", modes="code-cache", requirements=("ISO-1", "ISO-4", "ISO-6")),
    Behind(scenario="cold-start", modes="runtime", requirements=("ISO-4",)),
    Behind(scenario="warm", modes="*", requirements=("ISO-2",)),
    Behind(scenario="concurrency", modes="wait-*", requirements=("ISO-2", "ISO-3")),
    Behind(scenario="concurrency", modes="compute-*", requirements=("ISO-2",)),
    # A call that fails, loses its values or lands in the caller's own isolate is no call to another Worker.
    Behind(scenario="chain", modes="fetch-*", requirements=("SVC-1", "SVC-3")),
    Behind(scenario="chain", modes="rpc-*", requirements=("SVC-1", "SVC-2", "SVC-3")),
    Behind(scenario="chain", modes="", quantities="fetch-*", requirements=("SVC-1", "SVC-3")),
    Behind(scenario="chain", modes="", quantities="rpc-*", requirements=("SVC-1", "SVC-2", "SVC-3")),
    Behind(scenario="density", modes="isolates-*", requirements=("ISO-1", "ISO-2")),
    # Of the accounts only: the client's own times need no promise about them.
    Behind(scenario="bill", modes="*", quantities="cpu ms", requirements=("CPU-1", "CPU-2", "CPU-4")),
    Behind(scenario="bill", modes="*", quantities="wall ms", requirements=("CPU-1", "CPU-2")),
    Behind(scenario="bill", modes="*", quantities="billed ms", requirements=("CPU-1", "CPU-2", "CPU-4")),
)


@dataclass(frozen=True, kw_only=True)
class Broken:
    """The promises that one subject breaks, by id, with their statements."""

    statements: Mapping[str, str]

    def behind(self, scenario: str, mode: str, quantity: str) -> str:
        """What is to be said of a figure; empty when every promise behind it is kept, or was not looked at."""
        found = [
            f"{each}: {self.statements[each]}"
            for rule in PROMISES_BEHIND
            if rule.scenario == scenario and fnmatchcase(mode, rule.modes) and fnmatchcase(quantity, rule.quantities)
            for each in rule.requirements
            if each in self.statements
        ]
        return "a promise behind it is broken: " + "; ".join(found) if found else ""


def broken(judged: ConformanceReport | None) -> Broken:
    """Of the rows of a subject; nothing for one that was not judged."""
    rows = judged.rows if judged else ()
    statements = {row.requirement: row.statement for row in rows}
    return Broken(
        statements={name: statements[name] for name, each in requirement_statuses(rows).items() if each in BROKEN}
    )


def wrong_answers(cell: LoadCell) -> str:
    """What is to be said of a cell of which too many answers were wrong or never came; empty when few were."""
    wrong = sum(cell.errors.values()) + cell.censored
    if not cell.scheduled or wrong / cell.scheduled <= WRONG_SHARE:
        return ""
    return f"{wrong / cell.scheduled:.1%} of its requests had a wrong answer or none"


def wrong_answers_behind(report: LoadReport, derived: str) -> str:
    """The same of a derived figure: `fetch-hop` is computed from the cells `fetch-1`, `fetch-32` and so on."""
    way = derived.removesuffix("-hop")
    cells = (each for each in report.cells if each.mode.startswith(f"{way}-") and each.mode[len(way) + 1 :].isdigit())
    return next(filter(None, map(wrong_answers, cells)), "")
