"""The promises as a page tells them: areas, the requirements of an area, the tests of a requirement."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import assert_never

from harness.results import ConformanceReport
from harness.rows import Row, Status
from harness.verdict import requirement_statuses
from reports.evidence import Link, Piece, link, pieces, relative
from reports.quantities import counted, measured

GRADED = "performance"
"""The level of requirements that no test keeps or breaks: measurements grade them."""


class Outcome(StrEnum):
    """What became of a promise, in the order in which bars and columns show it."""

    KEPT = "kept"
    BROKEN = "broken"
    UNSUPPORTED = "unsupported"
    INCONCLUSIVE = "inconclusive"
    NOT_RUN = "not run"
    NO_TEST = "no test yet"

    @property
    def slug(self) -> str:
        return self.value.replace(" ", "-")


@dataclass(frozen=True, kw_only=True)
class Test:
    """One row. `expectation` says what was foretold, `explained` where; `measures` are (name, figure with unit)."""

    anchor: str
    name: str
    description: str
    outcome: Outcome
    status: str
    reason: str
    reason_code: str
    expectation: str
    explained: Link | None
    surprising: bool
    measures: tuple[tuple[str, str], ...]
    evidence: tuple[Piece, ...]
    repeat: str
    facts: str

    @property
    def untested(self) -> bool:
        return self.outcome is Outcome.NO_TEST


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One promise and the tests that judged it. `seen`: what the worst of them saw, empty for a promise kept."""

    id: str
    anchor: str
    level: str
    requirement_class: str
    statement: str
    outcome: Outcome
    seen: str
    surprising: bool
    tests: tuple[Test, ...]


@dataclass(frozen=True, kw_only=True)
class Area:
    """The promises of one area. `counts` are of its MUST and SHOULD requirements; `graded`: performance requirements,
    which are listed with the others but graded from measurements."""

    anchor: str
    name: str
    promises: int
    counts: dict[Outcome, int]
    graded: int
    requirements: tuple[Requirement, ...]

    @property
    def in_words(self) -> str:
        return ", ".join(f"{count} {outcome}" for outcome, count in self.counts.items() if count)


def outcome_of(status: Status) -> Outcome:
    """The word for a status. A crash or a hang is a promise broken; a mishap of the harness decides nothing."""
    match status:
        case Status.PASS:
            return Outcome.KEPT
        case Status.FAIL | Status.CRASH | Status.TIMEOUT | Status.XFAIL:
            return Outcome.BROKEN
        case Status.UNSUPPORTED:
            return Outcome.UNSUPPORTED
        case Status.INCONCLUSIVE | Status.ERROR | Status.XPASS:
            return Outcome.INCONCLUSIVE
        case Status.NOT_RUN | Status.SKIPPED:
            return Outcome.NOT_RUN
        case Status.NO_TEST:
            return Outcome.NO_TEST
    assert_never(status)


def areas(report: ConformanceReport) -> tuple[Area, ...]:
    """Every area that has rows: those the report names first, in its order, then any other by name."""
    statuses = requirement_statuses(report.rows)
    by_area: dict[str, list[Row]] = {}
    for row in sorted(report.rows, key=Row.order):
        by_area.setdefault(row.area, []).append(row)
    order = {name: place for place, name in enumerate([*report.areas, *report.areas.values()])}
    names = sorted(by_area, key=lambda name: (order.get(name, len(order)), name))
    return tuple(_area(name, report.areas.get(name, name), by_area[name], statuses) for name in names)


def totals(found: Iterable[Area]) -> dict[Outcome, int]:
    """The columns of all areas added up."""
    found = tuple(found)
    return {outcome: sum(area.counts[outcome] for area in found) for outcome in Outcome}


def surprises(found: Iterable[Area]) -> tuple[tuple[Requirement, Test], ...]:
    """Every test whose result is not what the expectations file foretold."""
    return tuple(
        (requirement, test)
        for area in found
        for requirement in area.requirements
        for test in requirement.tests
        if test.surprising
    )


def _area(key: str, name: str, rows: list[Row], statuses: dict[str, Status]) -> Area:
    requirements = tuple(
        _requirement(identity, tuple(group), statuses[identity])
        for identity, group in groupby(rows, key=lambda row: row.requirement)
    )
    outcomes = [each.outcome for each in requirements if each.level != GRADED]
    return Area(
        anchor=f"area-{_slug(key)}",
        name=name,
        promises=len(outcomes),
        counts={outcome: outcomes.count(outcome) for outcome in Outcome},
        graded=len(requirements) - len(outcomes),
        requirements=requirements,
    )


def _requirement(identity: str, rows: tuple[Row, ...], status: Status) -> Requirement:
    anchor = f"promise-{_slug(identity)}"
    tests = tuple(_test(f"{anchor}-test-{place}", row) for place, row in enumerate(rows, start=1))
    worst = next(row for row in rows if row.status is status)
    return Requirement(
        id=identity,
        anchor=anchor,
        level=rows[0].level,
        requirement_class=rows[0].requirement_class,
        statement=rows[0].statement,
        outcome=outcome_of(status),
        seen="" if status in {Status.PASS, Status.NO_TEST} else relative(worst.reason),
        surprising=any(not row.as_expected for row in rows),
        tests=tests,
    )


def _test(anchor: str, row: Row) -> Test:
    facts = [f"profile {row.profile}"]
    if row.features:
        facts.append("needs " + ", ".join(row.features))
    if row.attempts != 1:
        facts.append(counted(row.attempts, "attempt"))
    if row.duration_ms:
        facts.append(f"took {row.duration_ms:,.0f} ms")
    return Test(
        anchor=anchor,
        name=row.test,
        description=row.description,
        outcome=outcome_of(row.status),
        status=row.status.value,
        reason=relative(row.reason),
        reason_code=row.reason_code.value,
        expectation=_expectation(row),
        explained=link(row.expected.link) if row.expected.link else None,
        surprising=not row.as_expected,
        measures=tuple((each.name, measured(each)) for each in row.measured),
        evidence=pieces(row.evidence),
        repeat=row.repeat,
        facts=", ".join(facts),
    )


def _expectation(row: Row) -> str:
    if row.status is Status.NO_TEST:
        return ""
    foretold = row.expected.status.value + (f", because {row.expected.reason}" if row.expected.reason else "")
    return foretold if row.as_expected else f"{foretold}; it came out otherwise"


def _slug(text: str) -> str:
    """Fit for an id: what is neither an ASCII letter nor a digit becomes its code point, so no two texts share one."""
    return "".join(
        each if each.isascii() and each.isalnum() else "-" if each == "-" else f"_{ord(each):x}" for each in text
    )
