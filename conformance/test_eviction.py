"""ISO-6: an isolate that nobody uses is evicted, and nobody notices but by its state being gone.

Only a runtime that says when it evicts can be judged; the tests then wait that long, which is what they are about.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from conformance.asking import ask
from conformance.copies import copies
from conformance.mark import requirement
from conformance.origin import Origin
from harness.errors import NotObservable
from harness.judging import Judge, Launcher
from harness.runtime import FETCH_DEADLINE_S, IdleEviction, Instance, Outbound, Processes

PERIODS = 3
"""For how many times the idle time a test waits."""

SLACK_S = 0.2
"""What a runtime may take beside that to notice and to evict."""

LONGEST_IDLE_MS = 20_000
"""Whoever evicts later than this, though asked to show it, is not waited for."""

HELD_MIB = 64

GIVEN_BACK_S = 20.0
"""Safety deadline for memory to be given back by a busy machine; an isolate that is not evicted never gives it back."""

IDLE, USED, WAITING = "lifecycle", "lifecycle-2", "lifecycle-3"
"""Workers of the same code; the first is left alone."""


@requirement("ISO-6")
def test_idle_isolate_is_evicted(launch: Launcher, judge: Judge) -> None:
    """An isolate without requests for long enough is gone, and the next request is served by a new one; one that is
    used more often than that stays."""
    instance = launch(copies(launch, "lifecycle", 2), instruments=(IdleEviction,))
    idle_ms = _idle_ms(judge, instance)
    before = _isolates(instance, (IDLE, USED))
    longest_ms = _use_all_the_time(instance, USED, PERIODS * idle_ms / 1000 + SLACK_S, every_s=idle_ms / 5000)
    after = _isolates(instance, (IDLE, USED))
    judge.saw("isolates before and after", [before, after])
    judge.measured_value("longest pause of the one in use", longest_ms, "ms")
    judge.control(
        longest_ms < idle_ms, expected=f"pauses below {idle_ms:g} ms in the Worker in use", saw=f"{longest_ms:.0f} ms"
    )
    judge.control(
        after[USED]["nonce"] == before[USED]["nonce"],
        expected="the isolate in use to live on",
        saw=[before[USED], after[USED]],
    )
    _judge_evicted(judge, before[IDLE], after[IDLE], idle_ms)


@requirement("ISO-6")
def test_isolate_with_a_request_is_not_evicted(
    launch: Launcher, judge: Judge, origin: Origin, internet: Outbound
) -> None:
    """A request that waits for longer than the idle time, for a timer or for a subrequest, is answered by the isolate
    it came to."""
    instance = launch(copies(launch, "lifecycle", 3), instruments=(IdleEviction,), outbound=internet)
    idle_ms = _idle_ms(judge, instance)
    wait_ms = PERIODS * idle_ms + SLACK_S * 1000
    waits = {USED: {"ms": f"{wait_ms:g}"}, WAITING: {"target": origin.url(f"/wait?ms={wait_ms:g}")}}
    begun_ns = time.monotonic_ns()
    before = _isolates(instance, (IDLE, *waits))
    deadline_s = wait_ms / 1000 + FETCH_DEADLINE_S
    with ThreadPoolExecutor(len(waits)) as pool:
        started_ns = time.monotonic_ns()
        under_way = {
            worker: pool.submit(_answer_and_when, instance, worker, query, deadline_s)
            for worker, query in waits.items()
        }
        ended = {worker: each.result() for worker, each in under_way.items()}
    answered = {worker: answer for worker, (answer, _) in ended.items()}
    waited_ms = (time.monotonic_ns() - started_ns) / 1e6
    judge.saw("before", before)
    judge.saw("the requests that waited", answered)
    judge.control(waited_ms >= 0.95 * wait_ms, expected=f"a wait of {wait_ms:.0f} ms", saw=f"{waited_ms:.0f} ms")
    judge.control(
        _isolates(instance, (IDLE,))[IDLE]["nonce"] != before[IDLE]["nonce"],
        expected="the isolate of a Worker without requests to be evicted meanwhile",
        saw=before[IDLE],
    )
    # The wait began at least so long before its end. Had the isolate been idle until then, it might rightly be gone.
    idle_before_ms = max((at_ns - begun_ns) / 1e6 - wait_ms for _, at_ns in ended.values())
    stayed = [worker for worker in waits if answered[worker]["nonce"] == before[worker]["nonce"]]
    judge.control(
        stayed == list(waits) or idle_before_ms < idle_ms,
        expected=f"the requests that wait to come within the {idle_ms:g} ms after which an idle isolate is evicted",
        saw=f"up to {idle_before_ms:.0f} ms later",
    )
    judge.promise(
        stayed == list(waits),
        expected="both answered by the isolates that were there before",
        saw=[(before[worker]["nonce"], answered[worker]["nonce"]) for worker in waits],
    )


@requirement("ISO-6", profile="full")
def test_memory_of_an_evicted_isolate_is_given_back(launch: Launcher, judge: Judge) -> None:
    """What an isolate held is free again once it is evicted, by the kernel's count."""
    instance = launch("lifecycle", instruments=(IdleEviction,))
    idle_ms = _idle_ms(judge, instance)
    pids = instance.instrument(Processes).pids()
    before_bytes = _resident_bytes(pids)
    held = ask(instance, IDLE, "/hold", query={"mib": str(HELD_MIB)})
    held_bytes = _resident_bytes(pids) - before_bytes
    judge.measured_value("resident with the memory held", held_bytes / (1 << 20), "MiB more")
    judge.control(
        held_bytes > HELD_MIB << 19, expected=f"{HELD_MIB} MiB to be resident", saw=f"{held_bytes >> 20} MiB more"
    )
    time.sleep(PERIODS * idle_ms / 1000 + SLACK_S)
    deadline = time.monotonic() + GIVEN_BACK_S
    while (left_bytes := _resident_bytes(pids) - before_bytes) >= held_bytes / 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    judge.measured_value("resident after the idle time", left_bytes / (1 << 20), "MiB more")
    judge.promise(
        left_bytes < held_bytes / 2,
        expected="at least half of it to be given back",
        saw=f"{left_bytes >> 20} MiB more than before",
    )
    _judge_evicted(judge, held, _isolates(instance, (IDLE,))[IDLE], idle_ms)


