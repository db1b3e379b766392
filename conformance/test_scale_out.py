"""CON: work that is more than one isolate can do goes to more isolates, and Workers compute beside each other."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median
from typing import Any

import pytest

from conformance.asking import ask
from conformance.fanout import fanout
from conformance.mark import requirement
from conformance.threads import ThreadWatch
from harness.judging import Judge, Launcher
from harness.runtime import Instance, Processes

HEAVY = 40_000  # divisions: some 80 ms of work, without an await
LONG = 200_000  # some 400 ms
AT_ONCE = 6
PAIRS = 2
"""How often the fan-out is measured each way, by turns, at the least."""

ATTEMPTS = 6
"""How often a load is sent in the hope that a busy machine lets it come at once, and lets the runtime deal with it."""

ENOUGH = 2
"""So often the machine did, and the runtime did not: no more is sent."""

TOO_BUSY = 0.5
"""A thread that waits for a core for half as long as it runs may run after the other one, and not beside it."""

WAITED = 0.5
"""A light request that waited for half of the heavy one's time was there while that computed."""

BESIDE = 0.5
"""At least for so much of its work one Worker's thread must have the other one's beside it, where 1 is all of it."""


@requirement("CON-3")
def test_heavy_load_is_spread(launch: Launcher, judge: Judge) -> None:
    """Six requests at once that each compute a while are served by more than one isolate; nothing is configured."""
    instance = launch("concurrency")
    light = [ask(instance, "concurrency", "/isolate")["nonce"] for _ in range(2 * AT_ONCE)]
    judge.control(len(set(light)) == 1, expected="one isolate for light requests", saw=f"{len(set(light))} isolates")
    alone = _burn(instance)
    loads: list[tuple[int, bool]] = []
    for _ in range(ATTEMPTS):
        answers, at_once = heavy_at_once(instance)
        judge.control(
            all(answer["result"] == alone["result"] for answer in answers),
            expected="every request to do the work",
            saw=[answer["result"] for answer in (alone, *answers)],
        )
        loads.append((len({answer["nonce"] for answer in answers}), at_once))
        if loads[-1][0] > 1 or sum(at_once for _, at_once in loads) == ENOUGH:
            break
    judge.saw("isolates, and whether all requests were sent before one was answered", loads)
    isolates = max(isolates for isolates, _ in loads)
    judge.control(
        isolates > 1 or any(at_once for _, at_once in loads),
        expected="all requests to be sent before the first is answered",
        saw=f"{len(loads)} times one was answered before",
    )
    judge.measured_value("isolates", isolates, f"isolates for {AT_ONCE} heavy requests at once")
    judge.promise(isolates > 1, expected="more than one isolate to take the load", saw=f"{isolates}")


@requirement("CON-3")
def test_light_request_does_not_wait_for_a_heavy_one(launch: Launcher, judge: Judge) -> None:
    """While one request computes, others to the same Worker are answered by another isolate."""
    instance = launch("concurrency")
    before = {ask(instance, "concurrency", "/isolate")["nonce"] for _ in range(AT_ONCE)}
    judge.control(len(before) == 1, expected="one isolate for light requests", saw=f"{len(before)} isolates")
    loads = []
    for _ in range(ATTEMPTS):
        loads.append(light_beside_heavy(instance))
        if loads[-1].others or sum(load.waited >= WAITED for load in loads) == ENOUGH:
            break
    judge.saw(
        "isolates that answered",
        {"before": before, **{f"with heavy request {number}": load.isolates() for number, load in enumerate(loads, 1)}},
    )
    judge.measured_value("answers beside the heavy request", len(loads[-1].beside), "answers")
    judge.control(
        any(load.others or load.waited >= WAITED for load in loads),
        expected=f"a light request to be there for {WAITED:.0%} of the heavy one's time",
        saw=[f"{load.waited:.0%}" for load in loads],
    )
    answers = sum(len(load.beside) for load in loads)
    judge.promise(
        any(load.others for load in loads),
        expected="another isolate to answer meanwhile",
        saw=f"none in {answers} answers beside {len(loads)} heavy requests",
    )


