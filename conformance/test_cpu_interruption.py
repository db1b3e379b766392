"""CPU: work past its limit is interrupted wherever it is, and only its own isolate pays for it."""

from __future__ import annotations

import pytest

from conformance.asking import ask
from conformance.burning import (
    BOMBS,
    LIGHT_ROUNDS,
    SPIN_ROUNDS,
    bomb_path,
    burn_path,
    control_light_work,
    ending,
)
from conformance.fate import judge_isolate_lives_on, watch
from conformance.mark import requirement
from harness.judging import Judge, Launcher
from harness.runtime import Instance, Invocation, Ledger, Outcome, Plan, Request, Response


@requirement("CPU-10")
def test_busy_loop_is_interrupted(launch: Launcher, judge: Judge) -> None:
    """A loop without an await is stopped once it is past its limit, and only its own isolate pays for it."""
    instance = launch("cpu", "neighbour", plan=Plan.FREE)
    control_light_work(instance, judge)
    _judge_interruption(instance, judge, burn_path(SPIN_ROUNDS))


@requirement("CPU-10")
@pytest.mark.parametrize("kind", BOMBS)
def test_bomb_takes_no_neighbour_with_it(launch: Launcher, judge: Judge, kind: str) -> None:
    """A loop after an await, endless microtasks, a loop that catches every exception and a regular expression that
    backtracks are stopped, and only their own isolate pays for it."""
    instance = launch("cpu", "neighbour", plan=Plan.FREE)
    control_light_work(instance, judge, bomb_path(kind, LIGHT_ROUNDS))
    _judge_interruption(instance, judge, bomb_path(kind, SPIN_ROUNDS))


@requirement("CPU-10")
def test_spin_behind_the_response_is_interrupted(launch: Launcher, judge: Judge) -> None:
    """A loop that begins in waitUntil, when the response is out, is stopped too: its record says exceededCpu, and the
    neighbour's isolate lives on."""
    instance = launch("cpu", "neighbour", plan=Plan.FREE, instruments=(Ledger,))
    control_light_work(instance, judge)  # which also makes the isolate warm
    for _ in range(3):
        answer, light = _behind_the_response(instance, LIGHT_ROUNDS)
        if light.outcome is Outcome.OK:
            break
    judge.control(light.outcome is Outcome.OK, expected="hardly any work there to be recorded as ok", saw=light.outcome)
    before = ask(instance, "neighbour", "/")["nonce"]
    answer, record = _behind_the_response(instance, SPIN_ROUNDS)
    judge.saw("the record of the request", record.as_evidence())
    judge.control(answer.status == 200, expected="the response before the loop", saw=f"status {answer.status}")
    judge.promise(
        record.outcome is Outcome.EXCEEDED_CPU,
        expected=f"outcome {Outcome.EXCEEDED_CPU.value}",
        saw=f"outcome {record.outcome.value} after {record.cpu_time_ms:.0f} ms of CPU",
    )
    judge_isolate_lives_on(judge, instance, "neighbour", before)


def _behind_the_response(instance: Instance, rounds: int) -> tuple[Response, Invocation]:
    """A request that answers first and works then; the answer and the record."""
    ledger = instance.instrument(Ledger)
    mark = ledger.mark()
    answer = instance.fetch("cpu", Request(path=f"/after?rounds={rounds}"))
    return answer, ledger.since(mark, worker="cpu")[0]


def _judge_interruption(instance: Instance, judge: Judge, path: str) -> None:
    """Send what must be interrupted, watch the neighbour meanwhile, and see whether its isolate is still there."""
    before = ask(instance, "neighbour", "/")["nonce"]
    served: list[bool] = []

    def misbehave() -> str:
        ended = ending(instance, path)
        served.append(ended.served)
        return ended.described()

    neighbour = watch(instance, "neighbour", misbehave)
    judge.saw("the neighbour", neighbour.described())
    judge.measured_value("neighbour's longest wait", neighbour.worst_ms, "ms")
    judge.measured_value("neighbour's slowest answer alone", neighbour.alone_ms, "ms")
    judge.promise(
        served == [False],
        expected="the work to be interrupted",
        saw=f"it ran to its end; {neighbour.described()}" if served else neighbour.other_ended,
    )
    judge.promise(
        not neighbour.failures,
        expected="every request to the neighbour to be answered",
        saw="; ".join(neighbour.failures),
    )
    judge_isolate_lives_on(judge, instance, "neighbour", before)
