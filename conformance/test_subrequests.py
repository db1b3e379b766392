"""SUB: how many requests of its own one invocation may make, counted by the Worker and by the server it calls."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from conformance.mark import requirement
from conformance.origin import Origin
from conformance.spending import (
    LANES,
    PAST_THE_LIMIT,
    Invoice,
    Step,
    bound_to,
    calls,
    control_arrivals,
    fetches,
    judge_arrivals,
    judge_spending,
    spend,
    spend_on_free_plan,
    within,
)
from harness.errors import DeployRefused
from harness.judging import Judge, Launcher
from harness.runtime import Instance, Outbound, Plan

FREE_EXTERNAL = 50
FREE_INTERNAL = 1_000
HIGHEST = 10_000_000


@requirement("SUB-1")
def test_free_plan_external_limit(launch: Launcher, judge: Judge, origin: Origin, internet: Outbound) -> None:
    """On the free plan 50 fetches to the outside succeed and the 51st fails."""
    instance = launch("subrequests", plan=Plan.FREE, cpu_limited=False, outbound=internet)
    steps = [fetches(origin, FREE_EXTERNAL + PAST_THE_LIMIT)]
    invoice = spend_on_free_plan(instance, steps, [FREE_EXTERNAL])
    _judge_limit(judge, origin, steps, invoice, FREE_EXTERNAL)


@requirement("SUB-2")
@pytest.mark.parametrize("kind", ["kv-get", "object", "service-fetch", "service-rpc"])
def test_free_plan_internal_limit(launch: Launcher, judge: Judge, kind: str) -> None:
    """On the free plan 1,000 calls to what the Worker is bound to succeed and the 1,001st fails."""
    instance = launch(bound_to(launch, kind, lowered=False), plan=Plan.FREE, cpu_limited=False)
    asked = FREE_INTERNAL + PAST_THE_LIMIT
    steps = calls(kind, asked, lanes=asked)
    allowed = within(FREE_INTERNAL, steps)
    invoice = spend_on_free_plan(instance, steps, allowed)
    served = sum(invoice.served())
    judge.bracketed(f"calls ({kind})", served, None if served == asked else served + 1, "subrequests")
    judge_spending(judge, steps, invoice, allowed)


@requirement("SUB-2")
@pytest.mark.parametrize("kind", ["kv-get", "service-rpc"])
def test_free_plan_counts_apart(launch: Launcher, judge: Judge, origin: Origin, internet: Outbound, kind: str) -> None:
    """On the free plan calls to what the Worker is bound to are counted apart: 50 fetches take nothing from their
    1,000, and they add nothing to the 50."""
    instance = launch(bound_to(launch, kind, lowered=False), plan=Plan.FREE, cpu_limited=False, outbound=internet)
    bound, too_many = calls(kind, 100, lanes=100), fetches(origin, FREE_EXTERNAL)
    steps = (fetches(origin, FREE_EXTERNAL), *bound, too_many, *bound)
    invoice = spend_on_free_plan(instance, steps, [0 if step is too_many else step.count for step in steps])
    control_arrivals(judge, origin, invoice)
    more = invoice.served()[steps.index(too_many, 1)]
    judge.promise(more < too_many.count, expected="a limit of their own for the fetches", saw=f"all of {more} more")
    # Where exactly that limit lies is for SUB-1 to say.
    judge_spending(judge, steps, invoice, [more if step is too_many else step.count for step in steps])


@requirement("SUB-3")
def test_paid_plan_default_limit(launch: Launcher, judge: Judge, origin: Origin, internet: Outbound) -> None:
    """On the paid plan 10,000 subrequests succeed and the 10,001st fails."""
    _judge_paid(launch("subrequests", plan=Plan.PAID, outbound=internet), judge, origin, 10_000)


@requirement("SUB-4")
@pytest.mark.parametrize(("env", "limit"), [("lowered", 20), ("raised", 10_100)])
def test_configured_limit(
    launch: Launcher, judge: Judge, origin: Origin, internet: Outbound, env: str, limit: int
) -> None:
    """`limits.subrequests` sets the paid limit, lower as well as higher: that many succeed, the next one fails."""
    _judge_paid(launch("subrequests", plan=Plan.PAID, outbound=internet, env=env), judge, origin, limit)


@requirement("SUB-4", profile="full")
def test_high_limit_in_full(launch: Launcher, judge: Judge, origin: Origin, internet: Outbound) -> None:
    """`limits.subrequests` sets the paid limit far higher too: 100,000 succeed, the next one fails."""
    _judge_paid(launch("subrequests", plan=Plan.PAID, outbound=internet, env="high"), judge, origin, 100_000)


@requirement("SUB-4")
def test_highest_limit_is_accepted(launch: Launcher, judge: Judge, origin: Origin, internet: Outbound) -> None:
    """A Worker that asks for 10 million subrequests, the most there are, is deployed and may make subrequests."""
    instance = launch("subrequests", plan=Plan.PAID, outbound=internet, env="highest")
    steps = [fetches(origin, 1)]
    judge_spending(judge, steps, spend(instance, steps), [1])


@requirement("SUB-4")
def test_excessive_limit_is_refused(launch: Launcher, judge: Judge) -> None:
    """A Worker that asks for more than 10 million subrequests is refused when it is deployed."""
    try:
        instance = launch("subrequests", plan=Plan.PAID, env="excessive")
    except DeployRefused as refusal:
        judge.saw("the deploy", f"refused: {refusal.happened}")
        return
    judge.saw("the deploy", f"accepted and serving: {instance.alive()}")
    judge.promise(False, expected=f"limits.subrequests = {HIGHEST + 1:,} to be refused", saw="it was accepted")


def _judge_paid(instance: Instance, judge: Judge, origin: Origin, limit: int) -> None:
    """Ask for a few fetches more than the limit in one invocation; exactly `limit` must be served."""
    steps = [fetches(origin, limit + PAST_THE_LIMIT, lanes=1 if limit <= 100 else LANES)]
    _judge_limit(judge, origin, steps, spend(instance, steps), limit)


def _judge_limit(judge: Judge, origin: Origin, steps: Sequence[Step], invoice: Invoice, limit: int) -> None:
    served, asked = sum(invoice.served()), sum(step.count for step in steps)
    judge.bracketed("subrequests", served, None if served == asked else served + 1, "subrequests")
    control_arrivals(judge, origin, invoice)
    judge_spending(judge, steps, invoice, [limit])
    judge_arrivals(judge, origin, invoice)
