"""How a run ends: its exit code, and why it is incomplete if it is."""

from __future__ import annotations

import pytest

from harness.rows import Row, Status
from harness.verdict import Verdict

AS_EXPECTED, NOT_AS_EXPECTED, HARNESS_ERROR, NOTHING_SHOWN = 0, 1, 2, 3


def exit_code(exitstatus: int, ran: tuple[Row, ...], *, verdict: Verdict, require_conformant: bool) -> int:
    """The run's exit code, from pytest's own and the rows that ran."""
    statuses = {row.status for row in ran if not row.as_expected}
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED or (not ran and exitstatus == pytest.ExitCode.OK):
        return NOTHING_SHOWN
    if exitstatus not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED} or Status.ERROR in statuses:
        return HARNESS_ERROR
    if statuses - {Status.INCONCLUSIVE}:
        return NOT_AS_EXPECTED
    if statuses:
        return NOTHING_SHOWN
    if exitstatus == pytest.ExitCode.TESTS_FAILED:  # a test without a requirement
        return NOT_AS_EXPECTED
    if require_conformant and verdict is not Verdict.CONFORMANT:
        return NOT_AS_EXPECTED
    return AS_EXPECTED


def why_incomplete(exitstatus: int, session: pytest.Session) -> str:
    """What cut the run short; empty when nothing did."""
    if exitstatus == pytest.ExitCode.INTERRUPTED:
        return "the run was interrupted" if not session.shouldstop else str(session.shouldstop)
    if exitstatus == pytest.ExitCode.INTERNAL_ERROR:
        return "pytest itself failed"
    stopped = session.shouldfail or session.shouldstop
    return str(stopped) if stopped else ""


def order_seed(config: pytest.Config) -> int | None:
    """The seed of pytest-randomly's order, where that plugin is in use."""
    seed = str(getattr(config.option, "randomly_seed", None))
    reordered = getattr(config.option, "randomly_reorganize", False)
    return int(seed) if reordered and seed.isdigit() else None
