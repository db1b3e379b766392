"""From rows to what became of a fault: a pure function, so that it can be tested without a runtime."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec

from harness.fault_matrix.child import SuiteRun
from harness.fault_matrix.faults import NamedFault
from harness.fault_matrix.plan import Assignment
from harness.fault_matrix.report import Broken, FaultResult, Outcome
from harness.rows import Row, Status
from harness.verdict import BROKEN, UNDECIDED

KILLING = frozenset({Status.FAIL, Status.CRASH, Status.TIMEOUT})
"""What a test must come to for its fault to count as noticed: an error of the harness notices nothing."""


def result(assignment: Assignment, plain: Mapping[str, Row], run: SuiteRun) -> FaultResult:
    """What became of one fault. `plain`: the rows of the plain run by test."""
    fault = assignment.fault
    own = {test: run.rows[test] for test in assignment.own if test in run.rows}
    worse = [_broken(plain[test], run.rows[test]) for test in assignment.others if _is_worse(test, plain, run.rows)]
    killed_by = tuple(
        _broken(plain[test], row) for test, row in own.items() if row.status in KILLING and _holds(plain[test])
    )
    outcome = _outcome(assignment, own, killed=bool(killed_by))
    unreached = tuple(test for test in assignment.others if test not in run.rows)
    return FaultResult(
        name=fault.name,
        requirement=fault.requirement,
        outcome=outcome,
        killed=bool(killed_by),
        killed_by=killed_by,
        collateral=tuple(each for each in worse if each.requirement not in fault.also),
        also=fault.also,
        why=fault.why,
        consequences=tuple(each for each in worse if each.requirement in fault.also),
        spared=_spared(assignment, run.rows, {each.requirement for each in worse}),
        tests=assignment.own,
        not_run=assignment.not_run + unreached,
        rows_run=len(run.rows),
        duration_s=round(run.duration_s, 1),
        detail="" if killed_by else _why_not(assignment, plain, own),
        problem=run.problem,
    )


def second_look(found: FaultResult, plain: Mapping[str, Row], again: SuiteRun) -> FaultResult:
    """The same with only that collateral which broke again; a row the second run did not get to stays what it was."""

    def steady(broken: Broken) -> bool:
        return broken.test not in again.rows or _is_worse(broken.test, plain, again.rows)

    return msgspec.structs.replace(
        found,
        collateral=tuple(each for each in found.collateral if steady(each)),
        unsteady=tuple(each for each in found.collateral if not steady(each)),
    )


def not_tried(fault: NamedFault, outcome: Outcome, detail: str) -> FaultResult:
    """A fault the suite was not run with."""
    return FaultResult(
        name=fault.name,
        requirement=fault.requirement,
        outcome=outcome,
        killed=False,
        also=fault.also,
        why=fault.why,
        detail=detail,
    )


def unproven(requirements: Iterable[str], results: Collection[FaultResult]) -> tuple[str, ...]:
    """Of these requirements, those whose tests nobody has seen fail."""
    killed = {each.requirement for each in results if each.killed}
    return tuple(requirement for requirement in requirements if requirement not in killed)


def never_failed(results: Iterable[FaultResult]) -> tuple[tuple[str, str], ...]:
    """Requirement and test of what was run for faults of its own requirement, and broke beside no fault at all.

    One test for all its parameters: what any of them came to is proof for the others.
    """
    run: dict[str, str] = {}
    failed: set[str] = set()
    for each in results:
        run |= {_function(test): each.requirement for test in each.tests}
        broken = (*each.killed_by, *each.consequences, *each.collateral)
        failed |= {_function(found.test) for found in broken if found.status in KILLING}
    return tuple((requirement, test) for test, requirement in sorted(run.items()) if test not in failed)


def broken_on_plain(rows: Iterable[Row]) -> tuple[Broken, ...]:
    """Rows that break without any fault: they cannot be seen to fail because of one."""
    return tuple(_broken(row, row) for row in sorted(rows, key=Row.order) if row.status in BROKEN)


def _spared(assignment: Assignment, rows: Mapping[str, Row], fell: Collection[str]) -> tuple[str, ...]:
    looked_at = {rows[test].requirement for test in assignment.others if test in rows}
    return tuple(each for each in assignment.fault.also if each in looked_at and each not in fell)


def _holds(row: Row) -> bool:
    return row.status not in BROKEN


def _is_worse(test: str, plain: Mapping[str, Row], rows: Mapping[str, Row]) -> bool:
    return test in rows and _badness(rows[test].status) > _badness(plain[test].status)


def _badness(status: Status) -> int:
    return 3 if status in BROKEN else 2 if status in UNDECIDED else 1 if status is Status.UNSUPPORTED else 0


def _broken(plain: Row, row: Row) -> Broken:
    return Broken(requirement=row.requirement, test=row.test, plain=plain.status, status=row.status, reason=row.reason)


def _outcome(assignment: Assignment, own: Mapping[str, Row], *, killed: bool) -> Outcome:
    if killed:
        return Outcome.KILLED
    passed = [test for test in assignment.own if test in own and own[test].status is Status.PASS]
    return Outcome.SURVIVED if len(passed) == len(assignment.own) else Outcome.UNDECIDED


def _why_not(assignment: Assignment, plain: Mapping[str, Row], own: Mapping[str, Row]) -> str:
    """What its tests did instead of breaking, one phrase for each."""
    return "; ".join(_instead(test, plain[test], own.get(test)) for test in assignment.own)


def _instead(test: str, plain: Row, row: Row | None) -> str:
    name = short(test)
    if row is None:
        return f"{name}: not reached"
    if not _holds(plain):
        return f"{name}: {row.status.value}, but {plain.status.value} without the fault too"
    reason = row.reason.partition("\n")[0]
    return f"{name}: {row.status.value}" + (f", {reason}" if reason else "")


def _function(test: str) -> str:
    return test.partition("[")[0]


def short(test: str) -> str:
    """A test's function and parameters, without its file. Parameters may hold colons (`::1`)."""
    function, bracket, parameter = test.partition("[")
    return function.rpartition("::")[2] + bracket + parameter
