"""CPU: what an invocation computed stands in its record, no more, no less and not a neighbour's."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from conformance.asking import ask
from conformance.burning import WORK_ROUNDS, Ending, account, burn_path, evidence
from conformance.kernel import Meter, Usage
from conformance.mark import requirement
from harness.judging import Judge, Launcher
from harness.runtime import Instance, Invocation, Ledger, Processes

BURNS = 3
BURNS_OF = {
    "one turn": f"/mixed?rounds={6 * WORK_ROUNDS}",
    "many turns": f"/sliced?slices=12&rounds={WORK_ROUNDS // 2}",
}
"""Burns of some 120 ms, at once and in slices with waits between them."""

LOWEST, HIGHEST = 0.7, 1.1
"""What of the CPU by the kernel's count may be recorded: less, for not all of it is the Worker's; hardly more."""

IDLE_S = 0.04
ATTEMPTS = 4
SHORT_ATTEMPTS = 16  # of a fraction of a second each
HELD_BACK = 0.05
"""The share of the time for which the busiest thread had no core, above which the machine is too busy: try again."""

TOO_BUSY = 0.5
"""As much of it, and an account that contains the time without a core says nothing of whose it is."""

SLICES = 20
SLICE_ROUNDS = WORK_ROUNDS / 16  # some 1.3 ms: short enough for requests of one isolate to take turns
HEAVY, LIGHT = 4, 4


@requirement("CPU-4")
@pytest.mark.parametrize("burn", sorted(BURNS_OF))
def test_burn_is_recorded(launch: Launcher, judge: Judge, burn: str) -> None:
    """What is recorded for requests that only compute is the CPU time that the kernel saw the runtime use, within a
    tenth upwards and three tenths downwards.

    The time for which the computing thread was ready and had no core is allowed on top: it is no fault of the account's
    clock if the machine was busy, and there is hardly any of it when the machine is not.
    """
    instance = launch("cpu", instruments=(Ledger,))
    account(instance, burn_path(WORK_ROUNDS))  # compiled by now
    idle_per_s = _idle_cpu_ns_per_s(instance.instrument(Processes).pids())
    attempts = []
    for _ in range(ATTEMPTS):
        attempts.append(_burn(instance, judge, BURNS_OF[burn], idle_per_s))
        if attempts[-1][2] < HELD_BACK * attempts[-1][1]:
            break
    recorded_ms, outside_ms, held_back_ms = min(attempts, key=lambda attempt: attempt[2])
    judge.measured_value("CPU time recorded", recorded_ms, "ms")
    judge.measured_value("CPU time by the kernel's count", outside_ms, "ms")
    judge.measured_value("held back by a busy machine", held_back_ms, "ms")
    judge.measured_value("accounting error", 100 * (recorded_ms / outside_ms - 1), "%")
    judge.control(
        outside_ms > 50 * BURNS, expected="burns that take long enough to be measured", saw=f"{outside_ms:.0f} ms"
    )
    judge.promise(
        LOWEST * outside_ms <= recorded_ms <= HIGHEST * outside_ms + held_back_ms,
        expected=f"between {LOWEST * outside_ms:.0f} and {HIGHEST * outside_ms + held_back_ms:.0f} ms recorded",
        saw=f"{recorded_ms:.0f} ms",
    )


@requirement("CPU-4")
def test_account_is_linear(launch: Launcher, judge: Judge) -> None:
    """Four times the work is recorded as about four times the CPU time.

    Once and four times the work by turns, until each has been done with hardly any time without a core; of each the
    one counts that the machine disturbed least. A record may contain the time without a core or not, as in the test
    above; where that is much of it, nothing can be said.
    """
    instance = launch("cpu", instruments=(Ledger,))
    account(instance, burn_path(WORK_ROUNDS))  # compiled by now
    accounts: dict[int, list[tuple[Ending, Invocation]]] = {1: [], 4: []}
    for _ in range(SHORT_ATTEMPTS):
        for times, those in accounts.items():
            those.append(account(instance, burn_path(times * WORK_ROUNDS)))
        if len(accounts[1]) >= BURNS and all(_quietest(those)[0].usage.busy < HELD_BACK for those in accounts.values()):
            break
    for times, those in accounts.items():
        judge.saw(f"{times} times the work", evidence(those))
        judge.control(all(ended.served for ended, _ in those), expected="the work to be served", saw=those[0][0].text)
    once, fourfold = (_quietest(those) for those in accounts.values())
    busy = max(ended.usage.busy for ended, _ in (once, fourfold))
    once_ms, fourfold_ms = (record.cpu_time_ms for _, record in (once, fourfold))
    judge.promise(once_ms > 0, expected="CPU time above 0 for the work", saw=once_ms)
    judge.measured_value("CPU time of four times the work", fourfold_ms / once_ms, "times as much")
    judge.measured_value("held back by a busy machine", 100 * busy, "% of the time")
    linear = fourfold_ms >= 3 * _least_ms(once) and _least_ms(fourfold) <= 5 * once_ms
    judge.control(
        linear or busy < TOO_BUSY,
        expected=f"a machine on which the computing thread has a core for {1 - TOO_BUSY:.0%} of the time",
        saw=f"it had none for {busy:.0%} of it",
    )
    judge.promise(
        linear,
        expected="3 to 5 times the CPU time for 4 times the work",
        saw=f"{fourfold_ms / once_ms:.2f} times",
    )


@requirement("CPU-5")
def test_concurrent_requests_are_charged_their_own(launch: Launcher, judge: Judge) -> None:
    """Requests that take turns in one isolate are each charged what they compute: heavy ones, which all do the same, an
    equal share of what the kernel saw their thread compute, light ones next to nothing, and all together no more than
    the kernel saw the runtime use.

    An account may contain the time without a core. On a quiet machine there is none, and one attempt decides. On a busy
    one that much more may be in an account, of whichever request had the misfortune: then one attempt in which each was
    charged its own will do, for a runtime that charges others does so each time.
    """
    instance = launch("cpu", instruments=(Ledger,))
    heavy, light = (f"/sliced?slices={SLICES}&rounds={round(rounds)}" for rounds in (SLICE_ROUNDS, 0))
    account(instance, heavy)  # compiled by now
    attempts: list[Together] = []
    for _ in range(SHORT_ATTEMPTS):
        attempts.append(heavy_and_light(instance, (heavy, light) * HEAVY))
        last = attempts[-1]
        if last.shared and (last.usage.busy < HELD_BACK or (last.usage.busy < TOO_BUSY and _charged_their_own(last))):
            break
    judge.saw("CPU of heavy and light ones at once", [attempt.described() for attempt in attempts])
    shared = [attempt for attempt in attempts if attempt.shared]
    judge.control(
        bool(shared), expected="all requests in one isolate at the same time", saw=[attempt.met for attempt in attempts]
    )
    _judge_attribution(judge, min(shared, key=lambda each: (not _decides(each), each.usage.busy)))


@dataclass(frozen=True, kw_only=True)
class Together:
    """Requests sent at once. `cpu_ms`: recorded, in rising order; `met`: how many each saw inside its isolate; `usage`:
    what the kernel saw meanwhile."""

    cpu_ms: list[float]
    met: list[int]
    shared: bool
    usage: Usage

    def described(self) -> str:
        return (
            f"recorded {self.cpu_ms} ms; by the kernel's count {self.usage.busiest_ns / 1e6:.1f} ms on one thread and "
            f"{self.usage.cpu_ns / 1e6:.1f} ms in all, held back for {self.usage.held_back_ns / 1e6:.1f} ms"
        )


def heavy_and_light(instance: Instance, paths: Sequence[str]) -> Together:
    ledger, meter = instance.instrument(Ledger), Meter(instance.instrument(Processes).pids())
    mark = ledger.mark()
    with ThreadPoolExecutor(len(paths)) as pool:
        answers = list(pool.map(lambda path: ask(instance, "cpu", path), paths))
    records = ledger.since(mark, worker="cpu", at_least=len(paths))
    usage = meter.usage()
    met = [answer["met"] for answer in answers]
    in_one = len({answer["nonce"] for answer in answers}) == len({record.isolate for record in records}) == 1
    return Together(
        cpu_ms=sorted(round(record.cpu_time_ms, 2) for record in records),
        met=met,
        shared=in_one and min(met) > 1 and max(met) > HEAVY,
        usage=usage,
    )


def _quietest(accounts: Sequence[tuple[Ending, Invocation]]) -> tuple[Ending, Invocation]:
    """Of the same work that which had to run and wait for the least time: the machine took its core away least, be it
    for another process, which the kernel counts as waiting, or for another machine, which it may count as running."""
    return min(accounts, key=lambda each: each[0].usage.busiest_ns + each[0].usage.held_back_ns)


def _least_ms(account: tuple[Ending, Invocation]) -> float:
    """What was recorded, less the time without a core, which may be in it; all of it where that time is too long for
    the rest to say anything."""
    ended, record = account
    allowed_ms = ended.usage.held_back_ns / 1e6 if ended.usage.busy < TOO_BUSY else 0.0
    return record.cpu_time_ms - allowed_ms


def _idle_cpu_ns_per_s(pids: tuple[int, ...]) -> float:
    """What the processes use while nothing is asked of them: the least of three looks, for they may still tidy up."""
    looks = []
    for _ in range(3):
        meter = Meter(pids)
        time.sleep(IDLE_S)  # the idle time that is measured
        looks.append(meter.usage().cpu_ns / IDLE_S)
    return min(looks)


def _burn(instance: Instance, judge: Judge, path: str, idle_per_s: float) -> tuple[float, float, float]:
    """Of a few burns, in ms: CPU recorded, CPU that the processes used above their idling, and time without a core."""
    started, meter = time.monotonic(), Meter(instance.instrument(Processes).pids())
    accounts = [account(instance, path) for _ in range(BURNS)]
    usage = meter.usage()
    judge.saw("burns", evidence(accounts))
    judge.control(all(ended.served for ended, _ in accounts), expected="burns to be served", saw=accounts[0][0].text)
    recorded_ms = sum(record.cpu_time_ms for _, record in accounts)
    outside_ns = usage.cpu_ns - idle_per_s * (time.monotonic() - started)
    return recorded_ms, outside_ns / 1e6, usage.held_back_ns / 1e6


def _decides(together: Together) -> bool:
    return together.usage.busy < HELD_BACK or _charged_their_own(together)


def _charged_their_own(together: Together) -> bool:
    return all(kept for kept, _ in _charges(together).values())


def _charges(together: Together) -> dict[str, tuple[bool, object]]:
    """What is expected of the charges: whether it is so, and what was charged."""
    usage, light_ms, heavy_ms = together.usage, together.cpu_ms[:LIGHT], together.cpu_ms[LIGHT:]
    share_ms, held_back_ms = usage.busiest_ns / HEAVY / 1e6, usage.held_back_ns / 1e6
    least_ms, most_ms = 0.6 * share_ms, 1.6 * share_ms + held_back_ms
    most_light_ms = (0.25 + usage.busy / 6) * share_ms
    most_total_ms, total_ms = HIGHEST * usage.cpu_ns / 1e6 + held_back_ms, sum(together.cpu_ms)
    return {
        f"about the {share_ms:.1f} ms of an equal share, {least_ms:.1f} to {most_ms:.1f}, charged to each of {HEAVY}": (
            all(least_ms <= each_ms <= most_ms for each_ms in heavy_ms),
            [round(each_ms, 1) for each_ms in heavy_ms],
        ),
        f"next to nothing, at most {most_light_ms:.1f} ms, charged to each of {LIGHT} light requests": (
            max(light_ms) < most_light_ms,
            [round(each_ms, 1) for each_ms in light_ms],
        ),
        f"no more than {most_total_ms:.1f} ms charged to all together": (total_ms <= most_total_ms, f"{total_ms:.1f}"),
    }


def _judge_attribution(judge: Judge, together: Together) -> None:
    usage, light_ms, heavy_ms = together.usage, together.cpu_ms[:LIGHT], together.cpu_ms[LIGHT:]
    share_ms = usage.busiest_ns / HEAVY / 1e6
    judge.control(
        share_ms > 0, expected="CPU time above 0 by the kernel's count for heavy requests", saw=f"{share_ms:.1f} ms"
    )
    errors = [each_ms / share_ms - 1 for each_ms in heavy_ms]
    judge.measured_value("attribution error", 100 * max(errors, key=abs), "%")
    judge.measured_value("most charged to a light request", 100 * max(light_ms) / share_ms, "% of a heavy one")
    judge.measured_value("held back by a busy machine", 100 * usage.busy, "% of the time")
    judge.control(
        _charged_their_own(together) or usage.busy < TOO_BUSY,
        expected=f"a machine on which the computing thread has a core for {1 - TOO_BUSY:.0%} of the time",
        saw=f"it had none for {usage.busy:.0%} of it",
    )
    for expected, (kept, saw) in _charges(together).items():
        judge.promise(kept, expected=expected, saw=saw)