@requirement("CON-4")
@pytest.mark.parametrize("by", ["fetch", "rpc"])
def test_workers_compute_beside_each_other(launch: Launcher, judge: Judge, by: str) -> None:
    """Two Workers that a third one calls at once compute on two threads at the same time, by the kernel's count."""
    cores = len(os.sched_getaffinity(0))
    judge.control(cores > 1, expected="a machine with two cores or more", saw=f"{cores}")
    instance = launch(fanout(launch))
    pids = instance.instrument(Processes).pids()
    _fan_out(instance, by, "together", divisions=1)  # both are warm
    with ThreadWatch(pids) as idle:
        _fan_out(instance, by, "together", divisions=1)
    beside: dict[str, list[float]] = {"together": [], "apart": []}
    took_ms: dict[str, list[float]] = {"together": [], "apart": []}
    held_back: list[float] = []
    for pair in range(ATTEMPTS):
        shown = pair >= PAIRS and (max(beside["together"]) >= BESIDE or sum(b < TOO_BUSY for b in held_back) >= ENOUGH)
        if shown and min(beside["apart"]) < BESIDE:
            break
        for how in ("together", "apart"):
            started_ns = time.monotonic_ns()
            with ThreadWatch(pids) as watch:
                left, right = _fan_out(instance, by, how, divisions=HEAVY)
            took_ms[how].append((time.monotonic_ns() - started_ns) / 1e6)
            beside[how].append(watch.beside)
            if how == "together":
                held_back.append(watch.held_back)
            judge.control(
                left == right and watch.total_ns > 5 * idle.total_ns,
                expected="both Workers to compute, and the kernel to see it",
                saw=f"{watch.total_ns / 1e6:.1f} ms of CPU, {idle.total_ns / 1e6:.1f} ms without work",
            )
    judge.saw("share of a thread's work that had another thread's beside it", beside)
    judge.measured_value(
        "wall time together, of that apart", median(took_ms["together"]) / median(took_ms["apart"]), ""
    )
    judge.measured_value("work beside each other", 100 * max(beside["together"]), "%")
    judge.control(
        min(beside["apart"]) < BESIDE,
        expected="one call after the other to compute on one thread at a time",
        saw=[f"{share:.0%}" for share in beside["apart"]],
    )
    judge.control(
        max(beside["together"]) >= BESIDE or min(held_back) < TOO_BUSY,
        expected=f"a machine on which two threads wait for a core for less than {TOO_BUSY:.0%} of their time",
        saw=[f"{share:.0%}" for share in held_back],
    )
    judge.promise(
        max(beside["together"]) >= BESIDE,
        expected=f"two threads that work beside each other at least {BESIDE:.0%} of their time",
        saw=[f"{share:.0%}" for share in beside["together"]],
    )


@dataclass(frozen=True, kw_only=True)
class Beside:
    """A heavy request and the light ones sent meanwhile. `busy`: the isolate that served the heavy one; `beside`: those
    that answered the light ones while it was under way; `waited`: for what share of its time a light one was there."""

    busy: str
    beside: list[str]
    waited: float

    @property
    def others(self) -> set[str]:
        return set(self.beside) - {self.busy}

    def isolates(self) -> dict[str, object]:
        return {"the heavy request": self.busy, "beside it": sorted(set(self.beside))}


def light_beside_heavy(instance: Instance) -> Beside:
    def burn() -> tuple[str, float]:
        started = time.monotonic()
        nonce: str = ask(instance, "concurrency", "/burn", query={"divisions": str(LONG)})["nonce"]
        return nonce, time.monotonic() - started

    beside: list[str] = []
    longest_s = 0.0
    with ThreadPoolExecutor(1) as pool:
        heavy = pool.submit(burn)
        while not heavy.done():
            sent = time.monotonic()
            nonce = ask(instance, "concurrency", "/isolate")["nonce"]
            longest_s = max(longest_s, time.monotonic() - sent)
            if not heavy.done():
                beside.append(nonce)
        busy, took_s = heavy.result()
    return Beside(busy=busy, beside=beside, waited=longest_s / took_s)


def heavy_at_once(instance: Instance) -> tuple[list[Any], bool]:
    """The answers to heavy requests, and whether all of them were sent before the first was answered."""

    def timed(_: int) -> tuple[float, Any, float]:
        sent = time.monotonic()
        answer = _burn(instance)
        return sent, answer, time.monotonic()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        sent, answers, answered = zip(*pool.map(timed, range(AT_ONCE)), strict=True)
    return list(answers), max(sent) < min(answered)


def _burn(instance: Instance) -> Any:
    return ask(instance, "concurrency", "/burn", query={"divisions": str(HEAVY)})


def _fan_out(instance: Instance, by: str, how: str, *, divisions: int) -> Any:
    return ask(instance, "fanout", "/burn", query={"by": by, "how": how, "divisions": str(divisions)})
