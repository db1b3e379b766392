"""Having the probe `subrequests` make subrequests, and judging how far it came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import msgspec

from conformance.asking import post
from conformance.origin import Origin
from harness.application import Application
from harness.errors import ControlFailed, PromiseBroken
from harness.judging import Judge, Launcher
from harness.runtime import Instance

DEADLINE_S = 240.0
LANES = 64
"""How many at a time where thousands are made and their order says nothing."""

ENVIRONMENTS = {
    "kv-put": "kv",
    "kv-get": "kv",
    "d1": "d1",
    "object": "object",
    "service-fetch": "service",
    "service-rpc": "service",
}
"""The kinds of calls to what a Worker is bound to, and the probe's environment that has the binding."""

PAST_THE_LIMIT = 5
"""How many more than the limit are tried."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """So many calls of one kind, so many at a time."""

    kind: str
    count: int
    lanes: int = 1
    target: str = ""


class Spent(msgspec.Struct, frozen=True):
    """What became of a step: how many calls were answered as they should be, and which was the first that was not."""

    kind: str
    asked: int
    served: int
    firstFailed: int | None  # noqa: N815 - the probe's name for it
    firstError: str | None  # noqa: N815


class Invoice(msgspec.Struct, frozen=True):
    """One invocation of the probe: in which isolate, and a result for each step."""

    nonce: str
    results: tuple[Spent, ...]

    def served(self) -> list[int]:
        return [result.served for result in self.results]

    def first_error(self) -> str:
        return next((str(result.firstError) for result in self.results if result.firstError), "none failed")


def fetches(origin: Origin, count: int, *, lanes: int = 1, path: str = "/text?n=0") -> Step:
    """So many fetches to the outside, by default of nothing at all: the probe leaves bodies unread."""
    return Step(kind="fetch", count=count, lanes=lanes, target=origin.url(path))


def calls(kind: str, count: int, *, lanes: int = 1) -> tuple[Step, ...]:
    """So many calls of a bound kind. A value is read only once it was written, and the writing counts."""
    if kind == "kv-get":
        return Step(kind="kv-put", count=1), Step(kind=kind, count=count - 1, lanes=lanes)
    return (Step(kind=kind, count=count, lanes=lanes),)


def bound_to(launch: Launcher, kind: str, *, lowered: bool) -> Application:
    """The probe with a binding for that kind, and whatever is behind it; `lowered`: limited to 20 subrequests."""
    environment = ENVIRONMENTS[kind]
    probe = launch.application("subrequests", env=f"lowered-{environment}" if lowered else environment)
    behind = launch.application("adder").workers if environment == "service" else ()
    return Application(workers=(*probe.workers, *behind))


def spend(instance: Instance, steps: Iterable[Step]) -> Invoice:
    """Make the calls of every step within one invocation."""
    answer = post(instance, "subrequests", "/", list(steps), deadline_s=DEADLINE_S)
    return msgspec.convert(answer, Invoice)


def spend_on_free_plan(instance: Instance, steps: Sequence[Step], allowed: Sequence[int]) -> Invoice:
    """The same on the free plan, whose CPU time does not suffice for that on a runtime that cannot leave its limit off.

    Raises `ControlFailed` when an invocation that makes none but the `allowed` ones is not answered either.
    """
    try:
        return spend(instance, steps)
    except PromiseBroken as stopped:
        within_the_limit = [replace(step, count=count) for step, count in zip(steps, allowed, strict=True)]
        try:
            spend(instance, within_the_limit)
        except PromiseBroken as too_much:
            expected = "the plan's CPU time to suffice for the subrequests that it allows"
            raise ControlFailed(expected, too_much.seen) from stopped
        raise


def judge_spending(
    judge: Judge, steps: Sequence[Step], invoice: Invoice, expected: Sequence[int], *, what: str = "one invocation"
) -> None:
    """Each step must have been served just as often as expected; one at a time, from its first call on."""
    judge.saw(what, invoice)
    for step, result, allowed in zip(steps, invoice.results, expected, strict=True):
        calls_made = f"of {result.asked:,} ({result.kind})"
        judge.promise(
            result.served >= allowed,
            expected=f"{allowed:,} {calls_made} to succeed",
            saw=f"only {result.served:,}: {result.firstError}",
        )
        judge.promise(
            result.served == allowed,
            expected=f"number {allowed + 1:,} {calls_made} to fail",
            saw=f"all {result.asked:,} were served" if result.served == result.asked else f"{result.served:,} were",
        )
        first_failed = None if allowed == result.asked else allowed + 1
        judge.promise(
            step.lanes > 1 or result.firstFailed == first_failed,
            expected=f"the first to fail to be number {first_failed} {calls_made}",
            saw=f"number {result.firstFailed}",
        )


def within(limit: int, steps: Sequence[Step]) -> list[int]:
    """How many calls of each step a common limit lets through."""
    allowed = []
    for step in steps:
        allowed.append(min(step.count, limit))
        limit -= allowed[-1]
    return allowed


def control_arrivals(judge: Judge, origin: Origin, invoice: Invoice) -> None:
    """What the Worker was served, the server it fetched from has seen. More may have arrived: see `judge_arrivals`."""
    served, arrived = _fetches_served(invoice), len(origin.hits)
    judge.control(
        arrived >= served,
        expected="whatever was served to have arrived at the server",
        saw=f"{served:,} served, {arrived:,} arrived",
    )


def judge_arrivals(judge: Judge, origin: Origin, invoice: Invoice) -> None:
    """A fetch past the limit must not leave: that its answer is kept from the Worker is not enough."""
    served, arrived = _fetches_served(invoice), len(origin.hits)
    judge.promise(
        arrived <= served,
        expected=f"no fetch to leave but the {served:,} that were served",
        saw=f"{arrived:,} at the server",
    )


def _fetches_served(invoice: Invoice) -> int:
    return sum(result.served for result in invoice.results if result.kind == "fetch")
