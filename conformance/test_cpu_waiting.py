"""CPU: waiting is neither charged nor limited, whatever the wait is for."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import quote

import msgspec
import pytest

from conformance.asking import ask
from conformance.burning import WORK_ROUNDS
from conformance.kernel import Meter
from conformance.mark import requirement
from conformance.origin import Origin
from conformance.trickling import post_slowly
from harness.application import Application
from harness.judging import Judge, Launcher
from harness.runtime import Instance, Invocation, Ledger, Outbound, Plan, Processes, Request

WAIT_MS = 500
COUNT_TO = 1_000_000  # in a recursive query; some 400 ms
BODY = b"slow body " * 50_000  # more than a platform would collect before it starts a request

CPU_SHARE = 1 / 3
"""Less than that of the time of a request that waits long may be CPU time."""

ATTEMPTS = 5
"""How often it is sent at most: on a busy machine it may have no core in the midst of its work."""

PATIENCE_ATTEMPTS = 3
"""A busy machine may make the little work there is cost too much; a runtime that stops who waits does so each time."""

Answer = dict[str, object]


@requirement("CPU-2")
def test_waiting_for_a_timer_is_not_cpu(launch: Launcher, judge: Judge) -> None:
    """A request that works a little and waits long for a timer is charged for the work, not for the wait."""
    instance = launch("cpu", instruments=(Ledger,))
    _judge_wait(instance, judge, "cpu", lambda work: ask(instance, "cpu", f"{work}&wait={WAIT_MS}"))


@requirement("CPU-2")
def test_waiting_for_a_subrequest_is_not_cpu(
    launch: Launcher, judge: Judge, origin: Origin, internet: Outbound
) -> None:
    """A request that works a little and waits long for a subrequest is charged for the work, not for the wait."""
    instance = launch("cpu", instruments=(Ledger,), outbound=internet)
    target = quote(origin.url(f"/wait?ms={WAIT_MS}"))
    _judge_wait(instance, judge, "cpu", lambda work: ask(instance, "cpu", f"{work}&fetch={target}"))
    judge.control(f"/wait?ms={WAIT_MS}" in origin.targets(), expected="the subrequest to arrive", saw=origin.targets())


@requirement("CPU-2")
def test_waiting_for_a_body_is_not_cpu(launch: Launcher, judge: Judge) -> None:
    """A request that works a little and waits long for its own body is charged for the work, not for the wait."""
    instance = launch("cpu", instruments=(Ledger,))
    answer = _judge_wait(instance, judge, "cpu", lambda work: _trickle(instance, "cpu", f"{work}&body=1"))
    judge.control(answer.get("body") == len(BODY), expected="the body to be read whole", saw=answer)


@requirement("CPU-2")
def test_waiting_for_another_worker_is_not_cpu(launch: Launcher, judge: Judge) -> None:
    """A request that works a little and waits long for another Worker, which itself only waits, is charged for the
    work, not for the wait."""
    caller, callee = (launch.application("cpu", env=env).workers[0] for env in ("caller", "callee"))
    instance = launch(Application(workers=(caller, callee)), instruments=(Ledger,))
    ledger = instance.instrument(Ledger)
    mark = ledger.mark()
    _judge_wait(instance, judge, "cpu", lambda work: ask(instance, "cpu", f"{work}&call={WAIT_MS}"))
    called = ledger.since(mark, worker="cpu-callee")[0]
    judge.saw("the other Worker's record", called.as_evidence())
    judge.control(called.wall_time_ms >= 0.95 * WAIT_MS, expected="the other Worker to wait", saw=called.wall_time_ms)


@requirement("CPU-3")
def test_waiting_for_a_d1_query_is_not_cpu(launch: Launcher, judge: Judge) -> None:
    """A request that waits for a long query of its D1 database is charged for its own work, not for the query."""
    instance = launch("waiter", env="d1", instruments=(Ledger,))
    query = f"for=d1&amount={COUNT_TO}"
    answer = _judge_wait(instance, judge, "waiter", lambda work: ask(instance, "waiter", f"{work}&{query}"))
    judge.control(answer.get("waited") == COUNT_TO, expected=f"the query to count to {COUNT_TO}", saw=answer)


@requirement("CPU-3")
def test_waiting_for_a_kv_write_is_not_cpu(launch: Launcher, judge: Judge) -> None:
    """A request that waits for a value to be written to its KV namespace, as slowly as the client sends it, is charged
    for its own work, not for the wait."""
    instance = launch("waiter", env="kv", instruments=(Ledger,))
    answer = _judge_wait(instance, judge, "waiter", lambda work: _trickle(instance, "waiter", f"{work}&for=kv"))
    judge.control(answer.get("waited") == len(BODY), expected="the value to be read back whole", saw=answer)


@requirement("CPU-3")
def test_waiting_for_a_durable_object_is_not_cpu(launch: Launcher, judge: Judge) -> None:
    """A request that waits for a Durable Object, which itself only waits, is charged for its own work, not for the
    wait."""
    instance = launch("waiter", env="object", instruments=(Ledger,))
    query = f"for=object&amount={WAIT_MS}"
    answer = _judge_wait(instance, judge, "waiter", lambda work: ask(instance, "waiter", f"{work}&{query}"))
    judge.control(answer.get("waited") is True, expected="the object to have waited", saw=answer)


@requirement("CPU-9")
@pytest.mark.parametrize("plan", list(Plan))
def test_waiting_is_never_stopped(launch: Launcher, judge: Judge, plan: Plan) -> None:
    """A request that only waits is served however long it waits: here 2 s, far past the free plan's 10 ms of CPU."""
    _judge_patience(launch("cpu", plan=plan), judge, wait_ms=2000)


