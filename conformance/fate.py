"""Watching a neighbour while another Worker misbehaves."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from conformance.asking import ask
from harness.errors import Unanswered
from harness.judging import Judge
from harness.runtime import Instance, Request

PING = Request(path="/")

MOST_LOOKS = 5
"""A Worker may have a second isolate, made when the first had work: so many requests look for the first."""


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """What the neighbour's client saw. `alone_ms`: slowest answer before; `worst_ms`: while the other misbehaved.

    `typical_ms`: an ordinary answer before. `silent_ms`: the longest time from the sending of a ping to the answer of
    the next one: whatever stops the client for a while, it is not shorter than the time in which the neighbour gets no
    turn. `other_took_ms`: as the other one's own client saw it.
    """

    alone_ms: float
    typical_ms: float
    worst_ms: float
    silent_ms: float
    answers: int
    failures: tuple[str, ...]
    other_took_ms: float
    other_ended: str

    def described(self) -> str:
        return (
            f"the neighbour waited up to {self.worst_ms:,.1f} ms (control, alone: {self.alone_ms:.1f} ms) while the "
            f"other took {self.other_took_ms:,.0f} ms and ended: {self.other_ended}"
        )


def watch(instance: Instance, neighbour: str, misbehave: Callable[[], str]) -> Neighbour:
    """Ping `neighbour` without pause while `misbehave` runs, which returns how it ended, and once more after it."""
    alone = [_ping(instance, neighbour) for _ in range(10)]

    def timed() -> tuple[str, float]:
        started = time.monotonic()  # here, as the one who waits for the thread may come late
        try:
            ended = misbehave()
        except Unanswered as error:
            ended = error.happened
        return ended, (time.monotonic() - started) * 1000

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(timed)
        pings = [_ping(instance, neighbour)]
        while not other.done():
            pings.append(_ping(instance, neighbour))
            if pings[-1].failure and not instance.alive():
                break
        ended, took_ms = other.result()
    pings.append(_ping(instance, neighbour))
    return Neighbour(
        alone_ms=max(ping.waited_ms for ping in alone),
        typical_ms=median(ping.waited_ms for ping in alone),
        worst_ms=max(ping.waited_ms for ping in pings),
        silent_ms=max(_silences_ms([alone[-1], *pings])),
        answers=sum(not ping.failure for ping in pings),
        failures=tuple(dict.fromkeys(ping.failure for ping in pings if ping.failure)),
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


@dataclass(frozen=True, kw_only=True)
class _Ping:
    """`failure`: what was wrong with the answer, an empty string for nothing."""

    sent_ms: float
    answered_ms: float
    failure: str

    @property
    def waited_ms(self) -> float:
        return self.answered_ms - self.sent_ms


def _silences_ms(pings: Sequence[_Ping]) -> list[float]:
    """Of each two pings in a row, from the sending of the one to the answer of the other."""
    return [after.answered_ms - before.sent_ms for before, after in pairwise(pings)]


def _ping(instance: Instance, worker: str) -> _Ping:
    sent_ms = time.monotonic_ns() / 1e6
    try:
        status = instance.fetch(worker, PING).status
        failure = "" if status == 200 else f"status {status}"
    except Unanswered as error:
        failure = error.happened
    return _Ping(sent_ms=sent_ms, answered_ms=time.monotonic_ns() / 1e6, failure=failure)
