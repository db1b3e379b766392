"""SVC-3: two Workers that call each other stay two: globals, values and accounts are each one's own.

Limits of one's own are judged with the limits themselves (MEM, CPU, SUB); a runtime without limits has none to show
here.
"""

from __future__ import annotations

import pytest

from conformance.asking import ask
from conformance.mark import requirement
from harness.errors import DeadlineExceeded, PromiseBroken
from harness.judging import Judge, Launcher
from harness.runtime import Invocation, Ledger, Outcome

BURN_ROUNDS = 15_000_000  # some 120 ms of one core
BURNS = 3
IDLE_ROUNDS = 1
CALLER_SHARE = 0.2
"""What of the pair's CPU the caller may be charged for two bound calls beside a burn of BURN_ROUNDS; a thousandth
is fair."""


@requirement("SVC-3")
def test_callee_does_not_see_the_callers_globals(launch: Launcher, judge: Judge) -> None:
    """What Worker A puts on its global object and on the prototype of arrays is not there in Worker B."""
    instance = launch("caller", "callee")
    marks = ask(instance, "caller", "/globals", query={"caller": "of the caller"})
    judge.saw("marks on both sides", marks)
    judge.control(
        marks["caller"] == {"own": "of the caller", "onArrays": "of the caller"},
        expected="the caller to find its marks",
        saw=marks,
    )
    judge.promise(
        marks["callee"] == {"own": None, "onArrays": None}, expected="no mark in the callee", saw=marks["callee"]
    )


@requirement("SVC-3")
def test_caller_does_not_see_the_callees_globals(launch: Launcher, judge: Judge) -> None:
    """What Worker B puts on its global object, called by Worker A, is not there in Worker A."""
    instance = launch("caller", "callee")
    ask(instance, "caller", "/globals", query={"callee": "of the callee"})
    marks = ask(instance, "caller", "/globals")
    judge.saw("marks on both sides", marks)
    judge.control(marks["callee"]["own"] == "of the callee", expected="the callee to find its mark", saw=marks)
    judge.promise(marks["caller"]["own"] is None, expected="no mark in the caller", saw=marks["caller"])


@requirement("SVC-3")
def test_values_are_copies(launch: Launcher, judge: Judge) -> None:
    """An object passed in a call is a copy at the other end: changing it there changes nothing here, in both
    directions."""
    copies = ask(launch("caller", "callee"), "caller", "/copies")
    judge.saw("objects after the other side changed its own", copies)
    judge.control(
        copies["returned"] == "altered by the callee",
        expected="the callee to have changed what it was given",
        saw=copies,
    )
    judge.promise(
        copies["sent"] == copies["kept"] == "untouched",
        expected="the caller's object and the callee's to be untouched",
        saw=copies,
    )


@requirement("SVC-3")
@pytest.mark.parametrize("by", ["fetch", "rpc"])
def test_cpu_is_charged_to_the_callee(launch: Launcher, judge: Judge, by: str) -> None:
    """CPU that Worker B burns while Worker A waits for it stands in B's record and not in A's."""
    instance = launch("caller", "callee", instruments=(Ledger,))
    ledger = instance.instrument(Ledger)

    def burn(rounds: int) -> tuple[Invocation, Invocation]:
        mark = ledger.mark()
        ask(instance, "caller", "/burn", query={"by": by, "rounds": str(rounds)})
        return _records(ledger, mark, "caller")[0], _records(ledger, mark, "callee")[0]

    burn(IDLE_ROUNDS)  # pays for starting both
    idle_ms = min(sum(record.cpu_time_ms for record in burn(IDLE_ROUNDS)) for _ in range(BURNS))
    burns = [burn(BURN_ROUNDS) for _ in range(BURNS)]
    judge.saw("the caller's and the callee's records", [[each.as_evidence() for each in pair] for pair in burns])
    # An account that goes on while a busy machine lets its thread wait is wrong by chance; one that is wrong, always.
    caller, callee = min(burns, key=lambda pair: pair[0].cpu_time_ms / max(pair[1].cpu_time_ms, 1e-9))
    burnt = caller.cpu_time_ms + callee.cpu_time_ms
    judge.control(
        burnt > 5 * idle_ms,
        expected="the burn to appear in the pair's records",
        saw=f"{burnt:.1f} ms, {idle_ms:.1f} ms without",
    )
    share = caller.cpu_time_ms / burnt
    judge.measured_value("the caller's share of the CPU", 100 * share, "%")
    judge.promise(
        share < CALLER_SHARE,
        expected=f"less than {CALLER_SHARE:.0%} of the CPU charged to the Worker that only waited",
        saw=f"{share:.1%} ({caller.cpu_time_ms:.1f} ms of {burnt:.1f} ms)",
    )


@requirement("SVC-3")
def test_each_has_a_record_of_its_own(launch: Launcher, judge: Judge) -> None:
    """One call makes one record for Worker A and one for Worker B, from two isolates."""
    instance = launch("caller", "callee", instruments=(Ledger,))
    ledger = instance.instrument(Ledger)
    mark = ledger.mark()
    calls = 3
    for _ in range(calls):
        ask(instance, "caller", "/burn", query={"by": "rpc", "rounds": str(IDLE_ROUNDS)})
    callers, callees = (_records(ledger, mark, worker, calls) for worker in ("caller", "callee"))
    judge.saw("records", [record.as_evidence() for record in (*callers, *callees)])
    shared = {record.isolate for record in callers if record.isolate} & {record.isolate for record in callees}
    judge.promise(
        len(callers) == len(callees) == calls and not shared,
        expected=f"{calls} records for each Worker, from different isolates",
        saw=f"{len(callers)} of the caller, {len(callees)} of the callee, isolates in both: {sorted(map(str, shared))}",
    )


@requirement("SVC-3")
def test_each_has_an_outcome_of_its_own(launch: Launcher, judge: Judge) -> None:
    """When Worker B throws and Worker A catches it, B's record says exception and A's says ok."""
    instance = launch("caller", "callee", instruments=(Ledger,))
    ledger = instance.instrument(Ledger)
    mark = ledger.mark()
    answer = ask(instance, "caller", "/survive")
    judge.saw("what Worker A caught", answer)
    outcomes = {worker: _records(ledger, mark, worker)[0].outcome for worker in ("caller", "callee")}
    judge.saw("outcomes", outcomes)
    judge.promise(
        outcomes == {"caller": Outcome.OK, "callee": Outcome.EXCEPTION},
        expected="ok for the caller, exception for the callee",
        saw=outcomes,
    )


def _records(ledger: Ledger, mark: int, worker: str, at_least: int = 1) -> tuple[Invocation, ...]:
    """The Worker's records; that there are none is the promise broken, not a deadline missed."""
    try:
        return ledger.since(mark, worker=worker, at_least=at_least)
    except DeadlineExceeded as error:
        raise PromiseBroken(f"{at_least} records of Worker {worker!r}", error.happened) from error
