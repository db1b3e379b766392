"""From how a test ended to the status of its row."""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import (
    ConnectionLost,
    ControlFailed,
    DeadlineExceeded,
    DeployRefused,
    IsomarkError,
    NotObservable,
    NotReadyError,
    PromiseBroken,
    RuntimeDied,
)
from harness.judging import ClassNotClaimed, NotClaimed
from harness.rows import ReasonCode, Status


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How one test ended."""

    status: Status
    code: ReasonCode
    reason: str


KEPT = Ending(status=Status.PASS, code=ReasonCode.PROMISE_KEPT, reason="")

# First match wins. A runtime that refuses a probe it claims to support, or hangs up on it, breaks its promise; one that
# cannot be started at all was never judged, so that is the harness's error.
_ENDINGS: tuple[tuple[type[BaseException], Status, ReasonCode], ...] = (
    (PromiseBroken, Status.FAIL, ReasonCode.PROMISE_BROKEN),
    (ControlFailed, Status.INCONCLUSIVE, ReasonCode.CONTROL_FAILED),
    (NotObservable, Status.UNSUPPORTED, ReasonCode.NOT_OBSERVABLE),
    (ClassNotClaimed, Status.UNSUPPORTED, ReasonCode.CLASS_NOT_CLAIMED),
    (NotClaimed, Status.UNSUPPORTED, ReasonCode.FEATURE_NOT_CLAIMED),
    (RuntimeDied, Status.CRASH, ReasonCode.RUNTIME_DIED),
    (DeadlineExceeded, Status.TIMEOUT, ReasonCode.DEADLINE),
    (NotReadyError, Status.TIMEOUT, ReasonCode.DEADLINE),
    (DeployRefused, Status.FAIL, ReasonCode.PROMISE_BROKEN),
    (ConnectionLost, Status.FAIL, ReasonCode.PROMISE_BROKEN),
    (AssertionError, Status.FAIL, ReasonCode.PROMISE_BROKEN),
)


def ending_of(error: BaseException | None) -> Ending:
    """The ending for what a test raised; None for nothing."""
    if error is None:
        return KEPT
    if isinstance(error, PromiseBroken) and "half-support" in error.seen:
        return Ending(status=Status.FAIL, code=ReasonCode.HALF_SUPPORT, reason=str(error))
    for kind, status, code in _ENDINGS:
        if isinstance(error, kind):
            return Ending(status=status, code=code, reason=_text(error))
    return Ending(status=Status.ERROR, code=ReasonCode.HARNESS_ERROR, reason=f"{type(error).__name__}: {_text(error)}")


def _text(error: BaseException) -> str:
    if isinstance(error, IsomarkError):
        return str(error)
    return str(error).partition("\n")[0] or type(error).__name__
