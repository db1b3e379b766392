"""CPU: how long one invocation may compute, by plan and by configuration, and that it is stopped beyond."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from conformance.burning import (
    BOMBS,
    FREE_LIMIT_MS,
    LIGHT_ROUNDS,
    OVERRUN_ROUNDS,
    SPIN_ROUNDS,
    Ending,
    account,
    bomb_path,
    burn_path,
    control_light_work,
    ending,
    evidence,
    rounds_per_ms,
)
from conformance.mark import requirement
from harness.errors import DeployRefused
from harness.judging import Judge, Launcher
from harness.runtime import Instance, Invocation, Ledger, Outcome, Plan

LOWERED_MS = 50
PAID_DEFAULT_MS = 30_000
LONG_DEADLINE_S = 240.0
CALIBRATIONS = 3


@requirement("CPU-6")
def test_free_plan_stops_past_its_limit(launch: Launcher, judge: Judge) -> None:
    """On the free plan a request that computes far longer than 10 ms is stopped, each time."""
    instance = launch("cpu", plan=Plan.FREE)
    control_light_work(instance, judge)
    endings: list[Ending] = []
    while len(endings) < 3 and not any(each.served for each in endings):
        endings.append(ending(instance, burn_path(SPIN_ROUNDS)))
    judge.saw("requests far past the limit", [each.described() for each in endings])
    served = [each.described() for each in endings if each.served]
    judge.promise(not served, expected=f"a stop past {FREE_LIMIT_MS} ms of CPU", saw="; ".join(served))


@requirement("CPU-6")
def test_free_plan_records_exceeded_cpu(launch: Launcher, judge: Judge) -> None:
    """A request stopped for its CPU time on the free plan is recorded with the outcome exceededCpu."""
    instance = launch("cpu", plan=Plan.FREE, instruments=(Ledger,))
    control_light_work(instance, judge)
    stopped, record = account(instance, burn_path(SPIN_ROUNDS))
    judge.saw("the request", stopped.text)
    judge.saw("its record", record.as_evidence())
    judge.promise(
        record.outcome is Outcome.EXCEEDED_CPU,
        expected=f"outcome {Outcome.EXCEEDED_CPU.value}",
        saw=f"outcome {record.outcome.value} after {record.cpu_time_ms:.0f} ms of CPU",
    )


@requirement("CPU-6")
def test_free_plan_limit_is_where_it_is_promised(launch: Launcher, judge: Judge) -> None:
    """On the free plan work for 2 and for 5 ms is served, work for 50 ms is stopped, and not before 10 ms of CPU."""
    instance = launch("cpu", plan=Plan.FREE, instruments=(Ledger,))
    _judge_bracket(launch, judge, instance, FREE_LIMIT_MS, served_ms=(2, 5), stopped_ms=50, may_escape=1)


@requirement("CPU-6")
@pytest.mark.parametrize("kind", BOMBS)
def test_free_plan_stops_what_is_hard_to_stop(launch: Launcher, judge: Judge, kind: str) -> None:
    """The limit holds for a loop after an await, for microtasks that never end, for a loop that catches every exception
    and for a regular expression that backtracks."""
    instance = launch("cpu", plan=Plan.FREE)
    control_light_work(instance, judge, bomb_path(kind, LIGHT_ROUNDS))
    bomb = ending(instance, bomb_path(kind, SPIN_ROUNDS))
    judge.saw("the bomb", bomb.described())
    judge.promise(not bomb.served, expected=f"a stop past {FREE_LIMIT_MS} ms of CPU", saw=bomb.described())


@requirement("CPU-7")
def test_paid_default_is_beyond_the_free_limit(launch: Launcher, judge: Judge) -> None:
    """On the paid plan a Worker without `limits` may compute for 1 s, a hundred times as long as on the free plan."""
    instance = launch("cpu")
    control_light_work(instance, judge)
    sample = ending(instance, burn_path(OVERRUN_ROUNDS))
    judge.control(sample.served, expected="some work to be served on the paid plan", saw=sample.text)
    rounds = OVERRUN_ROUNDS * 1250 / (sample.usage.cpu_ns / 1e6)
    for _ in range(3):  # more each time, where the machine is faster by now
        spin = ending(instance, burn_path(rounds))
        cpu_ms = spin.usage.cpu_ns / 1e6
        if not spin.served or cpu_ms > 950:
            break
        rounds *= 1.5
    judge.measured_value("CPU by the kernel's count", cpu_ms, "ms")
    judge.promise(spin.served, expected="work for 1 s to be served", saw=spin.described())
    judge.control(cpu_ms > 950, expected="work that takes 1 s of CPU", saw=f"{cpu_ms:.0f} ms of CPU")


@requirement("CPU-7", profile="full")
def test_paid_default_serves_twenty_seconds(launch: Launcher, judge: Judge) -> None:
    """On the paid plan a Worker without `limits` may compute for 20 s of CPU time."""
    rate = rounds_per_ms(launch, judge)
    instance = launch("cpu", instruments=(Ledger,))
    _judge_long_work(instance, judge, 20_000 * rate, at_least_ms=15_000)


@requirement("CPU-7", profile="full")
def test_paid_default_stops_past_thirty_seconds(launch: Launcher, judge: Judge) -> None:
    """On the paid plan a Worker without `limits` is stopped at 30 s of CPU time, outcome exceededCpu."""
    rate = rounds_per_ms(launch, judge)
    instance = launch("cpu", instruments=(Ledger,))
    control_light_work(instance, judge)
    stopped, record = account(instance, burn_path(45_000 * rate), deadline_s=LONG_DEADLINE_S)
    judge.saw("work for 45 s", evidence([(stopped, record)]))
    served_ms, stopped_ms = (record.cpu_time_ms, None) if stopped.served else (None, record.cpu_time_ms)
    judge.bracketed("CPU on the paid plan", served_ms, stopped_ms, "ms")
    judge.promise(
        not stopped.served and record.outcome is Outcome.EXCEEDED_CPU,
        expected=f"a stop past {PAID_DEFAULT_MS:,} ms of CPU, outcome {Outcome.EXCEEDED_CPU.value}",
        saw=f"{stopped.described()}, outcome {record.outcome.value}",
    )
    judge.promise(
        29_000 <= record.cpu_time_ms <= 33_000,
        expected="the stop between 29 and 33 s of recorded CPU time",
        saw=f"{record.cpu_time_ms:,.0f} ms",
    )


@requirement("CPU-8")
def test_configured_limit_lowers(launch: Launcher, judge: Judge) -> None:
    """`limits.cpu_ms` = 50 on the paid plan: work for 10 ms is served, work for 300 ms is stopped, not before 50 ms."""
    instance = launch("cpu", env="lowered", instruments=(Ledger,))
    _judge_bracket(launch, judge, instance, LOWERED_MS, served_ms=(10,), stopped_ms=300)


@requirement("CPU-8", profile="full")
def test_configured_limit_raises(launch: Launcher, judge: Judge) -> None:
    """`limits.cpu_ms` = 40,000 on the paid plan: work for 35 s, past the default of 30 s, is served."""
    rate = rounds_per_ms(launch, judge)
    instance = launch("cpu", env="raised", instruments=(Ledger,))
    _judge_long_work(instance, judge, 35_000 * rate, at_least_ms=PAID_DEFAULT_MS)


@requirement("CPU-8")
def test_highest_limit_is_accepted(launch: Launcher, judge: Judge) -> None:
    """A Worker that asks for 5 minutes of CPU time on the paid plan is deployed and serves."""
    served = ending(launch("cpu", env="highest"), burn_path(OVERRUN_ROUNDS))
    judge.promise(served.served, expected="work under limits.cpu_ms = 300,000 to be served", saw=served.described())


@requirement("CPU-8")
def test_excessive_limit_is_refused(launch: Launcher, judge: Judge) -> None:
    """A Worker that asks for more than 5 minutes of CPU time is refused when it is deployed; one that asks for just 5
    minutes is not."""
    control_light_work(launch("cpu", env="highest"), judge)
    try:
        instance = launch("cpu", env="excessive")
    except DeployRefused as refusal:
        judge.saw("the deploy", f"refused: {refusal.happened}")
        return
    judge.saw("the deploy", f"accepted and serving: {instance.alive()}")
    judge.promise(False, expected="limits.cpu_ms = 300,001 to be refused", saw="it was accepted")


def _judge_bracket(
    launch: Launcher,
    judge: Judge,
    instance: Instance,
    limit_ms: int,
    *,
    served_ms: tuple[int, ...],
    stopped_ms: int,
    may_escape: int = 0,
) -> None:
    """Requests with work below and beyond the limit; where it bites is read off their records.

    Of three requests below the limit one may be stopped, where the machine makes the same work take longer than the
    calibration found, if it is recorded with the whole limit; where more are, the machine may have become slower, and
    all is done again. `may_escape`: how many of three beyond it may be served, where the work is so short that on a
    busy machine what is to stop it may wait longer for a core. Where the kernel saw that work below the limit took as
    much as the limit, or that a thread had no core while work beyond it went on, nothing is shown.
    """
    stopped_ever = False
    for calibration in range(CALIBRATIONS):
        rate = rounds_per_ms(launch, judge)
        for _ in range(6):
            ending(instance, burn_path(rate / 4))  # compiled by now, in this isolate too
        below = {ms: [account(instance, burn_path(ms * rate)) for _ in range(3)] for ms in served_ms}
        beyond = [account(instance, burn_path(stopped_ms * rate)) for _ in range(3)]
        stopped_ever = stopped_ever or _served(beyond) < len(beyond)
        as_promised = _served(beyond) <= may_escape and all(_served(accounts) >= 2 for accounts in below.values())
        if as_promised or (calibration > 0 and not stopped_ever):
            break
    for ms, accounts in {**below, stopped_ms: beyond}.items():
        judge.saw(f"requests with work for {ms} ms", evidence(accounts))
    everything = [each for accounts in (*below.values(), beyond) for each in accounts]
    served = [record.cpu_time_ms for accounts in below.values() for ended, record in accounts if ended.served]
    stopped = [record.cpu_time_ms for ended, record in everything if not ended.served]
    judge.bracketed("CPU limit", max(served, default=None), min(stopped, default=None), "ms")
    for ms, accounts in below.items():
        slower = sum(not ended.served and ended.usage.busiest_ns >= 0.9e6 * limit_ms for ended, _ in accounts)
        judge.control(
            _served(accounts) >= 2 or _served(accounts) + slower < 2,
            expected=f"a machine on which work for {ms} ms does not take {limit_ms} ms",
            saw="; ".join(evidence(accounts)),
        )
        judge.promise(
            _served(accounts) >= 2,
            expected=f"work for {ms} ms to be served under a limit of {limit_ms} ms",
            saw="; ".join(evidence(accounts)),
        )
    late_ms = max((ended.usage.most_held_back_ns / 1e6 for ended, _ in beyond if ended.served), default=0.0)
    judge.control(
        _served(beyond) <= may_escape or not stopped_ever or late_ms < (stopped_ms - limit_ms) / 2,
        expected="a machine on which what is to stop the work has a core in time",
        saw=f"a thread had none for {late_ms:.0f} ms",
    )
    judge.promise(
        _served(beyond) <= may_escape,
        expected=f"work for {stopped_ms} ms to be stopped under a limit of {limit_ms} ms",
        saw="; ".join(evidence(beyond)),
    )
    outcomes = {record.outcome for ended, record in everything if not ended.served}
    judge.promise(
        outcomes == {Outcome.EXCEEDED_CPU} and min(stopped) >= 0.9 * limit_ms,
        expected=f"each stop recorded as {Outcome.EXCEEDED_CPU.value} with {limit_ms} ms of CPU or more",
        saw="; ".join(evidence([each for each in everything if not each[0].served])),
    )


def _served(accounts: Sequence[tuple[Ending, Invocation]]) -> int:
    return sum(ended.served for ended, _ in accounts)


def _judge_long_work(instance: Instance, judge: Judge, rounds: float, *, at_least_ms: int) -> None:
    """So much work is served; that it took so long is the control."""
    worked = account(instance, burn_path(rounds), deadline_s=LONG_DEADLINE_S)
    ended, record = worked
    judge.saw("the work", evidence([worked]))
    judge.promise(ended.served, expected="the work to be served", saw=ended.described())
    judge.measured_value("CPU recorded", record.cpu_time_ms, "ms")
    judge.control(
        record.cpu_time_ms > at_least_ms,
        expected=f"work for more than {at_least_ms:,} ms of CPU",
        saw=f"{record.cpu_time_ms:,.0f} ms",
    )
