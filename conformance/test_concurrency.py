"""CON: one thread inside an isolate, any number of waits at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from conformance.asking import ask
from conformance.fanout import fanout
from conformance.mark import requirement
from conformance.origin import Origin
from harness.judging import Judge, Launcher
from harness.runtime import Outbound, Request

TOGETHER = 6
BATCHES = 8

TIMER_ATTEMPTS = 5
"""A machine that stops the Worker between setting two timers lets the first of them fire first; a runtime on which one
timer waits for the other does so each time."""


@requirement("CON-1")
def test_counters_do_not_tear(launch: Launcher, judge: Judge) -> None:
    """Requests that count in one isolate by turns lose no count and never find each other in the middle."""
    lanes, rounds, stride = 8, 20, 5_000
    instance = launch("concurrency")
    path = f"/count?rounds={rounds}&stride={stride}"
    nonces: list[str] = []
    for _ in range(BATCHES):  # a busy machine may end each request before the next one is sent
        with ThreadPoolExecutor(lanes) as pool:
            answers = list(pool.map(lambda _: instance.fetch("concurrency", Request(path=path)), range(lanes)))
        nonces += [answer.json()["nonce"] for answer in answers]
        counted = ask(instance, "concurrency", "/counted")
        if counted["switches"] > nonces.count(counted["nonce"]) > 1:
            break
    judge.saw("counted", counted)
    there = nonces.count(counted["nonce"])
    judge.control(
        there > 1 and counted["switches"] > there,
        expected="at least two requests to take turns in one isolate",
        saw=f"{there} requests, {counted['switches']} turns",
    )
    expected = there * rounds * stride
    judge.promise(
        counted["shared"] == expected and counted["overlaps"] == 0,
        expected=f"{expected} counts and no overlap",
        saw=f"{counted['shared']} counts and {counted['overlaps']} overlaps",
    )


@requirement("CON-1")
def test_no_threads_to_be_had(launch: Launcher, judge: Judge) -> None:
    """A Worker finds no way to run JavaScript in a second thread."""
    instance = launch("concurrency")
    outcome = instance.fetch("concurrency", Request(path="/threads")).json()
    judge.saw("what each way came to", outcome)
    ran = [way for way, result in outcome.items() if result is True]
    judge.promise(not ran, expected="no second thread", saw="JavaScript ran in a thread from " + ", ".join(ran))


@requirement("CON-2")
def test_waits_overlap(launch: Launcher, judge: Judge, origin: Origin, internet: Outbound) -> None:
    """Six fetches awaited with Promise.all are under way at the same time: a server that answers only once all six are
    there does answer."""
    instance = launch("concurrency", outbound=internet)
    alone = instance.fetch("concurrency", Request(path=f"/together?n=1&target={quote(origin.url('/barrier?n=1'))}"))
    judge.control(alone.status == 200, expected="one fetch to the origin to be answered", saw=alone.text)
    target = quote(origin.url(f"/barrier?n={TOGETHER}"))
    answers = instance.fetch("concurrency", Request(path=f"/together?n={TOGETHER}&target={target}")).json()
    _judge_barrier(judge, [answer["together"] for answer in answers], "fetches")


@requirement("CON-2")
@pytest.mark.parametrize("by", ["fetch", "rpc"])
def test_bound_calls_overlap(launch: Launcher, judge: Judge, origin: Origin, internet: Outbound, by: str) -> None:
    """Six calls to other Workers awaited with Promise.all are under way at the same time: each waits for a server that
    answers only once all six have come to it."""
    instance = launch(fanout(launch), outbound=internet)
    alone = ask(instance, "fanout", "/visit", query={"by": by, "n": "1", "target": origin.url("/barrier?n=1")})
    judge.control(alone == [{"together": 1}], expected="one call to be answered", saw=alone)
    target = origin.url(f"/barrier?n={TOGETHER}")
    answers = ask(instance, "fanout", "/visit", query={"by": by, "n": str(TOGETHER), "target": target})
    _judge_barrier(judge, [answer["together"] for answer in answers], "calls")


@requirement("CON-2")
def test_timers_overlap(launch: Launcher, judge: Judge) -> None:
    """Timers awaited with Promise.all run at the same time: the shortest fires first, though it was set last."""
    instance = launch("concurrency")
    alone = ask(instance, "concurrency", "/timers", query={"ms": "1"})
    judge.control(alone["fired"] == [1], expected="a timer to fire", saw=alone)
    for _ in range(TIMER_ATTEMPTS):
        fired = ask(instance, "concurrency", "/timers", query={"ms": "150,100,50"})["fired"]
        if fired == [50, 100, 150]:
            break
    judge.promise(fired == [50, 100, 150], expected="timers of 50, 100 and 150 ms to fire in that order", saw=fired)


def _judge_barrier(judge: Judge, together: list[int], what: str) -> None:
    judge.saw(f"how many each of the {what} found waiting", together)
    judge.measured_value(f"{what} under way at once", max(together), what)
    judge.promise(
        together == [TOGETHER] * TOGETHER,
        expected=f"{TOGETHER} {what} under way at once",
        saw=f"at most {max(together)}",
    )
