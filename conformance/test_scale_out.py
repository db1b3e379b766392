"""CON: work that is more than one isolate can do goes to more isolates, and Workers compute beside each other."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
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
"""How often the fan-out is measured each way, by turns."""

BESIDE = 0.5
"""At least for so much of its work one Worker's thread must have the other one's beside it, where 1 is all of it."""


@requirement("CON-3")
def test_heavy_load_is_spread(launch: Launcher, judge: Judge) -> None:
    """Six requests at once that each compute a while are served by more than one isolate; nothing is configured."""
    instance = launch("concurrency")
    light = [ask(instance, "concurrency", "/isolate")["nonce"] for _ in range(2 * AT_ONCE)]
    judge.control(len(set(light)) == 1, expected="one isolate for light requests", saw=f"{len(set(light))} isolates")
    alone = _burn(instance)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: _burn(instance), range(AT_ONCE)))
    judge.control(
        all(answer["result"] == alone["result"] for answer in answers),
        expected="every request to do the work",
        saw=[answer["result"] for answer in (alone, *answers)],
    )
    isolates = len({answer["nonce"] for answer in answers})
    judge.measured_value("isolates", isolates, f"isolates for {AT_ONCE} heavy requests at once")
    judge.promise(isolates > 1, expected="more than one isolate to take the load", saw=f"{isolates}")


@requirement("CON-3")
def test_light_request_does_not_wait_for_a_heavy_one(launch: Launcher, judge: Judge) -> None:
    """While one request computes, others to the same Worker are answered by another isolate."""
    instance = launch("concurrency")
    before = {ask(instance, "concurrency", "/isolate")["nonce"] for _ in range(AT_ONCE)}
    judge.control(len(before) == 1, expected="one isolate for light requests", saw=f"{len(before)} isolates")
    beside: list[str] = []
    with ThreadPoolExecutor(1) as pool:
        heavy = pool.submit(ask, instance, "concurrency", "/burn", query={"divisions": str(LONG)})
        while not heavy.done():
            nonce = ask(instance, "concurrency", "/isolate")["nonce"]
            if not heavy.done():
                beside.append(nonce)
    busy = heavy.result()["nonce"]
    judge.saw("isolates that answered", {"before": before, "the heavy request": busy, "beside it": set(beside)})
    judge.measured_value("answers beside the heavy request", len(beside), "answers")
    others = set(beside) - {busy}
    judge.promise(bool(others), expected="another isolate to answer meanwhile", saw=f"none in {len(beside)} answers")


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
    for how in ("together", "apart") * PAIRS:
        started_ns = time.monotonic_ns()
        with ThreadWatch(pids) as watch:
            left, right = _fan_out(instance, by, how, divisions=HEAVY)
        took_ms[how].append((time.monotonic_ns() - started_ns) / 1e6)
        beside[how].append(watch.beside)
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
    judge.promise(
        max(beside["together"]) >= BESIDE,
        expected=f"two threads that work beside each other at least {BESIDE:.0%} of their time",
        saw=[f"{share:.0%}" for share in beside["together"]],
    )


def _burn(instance: Instance) -> Any:
    return ask(instance, "concurrency", "/burn", query={"divisions": str(HEAVY)})


def _fan_out(instance: Instance, by: str, how: str, *, divisions: int) -> Any:
    return ask(instance, "fanout", "/burn", query={"by": by, "how": how, "divisions": str(divisions)})
