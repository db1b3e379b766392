"""Every error isomark raises, each class with the exit code a run ends with when that error stops it.

    IsomarkError                  2   anything below, caught as one
    +-- UsageError               20   a word on the command line is wrong
    +-- ConfigurationError       21   a wrangler file, requirement catalogue or expectations file is wrong
    +-- UnknownRuntimeError      22   --runtime names no adapter
    +-- ToolchainError           23   a program the run needs is missing or broken
    +-- DeployRefused            24   the runtime looked at the application and said no
    |   +-- ScriptError          24   ... because its JavaScript does not parse or throws when it starts
    |   +-- UnsupportedFeature   24   ... because the runtime does not claim a feature the application needs
    +-- StartError               25   the runtime could not be started
    |   +-- NotReadyError        25   ... it runs, but never said it was ready
    +-- Unanswered                    a request got no whole answer; `partial` holds what came
    |   +-- RuntimeDied          26   ... because the runtime was serving and then was gone
    |   +-- DeadlineExceeded     27   ... before the safety deadline
    |   +-- ConnectionLost       28   ... because the runtime hung up, and lives
    +-- ReportFileError          29   a result file is damaged, of another version, or cannot be written
    +-- VerificationError        30   published results are not what their raw files give
    +-- RegressionFound          31   a night is slower than the nights before it, by more than the threshold
    +-- AlreadyRunning           32   somebody else is at work in the same folder
    +-- EngineError              33   no container engine can be used, or it does not do what is asked of it

Two more end a test, not a run: `PromiseBroken` (the row is "fail") and `ControlFailed` (the row is "inconclusive");
`NotObservable` makes the row "unsupported".

A message says what happened, what was expected and what to do; `_sentence` joins the three the same way everywhere.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar


class IsomarkError(Exception):
    """Root of the tree. `happened`, `expected` and `remedy` are whole phrases without a closing full stop."""

    exit_code: ClassVar[int] = 2

    def __init__(self, happened: str, *, expected: str = "", remedy: str = "", log_tail: str = "") -> None:
        self.happened = happened
        self.expected = expected
        self.remedy = remedy
        self.log_tail = log_tail
        super().__init__(_sentence(happened, expected, remedy, log_tail))

    def __reduce__(self) -> tuple[object, ...]:
        """Survive the trip from a pytest-xdist worker, which pickles by constructor arguments."""
        return (_rebuild, (type(self), self.happened, self.expected, self.remedy, self.log_tail), self.__dict__)


class UsageError(IsomarkError):
    exit_code = 20


class ConfigurationError(IsomarkError):
    exit_code = 21


class UnknownRuntimeError(IsomarkError):
    exit_code = 22


class ToolchainError(IsomarkError):
    exit_code = 23


class DeployRefused(IsomarkError):
    exit_code = 24


class ScriptError(DeployRefused):
    pass


class UnsupportedFeature(DeployRefused):
    pass


class StartError(IsomarkError):
    exit_code = 25


class NotReadyError(StartError):
    pass


class Unanswered(IsomarkError):
    """`partial` is the part of the response's body that arrived before it broke off."""

    partial: bytes = b""


class RuntimeDied(Unanswered):
    exit_code = 26


class DeadlineExceeded(Unanswered):
    exit_code = 27


class ConnectionLost(Unanswered):
    exit_code = 28


class ReportFileError(IsomarkError):
    exit_code = 29


class VerificationError(IsomarkError):
    exit_code = 30


class RegressionFound(IsomarkError):
    exit_code = 31


class AlreadyRunning(IsomarkError):
    exit_code = 32


class EngineError(IsomarkError):
    exit_code = 33


class PromiseBroken(AssertionError):
    """The runtime did not do what the requirement says. `expected` and `seen` go into the row as they are."""

    def __init__(self, expected: str, seen: str) -> None:
        self.expected = expected
        self.seen = seen
        super().__init__(f"expected {expected}; saw {seen}")

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.expected, self.seen))


class ControlFailed(AssertionError):
    """The control beside the test failed, so the test proves nothing either way."""

    def __init__(self, control: str, seen: str) -> None:
        self.control = control
        self.seen = seen
        super().__init__(f"control failed, so nothing is shown: expected {control}; saw {seen}")

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.control, self.seen))


class NotObservable(Exception):
    """The runtime offers no instrument that would let anyone see this promise kept or broken."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A phrase that names the nearest known words, or all of them when none is near. Empty when none are known."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=3, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(repr(name) for name in near) + "?"
    return "known: " + ", ".join(names) if names else ""


def _sentence(happened: str, expected: str, remedy: str, log_tail: str) -> str:
    parts = [happened]
    if expected:
        parts.append(f"expected: {expected}")
    if remedy:
        parts.append(f"what to do: {remedy}")
    if log_tail:
        parts.append("last lines of its log:\n" + "\n".join("    " + line for line in log_tail.splitlines()))
    return "\n  ".join(parts)


def _rebuild(kind: type[IsomarkError], happened: str, expected: str, remedy: str, log_tail: str) -> IsomarkError:
    return kind(happened, expected=expected, remedy=remedy, log_tail=log_tail)
