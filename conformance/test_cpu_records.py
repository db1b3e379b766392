"""CPU: each invocation has a record in which computing and waiting are told apart, and only computing is billed."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from conformance.asking import ask
from conformance.burning import LIGHT_PATH, WORK_ROUNDS, account, burn_path
from conformance.mark import requirement
from harness.errors import NotObservable
from harness.judging import Judge, Launcher
from harness.runtime import Invocation, Ledger

WAIT_MS = 100
LONG_WAIT_MS = 400  # so long that it would show in a bill beside work on a busy machine too
BILLINGS = 6
REQUESTS = 5
ATTEMPTS = 4


@requirement("CPU-1")
def test_both_times_are_recorded(launch: Launcher, judge: Judge) -> None:
    """Every invocation has a record with CPU time and wall time, and the two differ where there was waiting."""
    instance = launch("cpu", instruments=(Ledger,))
    ledger = instance.instrument(Ledger)
    mark, sent = ledger.mark(), 0
    shortest: list[Invocation] = []
    for _ in range(REQUESTS):
        # An account may contain the time without a core. Of a few the shortest has the least of it.
        records: list[Invocation] = []
        while len(records) < ATTEMPTS and not (records and _apart(records[-1])):
            mark_of_one = ledger.mark()
            ask(instance, "cpu", f"{burn_path(WORK_ROUNDS)}&wait={WAIT_MS}")
            records.append(ledger.since(mark_of_one, worker="cpu")[0])
        sent += len(records)
        shortest.append(min(records, key=lambda record: record.wall_time_ms))
    everything = ledger.since(mark, worker="cpu", at_least=sent)
    judge.saw("records", [record.as_evidence() for record in everything])
    judge.promise(len(everything) == sent, expected=f"{sent} records for {sent} requests", saw=f"{len(everything)}")
    judge.promise(
        all(_apart(record) for record in shortest),
        expected="CPU time above 0 and well below wall time in each record",
        saw=[(round(record.cpu_time_ms, 1), round(record.wall_time_ms, 1)) for record in shortest],
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
        "the work and a wait": f"{burn_path(WORK_ROUNDS)}&wait={LONG_WAIT_MS}",
        "four times the work": burn_path(4 * WORK_ROUNDS),
    }
    rounds: list[dict[str, Invocation]] = []
    for _ in range(BILLINGS):
        rounds.append({label: account(instance, path)[1] for label, path in paths.items()})
        if all(_billed_ms(rounds[-1])[1].values()):
            break
    judge.saw("rounds", [{label: record.as_evidence() for label, record in each.items()} for each in rounds])
    # The machine's speed may change in the midst of a round, and then what is compared was not the same work.
    billed_ms, kept = max((_billed_ms(each) for each in rounds), key=lambda bills: sum(bills[1].values()))
    for label, ms in billed_ms.items():
        judge.measured_value(f"billed for {label}", ms, "ms")
    wall_ms = [round(each["the work and a wait"].wall_time_ms, 1) for each in rounds]
    judge.control(
        min(wall_ms) >= 0.95 * LONG_WAIT_MS and billed_ms["the work"] > 0,
        expected=f"a wall time of {LONG_WAIT_MS} ms where there was a wait, and a bill for work",
        saw=wall_ms,
    )
    for expected, holds in kept.items():
        judge.promise(holds, expected=expected, saw=billed_ms)


def _billed_ms(records: Mapping[str, Invocation]) -> tuple[dict[str, float], dict[str, bool]]:
    """What is billed for the work, for the work and a wait, and for four times the work; and what holds of that."""
    billed_ms = {label: record.billed_ms for label, record in records.items() if record.billed_ms is not None}
    if len(billed_ms) < len(records):
        raise NotObservable("this runtime's records do not say what is billed")
    work, waited, fourfold = billed_ms.values()
    return billed_ms, {
        "more billed for four times the work": fourfold > 2 * work,
        "as much billed with the wait as without": 0.6 * work <= waited <= 1.6 * work,
    }


def _apart(record: Invocation) -> bool:
    """Whether computing and waiting are told apart in the record of a request that did both."""
    return 0 < record.cpu_time_ms < record.wall_time_ms / 1.5
