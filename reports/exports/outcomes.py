"""What a row or a claim is to a CI: passed, failed, or nothing to hold against anybody."""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

from harness.comparison_results import Claim, ComparisonReport, Grade
from harness.rows import Row, Status
from reports.key_figures import range_in, value_in

CLAIMS = "claims"


class Result(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"  # the harness failed
    EXPECTED = "expected failure"  # foretold by the expectations file
    SKIPPED = "skipped"  # not shown either way, or not run


def result_of(row: Row) -> Result:
    """As pytest counts the same row in the conformance run: what was foretold is no failure, a surprise is one."""
    match row.status:
        case Status.XFAIL:
            return Result.EXPECTED
        case Status.NOT_RUN | Status.SKIPPED | Status.NO_TEST:
            return Result.SKIPPED
        case Status.ERROR if not row.as_expected:
            return Result.ERROR
        case _ if not row.as_expected:
            return Result.FAILED
        case Status.UNSUPPORTED:
            return Result.SKIPPED
        case Status.PASS | Status.XPASS:
            return Result.PASSED
        case _:
            return Result.EXPECTED


def result_of_claim(claim: Claim) -> Result:
    """A claim is held against a runtime only where the interval shows that it is not kept."""
    match claim.grade:
        case Grade.KEPT:
            return Result.PASSED
        case Grade.NOT_KEPT:
            return Result.FAILED
        case Grade.NOT_SHOWN | Grade.NOT_MEASURED:
            return Result.SKIPPED
    assert_never(claim.grade)


def message_of(row: Row) -> str:
    """Why the row is not a plain pass; empty for one that is."""
    if row.status is Status.PASS and row.as_expected:
        return ""
    seen = f"{row.status.value}: {row.reason}" if row.reason not in {"", row.status.value} else row.status.value
    if not row.as_expected:
        return f"{seen}; expected was {row.expected.status.value!r}"
    foretold = f"; expected: {row.expected.reason}" if row.expected.reason else ""
    return f"{seen}{foretold}" + (f" ({row.expected.link})" if row.expected.link else "")


def message_of_claim(claim: Claim) -> str:
    """The grade, the limit and what was seen."""
    parts = [claim.grade.value, claim.rule, claim.why, figure_of(claim)]
    return "; ".join(each for each in parts if each)


def figure_of(claim: Claim) -> str:
    """The claim's figure with its interval; empty where nothing was measured."""
    if claim.value is None:
        return ""
    figure = value_in(claim.value, claim.unit)
    if claim.low is None or claim.high is None:
        return figure
    return f"{figure} ({range_in(claim.low, claim.high, claim.unit)})"


def claims_of(report: ComparisonReport) -> tuple[tuple[str, Claim], ...]:
    """Each claim with its name; a requirement may hold several limits, and each of them is a claim."""
    return tuple((_name_of(each), each) for each in report.claims)


def _name_of(claim: Claim) -> str:
    name = f"{claim.requirement} {claim.subject}".strip()
    return f"{name}: {claim.rule}" if claim.rule else name
