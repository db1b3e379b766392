"""SUB: how many requests of its own one invocation may make, counted by the Worker and by the server it calls."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from conformance.mark import requirement
from conformance.origin import Origin
from harness.errors import DeployRefused
from harness.judging import Judge, Launcher
from harness.runtime import Instance, Outbound, Plan, Request

LANES = 16
DEADLINE_S = 60.0


@requirement("SUB-1")
def test_free_plan_external_limit(launch: Launcher, judge: Judge, origin: Origin, internet: Outbound) -> None:
    """On the free plan 50 fetches to the outside succeed and the 51st fails."""
    _judge_limit(launch("subrequests", plan=Plan.FREE, outbound=internet), judge, origin, 50)


@requirement("SUB-3")
def test_paid_plan_default_limit(launch: Launcher, judge: Judge, origin: Origin, internet: Outbound) -> None:
    """On the paid plan 10,000 subrequests succeed and the 10,001st fails."""
    _judge_limit(launch("subrequests", plan=Plan.PAID, outbound=internet), judge, origin, 10_000)


@requirement("SUB-4")
@pytest.mark.parametrize(("env", "limit"), [("lowered", 20), ("raised", 12_000)])
def test_configured_limit(
    launch: Launcher, judge: Judge, origin: Origin, internet: Outbound, env: str, limit: int
) -> None:
    """`limits.subrequests` sets the paid limit, lower as well as higher: that many succeed, the next one fails."""
    _judge_limit(launch("subrequests", plan=Plan.PAID, outbound=internet, env=env), judge, origin, limit)


@requirement("SUB-4")
def test_excessive_limit_is_refused(launch: Launcher, judge: Judge) -> None:
    """A Worker that asks for more than 10 million subrequests is refused when it is deployed."""
    try:
        instance = launch("subrequests", plan=Plan.PAID, env="excessive")
    except DeployRefused as refusal:
        judge.saw("the deploy", f"refused: {refusal.happened}")
        return
    judge.saw("the deploy", f"accepted and serving: {instance.alive()}")
    judge.promise(False, expected="limits.subrequests = 10,000,001 to be refused", saw="it was accepted")


def _judge_limit(instance: Instance, judge: Judge, origin: Origin, limit: int) -> None:
    """Ask for a few more than the limit in one invocation; exactly `limit` must be served."""
    asked = limit + 5
    lanes = 1 if limit <= 100 else LANES
    path = f"/?count={asked}&lanes={lanes}&target={quote(origin.url('/'))}"
    result = instance.fetch("subrequests", Request(path=path), deadline_s=DEADLINE_S).json()
    arrived = len(origin.hits)
    judge.saw(f"{asked} fetches in one invocation", {**result, "arrived at the origin": arrived})
    served = result["served"]
    judge.bracketed("subrequests", served, None if served == asked else served + 1, "subrequests")
    judge.control(
        served == arrived,
        expected="the Worker and the server to count the same",
        saw=f"{served} served, {arrived} arrived",
    )
    judge.promise(
        served >= limit, expected=f"{limit:,} subrequests to succeed", saw=f"only {served:,}: {result['firstError']}"
    )
    judge.promise(
        served == limit,
        expected=f"subrequest number {limit + 1:,} to fail",
        saw=f"all {asked:,} were served" if served == asked else f"{served:,} were served",
    )
