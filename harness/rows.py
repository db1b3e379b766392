"""A row: what one test found out about one requirement on one runtime."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec


class Status(StrEnum):
    """What came out of one test."""

    PASS = "pass"  # the promise was kept, as far as this test looks
    FAIL = "fail"  # the promise was broken, and the row says how
    ERROR = "error"  # the harness itself failed: says nothing about the runtime
    TIMEOUT = "timeout"  # the runtime gave no answer before the safety deadline
    CRASH = "crash"  # the runtime died
    INCONCLUSIVE = "inconclusive"  # the control beside the test failed
    UNSUPPORTED = "unsupported"  # the runtime does not claim it (and refuses it), or nobody could see it
    SKIPPED = "skipped"  # left out with a reason, by the suite
    XFAIL = "xfail"  # marked as failing inside the test file itself
    XPASS = "xpass"  # ... and passing all the same
    NOT_RUN = "not run"  # selected away, or the run ended before it
    NO_TEST = "no test yet"  # the suite has no test for this requirement


class ReasonCode(StrEnum):
    """Why a row is not a plain pass, for machines."""

    PROMISE_KEPT = "promise-kept"
    PROMISE_BROKEN = "promise-broken"
    HALF_SUPPORT = "half-support"
    CONTROL_FAILED = "control-failed"
    FEATURE_NOT_CLAIMED = "feature-not-claimed"
    CLASS_NOT_CLAIMED = "class-not-claimed"
    NOT_OBSERVABLE = "not-observable"
    RUNTIME_DIED = "runtime-died"
    DEADLINE = "deadline"
    HARNESS_ERROR = "harness-error"
    SKIP = "skip"
    NOT_SELECTED = "not-selected"
    NOT_IN_PROFILE = "not-in-profile"
    INTERRUPTED = "interrupted"
    NO_TEST = "no-test"


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the runtime's expectations file says of a row. `reason` and `link` are empty for a plain "pass"."""

    status: Status = Status.PASS
    reason: str = ""
    link: str = ""


class Measure(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A figure the test took. `value` is in `unit`; either end of a bracket may be open (None)."""

    name: str
    unit: str
    value: float | None = None
    low: float | None = None
    high: float | None = None


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One line of conformance.json. Durations in milliseconds; `evidence` maps a label to anything JSON can hold."""

    requirement: str
    area: str
    requirement_class: str = msgspec.field(name="class")
    level: str
    statement: str
    test: str
    description: str = ""
    status: Status
    expected: Expected = Expected()
    as_expected: bool = True
    reason_code: ReasonCode
    reason: str = ""
    evidence: dict[str, Any] = {}
    measured: tuple[Measure, ...] = ()
    profile: str = "quick"
    features: tuple[str, ...] = ()
    attempts: int = 1
    duration_ms: float = 0.0
    repeat: str = ""

    def order(self) -> tuple[str, int, str]:
        """Sort key: requirement ids in catalogue order within an area, then the test's name."""
        area, _, number = self.requirement.partition("-")
        return (area, int(number or 0), self.test)


def is_expected(status: Status, expected: Expected) -> bool:
    """Whether a status is what the expectations file foretold.

    "unsupported" is always as expected for a row expected to pass: what the runtime claims *is* its expectation, and
    the verdict, not this, says what the missing support costs. A foretold "fail" is not met by a crash or a time-out.
    """
    if status in {Status.NOT_RUN, Status.NO_TEST, Status.SKIPPED, Status.XFAIL}:
        return True
    if expected.status is Status.PASS:
        return status in {Status.PASS, Status.UNSUPPORTED}
    return status is expected.status
