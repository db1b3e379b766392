"""Rows of two runs beside each other."""

from __future__ import annotations

from collections.abc import Mapping

from harness.diff_results import Direction, Kind, RowChange
from harness.results import ConformanceReport
from harness.rows import Row
from reports.promises import Outcome, outcome_of

_WORTH = {Outcome.BROKEN: 0, Outcome.UNSUPPORTED: 1, Outcome.KEPT: 2}
"""A promise broken is worse than one refused. What was not decided is neither better nor worse."""


def row_changes(
    old: Mapping[str, ConformanceReport], new: Mapping[str, ConformanceReport]
) -> tuple[tuple[RowChange, ...], int]:
    """The rows that differ, in the newer run's order (then those it no longer has), and how many are the same.

    Of subjects that both runs judged: that all rows of a new one are new goes without saying.
    """
    changes, same = [], 0
    for subject in (each for each in new if each in old):
        was, now = _by_test(old[subject]), _by_test(new[subject])
        for key in dict.fromkeys([*now, *was]):
            change = _change(subject, was.get(key), now.get(key))
            same += change is None
            changes += [change] if change else []
    return tuple(changes), same


def _by_test(report: ConformanceReport) -> dict[tuple[str, str], Row]:
    return {(row.requirement, row.test): row for row in report.rows}


def _change(subject: str, was: Row | None, now: Row | None) -> RowChange | None:
    either = now or was
    assert either is not None
    if was and now and was.status is now.status:
        return None
    return RowChange(
        kind=Kind.CHANGED if was and now else Kind.ADDED if now else Kind.REMOVED,
        subject=subject,
        requirement=either.requirement,
        test=either.test,
        statement=either.statement,
        was=was.status if was else None,
        now=now.status if now else None,
        reason=now.reason if now else "",
        direction=_direction(was, now),
    )


def _direction(was: Row | None, now: Row | None) -> Direction:
    if was is None or now is None:
        return Direction.OTHER
    before, after = _WORTH.get(outcome_of(was.status)), _WORTH.get(outcome_of(now.status))
    if before is None or after is None or before == after:
        return Direction.OTHER
    return Direction.BETTER if after > before else Direction.WORSE
