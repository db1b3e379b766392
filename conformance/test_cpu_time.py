"""CPU: computing is accounted and limited, waiting is neither."""

from __future__ import annotations

import time
from urllib.parse import quote

import pytest

from conformance.fate import watch
from conformance.kernel import cpu_ns
from conformance.mark import requirement
from conformance.origin import Origin
from harness.errors import Unanswered
from harness.judging import Judge, Launcher
from harness.runtime import Instance, Invocation, Ledger, Outbound, Outcome, Plan, Processes, Request

WAIT_MS = 1000
WORK_ROUNDS = 10_000_000  # some 20 ms of integer work
OVERRUN_ROUNDS = 200_000_000  # some 300 ms: thirty times the free plan's limit, which has slack in production
SPIN_ROUNDS = 1_000_000_000  # some 1.5 s
LIGHT_ROUNDS = 1000  # some microseconds
FREE_LIMIT_MS = 10


@requirement("CPU-1")
def test_both_times_are_recorded(launch: Launcher, judge: Judge) -> None:
    """Every invocation has a record with CPU time and wall time, and the two differ where there was waiting."""
    requests = 5
    instance = launch("cpu", instruments=(Ledger,))
    ledger = instance.instrument(Ledger)
    mark = ledger.mark()
    for _ in range(requests):
        instance.fetch("cpu", Request(path=f"/mixed?rounds={WORK_ROUNDS}&wait={WAIT_MS // requests}"))
    records = ledger.since(mark, worker="cpu", at_least=requests)
    judge.saw("records", [record.as_evidence() for record in records])
    judge.promise(
        len(records) == requests, expected=f"{requests} records for {requests} requests", saw=f"{len(records)}"
    )
    apart = [record for record in records if 0 < record.cpu_time_ms < record.wall_time_ms / 1.5]
    judge.promise(
        len(apart) == requests,
        expected="CPU time above 0 and well below wall time in each record",
        saw=[(round(record.cpu_time_ms, 1), round(record.wall_time_ms, 1)) for record in records],
    )


@requirement("CPU-2")
def test_waiting_for_a_timer_is_not_cpu(launch: Launcher, judge: Judge) -> None:
    """A request that works a little and waits long for a timer is charged for the work, not for the wait."""
    _judge_wait(launch("cpu", instruments=(Ledger,)), judge, f"wait={WAIT_MS}")


@requirement("CPU-2")
def test_waiting_for_a_subrequest_is_not_cpu(
    launch: Launcher, judge: Judge, origin: Origin, internet: Outbound
) -> None:
    """A request that works a little and waits long for a subrequest is charged for the work, not for the wait."""
    instance = launch("cpu", instruments=(Ledger,), outbound=internet)
    _judge_wait(instance, judge, f"fetch={quote(origin.url(f'/wait?ms={WAIT_MS}'))}")
    judge.control(f"/wait?ms={WAIT_MS}" in origin.targets(), expected="the subrequest to arrive", saw=origin.targets())


@requirement("CPU-6")
def test_free_plan_stops_past_its_limit(launch: Launcher, judge: Judge) -> None:
    """On the free plan a request that computes far longer than 10 ms is stopped, each time."""
    instance = launch("cpu", plan=Plan.FREE)
    _control_light_work(instance, judge)
    endings = [_ending(instance, OVERRUN_ROUNDS) for _ in range(3)]
    judge.saw("three requests far past the limit", endings)
    served = [ending for ending in endings if ending.startswith("served")]
    judge.promise(not served, expected=f"a stop past {FREE_LIMIT_MS} ms of CPU", saw="; ".join(served))


@requirement("CPU-6")
def test_free_plan_records_exceeded_cpu(launch: Launcher, judge: Judge) -> None:
    """A request stopped for its CPU time on the free plan is recorded with the outcome exceededCpu."""
    instance = launch("cpu", plan=Plan.FREE, instruments=(Ledger,))
    ledger = instance.instrument(Ledger)
    _control_light_work(instance, judge)
    mark = ledger.mark()
    ending = _ending(instance, OVERRUN_ROUNDS)
    record = ledger.since(mark, worker="cpu")[0]
    judge.saw("the request", ending)
    judge.saw("its record", record.as_evidence())
    judge.promise(
        record.outcome is Outcome.EXCEEDED_CPU,
        expected=f"outcome {Outcome.EXCEEDED_CPU.value}",
        saw=f"outcome {record.outcome.value} after {record.cpu_time_ms:.0f} ms of CPU",
    )


@requirement("CPU-9")
@pytest.mark.parametrize("plan", list(Plan))
def test_waiting_is_never_stopped(launch: Launcher, judge: Judge, plan: Plan) -> None:
    """A request that only waits is served however long it waits: here 2 s, far past the free plan's 10 ms of CPU."""
    _judge_patience(launch("cpu", plan=plan), judge, wait_ms=2000)


@requirement("CPU-9", profile="full")
def test_waiting_for_minutes_is_never_stopped(launch: Launcher, judge: Judge) -> None:
    """A request that only waits is served however long it waits: here 120 s."""
    _judge_patience(launch("cpu", plan=Plan.FREE), judge, wait_ms=120_000)


