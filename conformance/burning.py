"""Having the probe "cpu" compute, and knowing from outside how that ended and what it took.

Work is counted in rounds. How many of them make a millisecond is read off records of long burns on the paid plan, never
off a guest's clock, which may stand still.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from conformance.kernel import Meter, Usage
from harness.errors import DeadlineExceeded, Unanswered
from harness.judging import Judge, Launcher
from harness.runtime import FETCH_DEADLINE_S, Instance, Invocation, Ledger, Processes, Request

FREE_LIMIT_MS = 10
LIGHT_ROUNDS = 1000  # some microseconds
LIGHT_PATH = f"/mixed?rounds={LIGHT_ROUNDS}"
WORK_ROUNDS = 10_000_000  # some 20 ms
OVERRUN_ROUNDS = 100_000_000  # some 200 ms: twenty times the free plan's limit, which has slack in production
SPIN_ROUNDS = 500_000_000  # some 1 s: what is to stop it may wait half a second for a core and is still in time

BOMBS = ("awaited", "microtasks", "caught", "regexp")
"""Kinds of work that are hard to stop; see bombs.mjs."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a request ended. `served` only when its work was done to the end; `usage`: what the kernel saw meanwhile."""

    served: bool
    text: str
    usage: Usage

    def described(self) -> str:
        return f"{self.text}, {self.usage.cpu_ns / 1e6:,.0f} ms of CPU by the kernel's count"


def burn_path(rounds: float) -> str:
    return f"/mixed?rounds={round(rounds)}"


def bomb_path(kind: str, rounds: int) -> str:
    return f"/bomb?kind={kind}&rounds={rounds}"


def ending(instance: Instance, path: str, *, deadline_s: float = FETCH_DEADLINE_S) -> Ending:
    """Send one request to the probe.

    Raises `RuntimeDied` and `DeadlineExceeded`: neither the end of everything nor a hang is the stop of one request.
    """
    meter = Meter(instance.instrument(Processes).pids())
    try:
        answer = instance.fetch("cpu", Request(path=path), deadline_s=deadline_s)
    except DeadlineExceeded:
        raise
    except Unanswered as error:
        if not instance.alive():
            raise
        return Ending(served=False, text=error.happened, usage=meter.usage())
    if answer.status == 200 and b'"done":true' in answer.body:
        return Ending(served=True, text="served to the end", usage=meter.usage())
    return Ending(served=False, text=f"status {answer.status}: {answer.text[:100]}", usage=meter.usage())


def account(instance: Instance, path: str, *, deadline_s: float = FETCH_DEADLINE_S) -> tuple[Ending, Invocation]:
    """Send one request to the probe, with nothing beside it; how it ended, and its record."""
    ledger = instance.instrument(Ledger)
    mark = ledger.mark()
    ended = ending(instance, path, deadline_s=deadline_s)
    return ended, ledger.since(mark, worker="cpu")[0]


def rounds_per_ms(launch: Launcher, judge: Judge) -> float:
    """How much work one millisecond of recorded CPU time is, on this machine now."""
    instance = launch("cpu", instruments=(Ledger,))
    account(instance, burn_path(WORK_ROUNDS))  # compiled by now
    burns = [account(instance, burn_path(2 * WORK_ROUNDS)) for _ in range(3)]
    cpu_ms = [record.cpu_time_ms for _, record in burns]
    judge.control(
        all(ended.served for ended, _ in burns) and min(cpu_ms) > 0,
        expected="burns on the paid plan to be served and to have CPU time in their records",
        saw=[(ended.text, round(ms, 1)) for (ended, _), ms in zip(burns, cpu_ms, strict=True)],
    )
    rate = 2 * WORK_ROUNDS / median(cpu_ms)
    judge.measured_value("work in a millisecond of recorded CPU time", rate / 1000, "thousand rounds")
    return rate


def control_light_work(instance: Instance, judge: Judge, path: str = LIGHT_PATH) -> None:
    """The same route with hardly any work is served, at the third try at the latest, since an isolate's first request
    may cost a busy machine too much: what stops the heavy request is its work."""
    for _ in range(3):
        light = ending(instance, path)
        if light.served:
            break
    judge.control(light.served, expected="hardly any work to be served under these limits", saw=light.text)


def evidence(accounts: Sequence[tuple[Ending, Invocation]]) -> list[str]:
    """A line for each request: how it ended and what was recorded."""
    return [
        f"{ended.described()}; recorded {record.cpu_time_ms:,.1f} ms, outcome {record.outcome.value}"
        for ended, record in accounts
    ]