@requirement("CPU-9")
def test_slow_stream_is_never_stopped(launch: Launcher, judge: Judge) -> None:
    """A response that comes in pieces with waits between them comes whole however long it takes: here 2 s."""
    pieces, wait_ms = 10, 200
    instance = launch("cpu")
    started_ns = time.monotonic_ns()
    answer = instance.fetch("cpu", Request(path=f"/stream?pieces={pieces}&wait={wait_ms}"))
    took_ms = (time.monotonic_ns() - started_ns) / 1e6
    judge.measured_value("streamed for", took_ms, "ms")
    expected = "".join(f"{piece}\n" for piece in range(1, pieces + 1))
    judge.promise(
        answer.status == 200 and answer.text == expected,
        expected=f"all {pieces} pieces",
        saw=f"status {answer.status}: {answer.text}",
    )
    judge.control(took_ms >= 0.95 * pieces * wait_ms, expected="a wait before each piece", saw=f"{took_ms:.0f} ms")


@requirement("CPU-9", profile="full")
def test_waiting_for_minutes_is_never_stopped(launch: Launcher, judge: Judge) -> None:
    """A request that only waits is served however long it waits: here 120 s."""
    _judge_patience(launch("cpu", plan=Plan.FREE), judge, wait_ms=120_000)


def _trickle(instance: Instance, worker: str, path: str) -> Answer:
    """Send a body slowly; the JSON of the answer, or what came instead."""
    status, body = post_slowly(instance.url(worker), path, BODY, pause_ms=WAIT_MS)
    return msgspec.json.decode(body, type=dict) if status == 200 else {"status": status, "body": body.decode()}


def _judge_wait(instance: Instance, judge: Judge, worker: str, wait: Callable[[str], Answer]) -> Answer:
    """The same work with and without the wait; the wait may not show in the CPU time. Returns the waiting answer.

    `wait` is given the path that asks for the work, and adds to it what is to be waited for.
    """
    ledger, pids = instance.instrument(Ledger), instance.instrument(Processes).pids()
    route = "/mixed" if worker == "cpu" else "/"
    work = f"{route}?rounds={WORK_ROUNDS}"
    for _ in range(3):  # compiled by the last
        alone, alone_outside_ms = _account(ledger, pids, worker, lambda: ask(instance, worker, work))
    answers: list[Answer] = []
    waits: list[tuple[Invocation, float]] = []
    for _ in range(ATTEMPTS):
        waits.append(_account(ledger, pids, worker, lambda: answers.append(wait(work))))
        if waits[-1][0].cpu_time_ms < waits[-1][0].wall_time_ms * CPU_SHARE:
            break
    # An account may contain the time without a core. The shortest of them has the least of it.
    shortest = min(range(len(waits)), key=lambda number: waits[number][0].wall_time_ms)
    waiting, outside_ms = waits[shortest]
    judge.saw("the work alone", alone.as_evidence())
    judge.saw("the same work and a wait", waiting.as_evidence())
    judge.saw("its answer", answers[shortest])
    judge.measured_value("CPU recorded for the work alone", alone.cpu_time_ms, "ms")
    judge.measured_value("CPU recorded with the wait", waiting.cpu_time_ms, "ms")
    judge.measured_value("wall time recorded with the wait", waiting.wall_time_ms, "ms")
    judge.measured_value("CPU the kernel saw with the wait", outside_ms, "ms")
    judge.control(
        alone.cpu_time_ms > 0.3 * alone_outside_ms,
        expected="work without waiting to be recorded as CPU time",
        saw=f"{alone.cpu_time_ms:.1f} ms, {alone_outside_ms:.1f} ms by the kernel's count",
    )
    long_ms = max(0.3 * WAIT_MS, 4 * alone_outside_ms)
    judge.control(
        waiting.wall_time_ms >= long_ms,
        expected=f"the wait to be recorded as wall time, {long_ms:.0f} ms or more",
        saw=f"{waiting.wall_time_ms:.1f} ms",
    )
    judge.promise(
        waiting.cpu_time_ms < waiting.wall_time_ms * CPU_SHARE,
        expected="the wait to add no CPU time",
        saw=f"{waiting.cpu_time_ms:.1f} ms of CPU with the wait, {alone.cpu_time_ms:.1f} ms without",
    )
    return answers[shortest]


def _account(
    ledger: Ledger, pids: tuple[int, ...], worker: str, send: Callable[[], object]
) -> tuple[Invocation, float]:
    """The record of the one request that `send` sends, and the CPU the runtime's processes used meanwhile, in ms."""
    mark, meter = ledger.mark(), Meter(pids)
    send()
    return ledger.since(mark, worker=worker)[0], meter.usage().cpu_ns / 1e6


def _judge_patience(instance: Instance, judge: Judge, *, wait_ms: int) -> None:
    for _ in range(PATIENCE_ATTEMPTS):
        started_ns = time.monotonic_ns()
        answer = instance.fetch("cpu", Request(path=f"/mixed?wait={wait_ms}"), deadline_s=wait_ms / 1000 + 30)
        waited_ms = (time.monotonic_ns() - started_ns) / 1e6
        if answer.status == 200:
            break
    judge.measured_value("waited", waited_ms, "ms")
    judge.promise(
        answer.status == 200, expected=f"an answer after {wait_ms} ms", saw=f"status {answer.status}: {answer.text}"
    )
    judge.control(waited_ms >= 0.95 * wait_ms, expected=f"a wait of {wait_ms} ms", saw=f"{waited_ms:.0f} ms")
