"""SUB: what counts as a subrequest, whose count it is, and what the accounts say. Always on the paid plan, limited to
20."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from conformance.mark import requirement
from conformance.origin import Origin
from conformance.spending import (
    ENVIRONMENTS,
    PAST_THE_LIMIT,
    Step,
    bound_to,
    calls,
    control_arrivals,
    fetches,
    judge_arrivals,
    judge_spending,
    spend,
    within,
)
from harness.application import Application
from harness.errors import NotObservable
from harness.judging import Judge, Launcher
from harness.runtime import Ledger, Outbound

LIMIT = 20
BOUND = tuple(ENVIRONMENTS)
MADE = 7
"""How many subrequests of a kind the accounts are compared with."""

ATTEMPTS = 5
"""How often two requests are sent at once in the hope that one isolate serves both; nothing says it must."""


@requirement("SUB-5")
def test_fetches_count(launch: Launcher, judge: Judge, origin: Origin, internet: Outbound) -> None:
    """Every fetch to the outside counts: with a limit of 20 the 21st fails."""
    instance = launch("subrequests", env="lowered", outbound=internet)
    steps = [fetches(origin, LIMIT + PAST_THE_LIMIT)]
    invoice = spend(instance, steps)
    control_arrivals(judge, origin, invoice)
    judge_spending(judge, steps, invoice, [LIMIT])
    judge_arrivals(judge, origin, invoice)


@requirement("SUB-5")
@pytest.mark.parametrize("kind", BOUND)
def test_bound_calls_count(launch: Launcher, judge: Judge, kind: str) -> None:
    """Every call to what the Worker is bound to counts, be it a resource or another Worker: with a limit of 20 the
    21st fails."""
    instance = launch(bound_to(launch, kind, lowered=True))
    steps = calls(kind, LIMIT + PAST_THE_LIMIT)
    judge_spending(judge, steps, spend(instance, steps), within(LIMIT, steps))


@requirement("SUB-5")
@pytest.mark.parametrize("kind", BOUND)
def test_fetches_and_bound_calls_count_together(
    launch: Launcher, judge: Judge, origin: Origin, internet: Outbound, kind: str
) -> None:
    """On the paid plan there is one count for all: after 10 fetches 10 bound calls are left of 20, and then no
    fetch."""
    instance = launch(bound_to(launch, kind, lowered=True), outbound=internet)
    half = LIMIT // 2
    steps = (fetches(origin, half), *calls(kind, half + PAST_THE_LIMIT), fetches(origin, 1))
    invoice = spend(instance, steps)
    control_arrivals(judge, origin, invoice)
    judge_spending(judge, steps, invoice, within(LIMIT, steps))
    judge_arrivals(judge, origin, invoice)


@requirement("SUB-5")
def test_all_kinds_count_together(launch: Launcher, judge: Judge, origin: Origin, internet: Outbound) -> None:
    """Two of each kind of bound call and eight fetches make 20; one more of any kind fails."""
    instance = launch(_with_everything(launch), outbound=internet)
    within_the_limit = [*(Step(kind=kind, count=2) for kind in BOUND), fetches(origin, LIMIT - 2 * len(BOUND))]
    steps = [*within_the_limit, *(Step(kind=kind, count=1) for kind in BOUND), fetches(origin, 1)]
    invoice = spend(instance, steps)
    control_arrivals(judge, origin, invoice)
    judge_spending(judge, steps, invoice, within(LIMIT, steps))
    judge_arrivals(judge, origin, invoice)


@requirement("SUB-5")
@pytest.mark.parametrize("kind", ["fetch", *BOUND])
def test_accounts_tell_what_was_made(
    launch: Launcher, judge: Judge, origin: Origin, internet: Outbound, kind: str
) -> None:
    """The record of an invocation says how many subrequests it made."""
    application = launch.application("subrequests") if kind == "fetch" else bound_to(launch, kind, lowered=False)
    instance = launch(application, outbound=internet, instruments=(Ledger,))
    ledger = instance.instrument(Ledger)
    told = []
    steps = (fetches(origin, MADE),) if kind == "fetch" else calls(kind, MADE)
    for made in ((), steps):
        mark = ledger.mark()
        judge.control(
            sum(spend(instance, made).served()) == sum(step.count for step in made),
            expected="the subrequests to be answered",
            saw=[step.kind for step in made],
        )
        record = ledger.since(mark, worker="subrequests")[0]
        if record.subrequests is None:
            raise NotObservable("this runtime's ledger tells no subrequests")
        told.append(record.subrequests)
    judge.saw("recorded without any, and with them", told)
    judge.promise(told == [0, MADE], expected=f"0 and {MADE} subrequests recorded", saw=f"{told[0]} and {told[1]}")


@requirement("SUB-6")
def test_next_request_starts_at_zero(launch: Launcher, judge: Judge, origin: Origin, internet: Outbound) -> None:
    """Requests one after the other may make 20 subrequests each, in one and the same isolate, and no more."""
    instance = launch("subrequests", env="lowered", outbound=internet)
    steps = [fetches(origin, LIMIT + PAST_THE_LIMIT)]
    invoices = [spend(instance, steps) for _ in range(3)]
    nonces = {invoice.nonce for invoice in invoices}
    judge.control(len(nonces) == 1, expected="one isolate to serve them", saw=f"{len(nonces)} isolates")
    for number, invoice in enumerate(invoices, start=1):
        judge_spending(judge, steps, invoice, [LIMIT], what=f"request number {number}")


@requirement("SUB-6")
def test_concurrent_requests_count_apart(launch: Launcher, judge: Judge, origin: Origin, internet: Outbound) -> None:
    """Two requests inside one isolate at the same time may make 20 subrequests each, and no more."""
    instance = launch("subrequests", env="lowered", outbound=internet)
    # Each makes half of its subrequests before it meets the other one at the origin, and the rest after.
    steps = [fetches(origin, 9), fetches(origin, 1, path="/barrier?n=2"), fetches(origin, 10 + PAST_THE_LIMIT)]
    for _ in range(ATTEMPTS):
        before = origin.meetings
        with ThreadPoolExecutor(2) as pool:
            invoices = list(pool.map(lambda _: spend(instance, steps), range(2)))
        met, nonces = origin.meetings - before, {invoice.nonce for invoice in invoices}
        if not met or len(nonces) == 1:
            break
    judge.control(met == 1, expected="the two requests to be under way at once", saw=f"{met} meetings at the origin")
    judge.control(len(nonces) == 1, expected="one isolate to serve both", saw=f"{len(nonces)} isolates")
    for number, invoice in enumerate(invoices, start=1):
        judge_spending(judge, steps, invoice, within(LIMIT, steps), what=f"request number {number}")


@requirement("SUB-7")
def test_hops_count(launch: Launcher, judge: Judge, origin: Origin, internet: Outbound) -> None:
    """A fetch that is redirected nine times makes ten subrequests: two of these are all that a limit of 20 allows."""
    instance = launch("subrequests", env="lowered", outbound=internet)
    steps = [fetches(origin, 2, path="/hops?n=9"), fetches(origin, 1)]
    invoice = spend(instance, steps)
    _control_ends(judge, origin, ends=2)
    judge_spending(judge, steps, invoice, [2, 0])


@requirement("SUB-7")
def test_limit_cuts_a_chain_of_hops(launch: Launcher, judge: Judge, origin: Origin, internet: Outbound) -> None:
    """A fetch fails in the middle of its redirects once the limit is reached: of ten requests, the five that were left
    arrive."""
    instance = launch("subrequests", env="lowered", outbound=internet)
    steps = [fetches(origin, 1, path="/hops?n=4"), fetches(origin, 10), fetches(origin, 1, path="/hops?n=9")]
    invoice = spend(instance, steps)
    arrived = len(origin.hits)
    judge.saw("the last to arrive at the origin", origin.targets()[-6:])
    judge.control(invoice.served()[:2] == [1, 10], expected="15 subrequests to be served", saw=invoice.served())
    judge_spending(judge, steps, invoice, [1, 10, 0])
    judge.promise(arrived == LIMIT, expected=f"{LIMIT} requests to arrive at the origin", saw=arrived)


def _with_everything(launch: Launcher) -> Application:
    workers = (*launch.application("subrequests", env="lowered-all").workers, *launch.application("adder").workers)
    return Application(workers=workers)


def _control_ends(judge: Judge, origin: Origin, *, ends: int) -> None:
    """Redirects are followed at all."""
    reached = origin.targets().count("/hops?n=0")
    judge.control(reached >= ends, expected=f"{ends} chains of redirects to be followed to their end", saw=reached)