def _idle_ms(judge: Judge, instance: Instance) -> float:
    """When this runtime evicts. Raises `NotObservable` when that is too late to wait for."""
    idle_ms = instance.instrument(IdleEviction).idle_ms()
    judge.measured_value("idle time until eviction", idle_ms, "ms")
    if idle_ms > LONGEST_IDLE_MS:
        raise NotObservable(f"this runtime evicts after {idle_ms:g} ms, which is too long to wait for")
    return idle_ms


def _isolates(instance: Instance, workers: Iterable[str]) -> dict[str, Any]:
    return {worker: ask(instance, worker, "/isolate") for worker in workers}


def _answer_and_when(instance: Instance, worker: str, query: Mapping[str, str], deadline_s: float) -> tuple[Any, int]:
    """What a request that waits came to, and when, by the monotonic clock in nanoseconds."""
    return ask(instance, worker, "/wait", query=query, deadline_s=deadline_s), time.monotonic_ns()


def _use_all_the_time(instance: Instance, worker: str, for_s: float, *, every_s: float) -> float:
    """Send a request now and then; the longest time between two of them, in ms."""
    pauses, last = [0.0], time.monotonic()
    end = last + for_s
    while last < end:
        time.sleep(every_s)
        ask(instance, worker, "/isolate")
        pauses.append(time.monotonic() - last)
        last += pauses[-1]
    return 1000 * max(pauses)


def _judge_evicted(judge: Judge, before: Any, after: Any, idle_ms: float) -> None:
    judge.promise(
        before["nonce"] != after["nonce"],
        expected=f"another isolate after more than {PERIODS} times {idle_ms:g} ms",
        saw=f"the same one, {before['nonce']}",
    )
    judge.promise(
        after["served"] == after["evaluations"] == 1, expected="a new isolate without the old one's state", saw=after
    )


def _resident_bytes(pids: Iterable[int]) -> int:
    """What these processes have resident now, added up (VmRSS)."""
    total = 0
    for pid in pids:
        found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"), re.MULTILINE)
        total += int(found[1]) << 10 if found else 0
    return total
