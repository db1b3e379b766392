"""Rows of accounts of CPU time on played machines: a wrong account is told from one that a busy machine made wrong."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable

import pytest

from conformance.burning import WORK_ROUNDS, Ending
from conformance.kernel import Usage
from conformance.test_cpu_accounting import HEAVY, LIGHT, Together
from conformance.test_cpu_accounting import test_account_is_linear as account_is_linear
from conformance.test_cpu_accounting import test_concurrent_requests_are_charged_their_own as charged_their_own
from harness.errors import ControlFailed, PromiseBroken
from harness.runtime import Invocation, Outcome
from tests.played import Played, judged

QUIET = (13.0, 0.0)
HELD_BACK = (13.0, 24.0)
"""A burn of 13 ms: how long it ran, and how long it had no core, in ms."""


def with_waiting(ran_ms: float, held_back_ms: float) -> float:
    """An account by a clock that goes on while the thread has no core."""
    return ran_ms + held_back_ms


def own_time(ran_ms: float, _held_back_ms: float) -> float:
    return ran_ms


def in_ticks(ran_ms: float, _held_back_ms: float) -> float:
    return math.ceil(ran_ms / 40) * 40


def burnt(burn: tuple[float, float], recorded: Callable[[float, float], float]) -> tuple[Ending, Invocation]:
    """What the kernel saw of such a burn, and the record of it."""
    ran_ns, held_back_ns = (round(ms * 1e6) for ms in burn)
    usage = Usage(cpu_ns=ran_ns, busiest_ns=ran_ns, held_back_ns=held_back_ns)
    record = Invocation(
        worker="cpu", event="fetch", outcome=Outcome.OK, cpu_time_ms=recorded(*burn), wall_time_ms=sum(burn)
    )
    return Ending(served=True, text="served to the end", usage=usage), record


@pytest.mark.parametrize(
    ("recorded", "burns", "raised"),
    [
        (with_waiting, [QUIET], None),
        (with_waiting, [*[HELD_BACK] * 5, QUIET], None),  # the first of them alone would say 1.4 times
        (with_waiting, [HELD_BACK], ControlFailed),
        (own_time, [HELD_BACK], None),
        (in_ticks, [QUIET], PromiseBroken),
        (in_ticks, [HELD_BACK], ControlFailed),
        (lambda *_: 0.0, [QUIET], PromiseBroken),
    ],
)
def test_an_account_is_linear_or_not_only_where_the_machine_let_the_work_run(
    recorded: Callable[[float, float], float],
    burns: list[tuple[float, float]],
    raised: type[Exception] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Burns of the work once come as given, and then all like the last; those of four times the work are quiet."""
    once = itertools.chain(burns, itertools.repeat(burns[-1]))

    def account(_instance: Played, path: str) -> tuple[Ending, Invocation]:
        times = int(path.partition("rounds=")[2]) // WORK_ROUNDS
        return burnt(next(once) if times == 1 else (4 * QUIET[0], 0.0), recorded)

    monkeypatch.setattr("conformance.test_cpu_accounting.account", account)
    with pytest.raises(raised) if raised else contextlib.nullcontext():
        judged(account_is_linear, Played(lambda *_: b""))


FAIR_MS = [0.2] * LIGHT + [18.0] * HEAVY
WAITED_MS = [0.2] * LIGHT + [20.0, 22.0, 26.0, 59.0]
LIGHT_WAITED_MS = [0.2] * (LIGHT - 1) + [17.0] + [18.0] * HEAVY
EVERYTHING_MS = [72.0] * (LIGHT + HEAVY)
NO_WAIT_MS, SOME_WAIT_MS, MUCH_WAIT_MS = 0.0, 20.0, 55.0


@pytest.mark.parametrize(
    ("attempts", "raised"),
    [
        ([(FAIR_MS, NO_WAIT_MS)], None),
        ([(FAIR_MS, MUCH_WAIT_MS)], None),  # an account that stops while the thread has no core
        ([(WAITED_MS, MUCH_WAIT_MS)], None),  # and one that goes on
        ([(WAITED_MS, SOME_WAIT_MS)], PromiseBroken),
        ([(WAITED_MS, NO_WAIT_MS)], PromiseBroken),
        ([*[(WAITED_MS, SOME_WAIT_MS)] * 5, (FAIR_MS, NO_WAIT_MS)], None),
        ([(LIGHT_WAITED_MS, SOME_WAIT_MS), (FAIR_MS, SOME_WAIT_MS)], None),
        ([(LIGHT_WAITED_MS, MUCH_WAIT_MS)] * 5 + [(FAIR_MS, MUCH_WAIT_MS)], None),
        ([(LIGHT_WAITED_MS, SOME_WAIT_MS)], PromiseBroken),
        ([(LIGHT_WAITED_MS, MUCH_WAIT_MS)], ControlFailed),
        ([(FAIR_MS, MUCH_WAIT_MS), (EVERYTHING_MS, NO_WAIT_MS)], PromiseBroken),
        ([(EVERYTHING_MS, NO_WAIT_MS)], PromiseBroken),
        ([(EVERYTHING_MS, SOME_WAIT_MS)], PromiseBroken),
        ([(EVERYTHING_MS, MUCH_WAIT_MS)], ControlFailed),
        ([([9.0] * (LIGHT + HEAVY), NO_WAIT_MS)], PromiseBroken),
        ([([0.2] * LIGHT + [9.0, 9.0, 27.0, 27.0], NO_WAIT_MS)], PromiseBroken),
        ([([0.2] * LIGHT + [18.0, 18.0, 18.0, 36.0], NO_WAIT_MS)], PromiseBroken),
        ([([4.4] * LIGHT + [28.0] * HEAVY, NO_WAIT_MS)], PromiseBroken),  # each nearly so, and all too much
        ([([0.0] * (LIGHT + HEAVY), NO_WAIT_MS)], PromiseBroken),
    ],
)
def test_requests_are_charged_their_own_or_not_only_where_the_machine_let_the_work_run(
    attempts: list[tuple[list[float], float]], raised: type[Exception] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records of attempts, of which each takes 72 ms of one thread and 80 of all, and waits for a core as given; then
    all come like the last."""
    played = (
        Together(
            cpu_ms=cpu_ms,
            met=[len(cpu_ms)],
            shared=True,
            usage=Usage(cpu_ns=80_000_000, busiest_ns=72_000_000, held_back_ns=round(waited_ms * 1e6)),
        )
        for cpu_ms, waited_ms in itertools.chain(attempts, itertools.repeat(attempts[-1]))
    )
    module = "conformance.test_cpu_accounting"
    monkeypatch.setattr(f"{module}.account", lambda *_: burnt(QUIET, with_waiting))
    monkeypatch.setattr(f"{module}.heavy_and_light", lambda *_: next(played))
    with pytest.raises(raised) if raised else contextlib.nullcontext():
        judged(charged_their_own, Played(lambda *_: b""))