@requirement("CPU-10")
def test_busy_loop_is_interrupted(launch: Launcher, judge: Judge) -> None:
    """A loop without an await is stopped once it is past its limit, and only its own isolate pays for it."""
    instance = launch("cpu", "neighbour", plan=Plan.FREE)
    _control_light_work(instance, judge)
    before = instance.fetch("neighbour", Request()).json()["nonce"]
    neighbour = watch(instance, "neighbour", lambda: _ending(instance, SPIN_ROUNDS))
    judge.saw("the neighbour", neighbour.described())
    judge.measured_value("neighbour's longest wait", neighbour.worst_ms, "ms")
    judge.measured_value("neighbour's slowest answer alone", neighbour.alone_ms, "ms")
    judge.promise(
        not neighbour.other_ended.startswith("served"),
        expected="the loop to be interrupted",
        saw=f"the loop ran to its end; {neighbour.described()}",
    )
    after = instance.fetch("neighbour", Request()).json()["nonce"]
    judge.promise(before == after, expected="the neighbour's isolate to live on", saw=f"{before} before, {after} after")


def _judge_wait(instance: Instance, judge: Judge, wait: str) -> None:
    """The same work with and without the wait; the wait may not show in the CPU time."""
    ledger, pids = instance.instrument(Ledger), instance.instrument(Processes).pids()
    instance.fetch("cpu", Request(path=f"/mixed?rounds={WORK_ROUNDS}"))  # compiled by now
    alone, _ = _account(instance, ledger, pids, f"/mixed?rounds={WORK_ROUNDS}")
    waiting, outside_ms = _account(instance, ledger, pids, f"/mixed?rounds={WORK_ROUNDS}&{wait}")
    judge.saw("the work alone", alone.as_evidence())
    judge.saw(f"the same work and {WAIT_MS} ms of waiting", waiting.as_evidence())
    judge.measured_value("CPU recorded for the work alone", alone.cpu_time_ms, "ms")
    judge.measured_value("CPU recorded with the wait", waiting.cpu_time_ms, "ms")
    judge.measured_value("CPU the kernel saw with the wait", outside_ms, "ms")
    judge.control(
        alone.cpu_time_ms > alone.wall_time_ms / 2,
        expected="work without waiting to be recorded as CPU time",
        saw=f"{alone.cpu_time_ms:.1f} ms of CPU in {alone.wall_time_ms:.1f} ms",
    )
    judge.control(
        waiting.wall_time_ms >= 0.95 * WAIT_MS,
        expected=f"{WAIT_MS} ms of waiting to be recorded as wall time",
        saw=f"{waiting.wall_time_ms:.1f} ms",
    )
    judge.promise(
        waiting.cpu_time_ms < waiting.wall_time_ms / 4,
        expected="the wait to add no CPU time",
        saw=f"{waiting.cpu_time_ms:.1f} ms of CPU with the wait, {alone.cpu_time_ms:.1f} ms without",
    )


def _account(instance: Instance, ledger: Ledger, pids: tuple[int, ...], path: str) -> tuple[Invocation, float]:
    """One request's record, and the CPU the runtime's processes used meanwhile, in ms."""
    mark, before = ledger.mark(), cpu_ns(pids)
    instance.fetch("cpu", Request(path=path))
    return ledger.since(mark, worker="cpu")[0], (cpu_ns(pids) - before) / 1e6


def _judge_patience(instance: Instance, judge: Judge, *, wait_ms: int) -> None:
    started_ns = time.monotonic_ns()
    answer = instance.fetch("cpu", Request(path=f"/mixed?wait={wait_ms}"), deadline_s=wait_ms / 1000 + 30)
    waited_ms = (time.monotonic_ns() - started_ns) / 1e6
    judge.measured_value("waited", waited_ms, "ms")
    judge.promise(
        answer.status == 200, expected=f"an answer after {wait_ms} ms", saw=f"status {answer.status}: {answer.text}"
    )
    judge.control(waited_ms >= 0.95 * wait_ms, expected=f"a wait of {wait_ms} ms", saw=f"{waited_ms:.0f} ms")


def _control_light_work(instance: Instance, judge: Judge) -> None:
    """The same route with hardly any work is served: what stops the heavy request is its work."""
    ending = _ending(instance, LIGHT_ROUNDS)
    judge.control(ending.startswith("served"), expected="hardly any work to be served on this plan", saw=ending)


def _ending(instance: Instance, rounds: int) -> str:
    """How a request with so much work ended: "served ..." only when the work was done to its end."""
    pids = instance.instrument(Processes).pids()
    before = cpu_ns(pids)
    try:
        answer = instance.fetch("cpu", Request(path=f"/mixed?rounds={rounds}"))
    except Unanswered as error:
        if not instance.alive():
            raise
        return error.happened
    if answer.status == 200 and b'"done":true' in answer.body:
        return f"served to the end, {(cpu_ns(pids) - before) / 1e6:,.0f} ms of CPU by the kernel's count"
    return f"status {answer.status}: {answer.text[:100]}"
