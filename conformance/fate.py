"""Watching a neighbour while another Worker misbehaves."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from conformance.asking import ask
from harness.errors import Unanswered
from harness.judging import Judge
from harness.runtime import Instance, Request

PING = Request(path="/")

MOST_LOOKS = 5
"""A Worker may have a second isolate, made when the first had work: so many requests look for the first."""


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """What the neighbour's client saw. `alone_ms`: slowest answer before; `worst_ms`: while the other misbehaved."""

    alone_ms: float
    worst_ms: float
    answers: int
    failures: tuple[str, ...]
    other_took_ms: float
    other_ended: str

    def share_of_the_misbehaviour(self) -> float:
        """The longest wait as a share of the time the other one misbehaved: near 1 when it waited for that to end."""
        return self.worst_ms / self.other_took_ms

    def described(self) -> str:
        return (
            f"the neighbour waited up to {self.worst_ms:,.1f} ms (control, alone: {self.alone_ms:.1f} ms) while the "
            f"other took {self.other_took_ms:,.0f} ms and ended: {self.other_ended}"
        )


def watch(instance: Instance, neighbour: str, misbehave: Callable[[], str]) -> Neighbour:
    """Ping `neighbour` without pause while `misbehave` runs, which returns how it ended, and once more after it."""
    alone_ms = max(_ping(instance, neighbour)[0] for _ in range(10))
    with ThreadPoolExecutor(1) as pool:
        started = time.monotonic()
        other = pool.submit(misbehave)
        pings = [_ping(instance, neighbour)]
        while not other.done():
            pings.append(_ping(instance, neighbour))
            if pings[-1][1] and not instance.alive():
                break
        try:
            ended = other.result()
        except Unanswered as error:
            ended = error.happened
        took_ms = (time.monotonic() - started) * 1000
    pings.append(_ping(instance, neighbour))
    return Neighbour(
        alone_ms=alone_ms,
        worst_ms=max(waited for waited, _ in pings),
        answers=sum(not failure for _, failure in pings),
        failures=tuple(dict.fromkeys(failure for _, failure in pings if failure)),
        other_took_ms=took_ms,
        other_ended=ended,
    )


def judge_isolate_lives_on(judge: Judge, instance: Instance, neighbour: str, before: str) -> None:
    """One isolate that is seen again is alive; one that is not among so many answers in a row is taken for dead."""
    seen: list[str] = []
    while before not in seen and len(seen) < MOST_LOOKS:
        seen.append(ask(instance, neighbour, "/")["nonce"])
    judge.promise(
        before in seen, expected="the neighbour's isolate to live on", saw=f"{before} before, {', '.join(seen)} after"
    )


def _ping(instance: Instance, worker: str) -> tuple[float, str]:
    """Milliseconds until the answer, and what was wrong with it (an empty string for nothing)."""
    started = time.monotonic_ns()
    try:
        status = instance.fetch(worker, PING).status
        failure = "" if status == 200 else f"status {status}"
    except Unanswered as error:
        failure = error.happened
    return (time.monotonic_ns() - started) / 1e6, failure
