"""From a test that ended to its row, and from the row to what pytest makes of the test."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from harness.conformance_run import ConformanceRun
from harness.inventory import MARK, first_paragraph
from harness.judging import Judge
from harness.outcome_of_test import Ending, ending_of
from harness.redaction import without_machine_paths
from harness.rows import ReasonCode, Row, Status, is_expected


def row_of(
    item: pytest.Item,
    call: pytest.CallInfo[None],
    report: pytest.TestReport,
    run: ConformanceRun,
    judge: Judge,
    earlier: Sequence[str] = (),
) -> Row:
    """The row of a test whose call ended, or whose set-up or clean-up failed. `earlier`: why each attempt before this
    one showed nothing."""
    mark = item.get_closest_marker(MARK)
    assert mark is not None
    ending = _ending(report, call.excinfo.value if call.excinfo else None, call.when)
    requirement = run.catalogue.by_id(mark.args[0])
    expected = run.expectations.of(requirement.id, item.name)
    test = item.nodeid
    attempts = {f"attempt {number} showed nothing": reason for number, reason in enumerate(earlier, 1)}
    return Row(
        requirement=requirement.id,
        area=requirement.area,
        requirement_class=requirement.requirement_class.value,
        level=requirement.level,
        statement=requirement.statement,
        test=test,
        description=first_paragraph(item.function.__doc__) if isinstance(item, pytest.Function) else "",
        status=ending.status,
        expected=expected,
        as_expected=is_expected(ending.status, expected),
        reason_code=ending.code,
        reason=str(without_machine_paths(ending.reason)),
        evidence=without_machine_paths(judge.all_evidence() | attempts),
        measured=tuple(judge.measured),
        profile=mark.kwargs.get("profile", "quick"),
        attempts=1 + len(earlier),
        duration_ms=round(call.duration * 1000, 1),
        repeat=f"pytest '{test}' --runtime={run.specification} --profile={run.profile}",
    )


def attach(report: pytest.TestReport, row: Row) -> None:
    """As an attribute, which travels from a pytest-xdist worker to the controller with the report."""
    report.isomark_row = msgspec.json.encode(row).decode()  # type: ignore[attr-defined]


def row_in(report: pytest.TestReport) -> Row | None:
    """The row attached to a report."""
    encoded = getattr(report, "isomark_row", None)
    return None if encoded is None else msgspec.json.decode(encoded, type=Row)


def retell(report: pytest.TestReport, row: Row) -> None:
    """Let pytest count the row as the run's exit code will: expected failures as xfailed, surprises as failed."""
    if row.status in {Status.XFAIL, Status.XPASS, Status.SKIPPED}:
        return
    if row.status is Status.UNSUPPORTED and row.as_expected:
        report.outcome = "skipped"
        report.longrepr = (str(report.fspath), report.location[1] or 0, f"unsupported: {row.reason}")
    elif row.as_expected and row.status is not Status.PASS:
        report.outcome = "skipped"
        report.wasxfail = f"{row.expected.reason} ({row.expected.link})"
        report.longrepr = row.reason
    elif not row.as_expected:
        report.outcome = "failed"
        if row.status is not Status.ERROR:
            report.longrepr = _unexpected_text(row)


def _unexpected_text(row: Row) -> str:
    if row.status is Status.PASS:
        return (
            f"{row.requirement} is kept, though the expectations file says {row.expected.status.value!r} "
            f"({row.expected.reason}).\nIf the runtime got better, remove that entry."
        )
    return f"{row.requirement} {row.status.value}: {row.statement}\n{row.reason}\nrepeat: {row.repeat}"


def _ending(report: pytest.TestReport, error: BaseException | None, when: str) -> Ending:
    if error is None and hasattr(report, "wasxfail"):
        return Ending(status=Status.XPASS, code=ReasonCode.SKIP, reason=report.wasxfail)
    if report.skipped and hasattr(report, "wasxfail"):
        return Ending(status=Status.XFAIL, code=ReasonCode.SKIP, reason=report.wasxfail)
    if isinstance(error, pytest.skip.Exception):
        return Ending(status=Status.SKIPPED, code=ReasonCode.SKIP, reason=str(error))
    if when == "teardown":
        text = f"{type(error).__name__} while cleaning up: {error}"
        return Ending(status=Status.ERROR, code=ReasonCode.HARNESS_ERROR, reason=text)
    return ending_of(error)
