"""CPU: each invocation has a record in which computing and waiting are told apart, and only computing is billed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from conformance.asking import ask
from conformance.burning import LIGHT_PATH, WORK_ROUNDS, account, burn_path
from conformance.mark import requirement
from harness.errors import NotObservable
from harness.judging import Judge, Launcher
from harness.runtime import Ledger

WAIT_MS = 100


@requirement("CPU-1")
def test_both_times_are_recorded(launch: Launcher, judge: Judge) -> None:
    """Every invocation has a record with CPU time and wall time, and the two differ where there was waiting."""
    requests = 5
    instance = launch("cpu", instruments=(Ledger,))
    ledger = instance.instrument(Ledger)
    mark = ledger.mark()
    for _ in range(requests):
        ask(instance, "cpu", f"{burn_path(WORK_ROUNDS)}&wait={WAIT_MS}")
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


@requirement("CPU-1")
def test_wall_time_is_never_less(launch: Launcher, judge: Judge) -> None:
    """Whatever mixture of computing and waiting runs at once, each invocation has one record, and its wall time is not
    less than its CPU time."""
    mixture = [LIGHT_PATH, burn_path(WORK_ROUNDS), f"{LIGHT_PATH}&wait=50", f"{burn_path(WORK_ROUNDS)}&wait=20"]
    paths = 3 * mixture
    instance = launch("cpu", instruments=(Ledger,))
    ledger = instance.instrument(Ledger)
    mark = ledger.mark()
    with ThreadPoolExecutor(len(mixture)) as pool:
        answers = list(pool.map(lambda path: ask(instance, "cpu", path), paths))
    records = ledger.since(mark, worker="cpu", at_least=len(paths))
    judge.saw("records", [record.as_evidence() for record in records])
    judge.control(
        sum(record.cpu_time_ms > 1 for record in records) >= len(paths) / 2 and len(answers) == len(paths),
        expected="half of the requests to be recorded with more than 1 ms of CPU time",
        saw=[round(record.cpu_time_ms, 1) for record in records],
    )
    less = [record.as_evidence() for record in records if record.wall_time_ms < 0.99 * record.cpu_time_ms - 0.1]
    judge.promise(
        len(records) == len(paths) and not less,
        expected=f"{len(paths)} records with a wall time that is not less than the CPU time",
        saw=f"{len(records)} records; {less}",
    )


@requirement("CPU-11")
def test_waiting_is_not_billed(launch: Launcher, judge: Judge) -> None:
    """The same work is billed the same with and without waiting, and four times the work is billed as more."""
    instance = launch("cpu", instruments=(Ledger,))
    account(instance, burn_path(WORK_ROUNDS))  # compiled by now
    paths = {
        "the work": burn_path(WORK_ROUNDS),
        "the work and a wait": f"{burn_path(WORK_ROUNDS)}&wait={WAIT_MS}",
        "four times the work": burn_path(4 * WORK_ROUNDS),
    }
    billed_ms, wall_ms = {}, {}
    for label, path in paths.items():
        records = [account(instance, path)[1] for _ in range(2)]
        judge.saw(label, [record.as_evidence() for record in records])
        bills = [record.billed_ms for record in records if record.billed_ms is not None]
        if len(bills) < len(records):
            raise NotObservable("this runtime's records do not say what is billed")
        billed_ms[label], wall_ms[label] = min(bills), min(record.wall_time_ms for record in records)
        judge.measured_value(f"billed for {label}", billed_ms[label], "ms")
    work, waited, fourfold = billed_ms.values()
    judge.control(
        wall_ms["the work and a wait"] >= 0.95 * WAIT_MS and work > 0,
        expected=f"a wall time of {WAIT_MS} ms where there was a wait, and a bill for work",
        saw=wall_ms,
    )
    judge.promise(fourfold > 2 * work, expected="more billed for four times the work", saw=billed_ms)
    judge.promise(0.6 * work <= waited <= 1.6 * work, expected="as much billed with the wait as without", saw=billed_ms)
