"""Which rows are run for each fault, so that the matrix ends in time and looks at every promise all the same.

A fault's own rows, the tests of its requirement, are all run, and first. Behind them come rows of other requirements,
to see what else breaks. Those are the same for every fault: what a row took on the plain runtime decides whether it is
run that often, and the quickest row of each requirement comes before the second of any.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.fault_matrix.faults import NamedFault
from harness.rows import Row
from harness.verdict import BROKEN

START_S = 2.5
"""What a run of the suite takes beside its rows: to start, to collect, to write its report."""

ROW_OVERHEAD_MS = 40.0
"""What a row takes beside its call: to end the runtime, mostly."""

DEADLINE_S = 120.0
"""A run's safety deadline, beside three times what its rows took on the plain runtime."""

MOST_BROKEN = 10
"""A run is stopped once so many rows more broke than its fault may break: a runtime that is broken altogether."""


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """What is run for one fault. `others` are rows of other requirements, `not_run` those left out for their time."""

    fault: NamedFault
    own: tuple[str, ...]
    others: tuple[str, ...]
    not_run: tuple[str, ...]
    expected_s: float
    may_break: int

    @property
    def deadline_s(self) -> float:
        return DEADLINE_S + 3 * self.expected_s

    @property
    def words(self) -> tuple[str, ...]:
        """The run as pytest's arguments."""
        return (f"--maxfail={self.may_break + MOST_BROKEN}", *self.own, *self.others)


def assignments(
    faults: Iterable[NamedFault], plain: Mapping[str, Row], *, alone: bool, budget_s: float
) -> tuple[Assignment, ...]:
    """One for each fault whose requirement has rows. `alone`: its own rows only, nothing is looked at for collateral.

    `plain`: the rows of the plain run by test. `budget_s`: what the runs of all faults may take, added up; rows that do
    not fit are left out.
    """
    faults = [fault for fault in faults if any(row.requirement == fault.requirement for row in plain.values())]
    sound = [] if alone else [row for row in plain.values() if row.status not in BROKEN]
    worth = _worth_running(sound, faults, plain, budget_s)
    return tuple(_assignment(fault, plain, sound, worth) for fault in faults)


def looked_at(plain: Mapping[str, Row], found: Sequence[Assignment]) -> tuple[str, ...]:
    """The requirements of which rows are run for faults of others, in order."""
    rows = sorted((plain[test] for test in {test for each in found for test in each.others}), key=Row.order)
    return tuple(dict.fromkeys(row.requirement for row in rows))


def left_out(plain: Mapping[str, Row], found: Sequence[Assignment]) -> tuple[Row, ...]:
    """The rows that no fault of another requirement is tried on."""
    tests = {test for each in found for test in each.not_run}
    return tuple(sorted((plain[test] for test in tests), key=Row.order))


def _assignment(fault: NamedFault, plain: Mapping[str, Row], sound: Sequence[Row], worth: set[str]) -> Assignment:
    own = [row for row in plain.values() if row.requirement == fault.requirement]
    others = [row for row in sound if row.requirement != fault.requirement]
    run = [row for row in others if row.test in worth]
    return Assignment(
        fault=fault,
        own=tuple(row.test for row in own),
        others=tuple(row.test for row in run),
        not_run=tuple(row.test for row in others if row.test not in worth),
        expected_s=START_S + sum(map(_cost_s, [*own, *run])),
        may_break=len(own) + sum(row.requirement in fault.also for row in run),
    )


def _worth_running(
    rows: Sequence[Row], faults: Sequence[NamedFault], plain: Mapping[str, Row], left_s: float
) -> set[str]:
    """Tests to be run for every fault: the quickest of each requirement first, then the others, the quickest first."""
    for fault in faults:
        own = [row for row in plain.values() if row.requirement == fault.requirement]
        left_s -= START_S + sum(map(_cost_s, own))
    ordered = sorted(rows, key=lambda row: (row.duration_ms, row.test))
    firsts = {row.requirement: row.test for row in reversed(ordered)}.values()
    chosen: set[str] = set()
    for row in sorted(ordered, key=lambda row: row.test not in firsts):  # stable: quickest first within each half
        left_s -= _cost_s(row) * sum(fault.requirement != row.requirement for fault in faults)
        if left_s < 0:
            break
        chosen.add(row.test)
    return chosen


def _cost_s(row: Row) -> float:
    return (row.duration_ms + ROW_OVERHEAD_MS) / 1000
