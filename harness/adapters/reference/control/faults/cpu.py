"""Faults of CPU time: its limit, its record, its price."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from harness.adapters.reference.control.capabilities import Answer, Call, Capability
from harness.adapters.reference.control.capabilities.d1 import D1Capability
from harness.adapters.reference.control.capabilities.durable_objects import DurableObjectsCapability
from harness.adapters.reference.control.capabilities.kv import KvCapability
from harness.adapters.reference.control.deployment import Deployment
from harness.adapters.reference.control.faults.switches import UNLIMITED, Switch, around_calls
from harness.adapters.reference.control.invocation import Begin, Failure, Invocation, Reply
from harness.application import Worker
from harness.runtime import Outcome, Plan

if TYPE_CHECKING:
    from harness.adapters.reference.control.serving import System


def _accounts(**methods: Callable[[System, Invocation], float]) -> Switch:
    def switch(system: System) -> None:
        for name, method in methods.items():
            setattr(system.ledger, name, lambda invocation, method=method: method(system, invocation))

    return switch


def _true_cpu_ms(system: System, invocation: Invocation) -> float:
    return invocation.cpu_ns / 1e6


def _true_wall_ms(system: System, invocation: Invocation) -> float:
    return (invocation.ended_ns - invocation.begun_ns) / 1e6


def _misattributed(system: System) -> None:
    """What a turn uses is charged to whoever has been in the isolate longest."""

    def charge(invocation: Invocation, cpu_ns: int) -> None:
        isolate = invocation.isolate
        payer = next(iter(isolate.in_flight.values()), invocation) if isolate is not None else invocation
        payer.cpu_ns += cpu_ns

    system.platform.charge = charge  # type: ignore[method-assign]


TICK_MS = 40


def _in_ticks(system: System, invocation: Invocation) -> float:
    """The account is kept in ticks, and one that has begun counts whole."""
    return math.ceil(invocation.cpu_ns / 1e6 / TICK_MS) * TICK_MS


_RESOURCES = (KvCapability, D1Capability, DurableObjectsCapability)


async def _binding_wait_as_cpu(call: Call, capability: Capability, plain: Callable[[], Awaitable[Answer]]) -> Answer:
    """A request that uses a resource is charged for all of its time until the resource has answered."""
    try:
        return await plain()
    finally:
        if isinstance(capability, _RESOURCES):
            call.invocation.cpu_ns = max(call.invocation.cpu_ns, time.monotonic_ns() - call.invocation.begun_ns)


def _free_cpu_unlimited(system: System) -> None:
    if system.launch.plan is Plan.FREE:
        system.platform.cpu_limit_ns = lambda invocation: None  # type: ignore[method-assign]


def _no_preemption(system: System) -> None:
    """The limit is looked at between turns only, so that a turn runs to its end, whatever it takes."""
    platform = system.platform
    platform.cpu_limit_ns = lambda invocation: None  # type: ignore[method-assign]
    plain = platform.end_if_stuck

    def end_if_stuck(invocation: Invocation) -> None:
        past = platform.cpu_limited and invocation.cpu_ns > invocation.limits.cpu_ns
        if past and not invocation.answered:
            platform.finish(invocation, Outcome.EXCEEDED_CPU, Failure(outcome=Outcome.EXCEEDED_CPU))
            return
        plain(invocation)

    platform.end_if_stuck = end_if_stuck  # type: ignore[method-assign]


def _cpu_default(plan: Plan, ms: int) -> Switch:
    def switch(system: System) -> None:
        system.policy.cpu.default_ms[plan] = ms

    return switch


def _cpu_ms_ignored(system: System) -> None:
    plain = system.limits.cpu_ms

    def cpu_ms(worker: Worker) -> int:
        plain(worker)
        return system.policy.cpu.default_ms[system.launch.plan]

    system.limits.cpu_ms = cpu_ms  # type: ignore[method-assign]


def _cpu_cap(ms: int) -> Switch:
    def switch(system: System) -> None:
        system.policy.cpu.highest_ms = ms

    return switch


WALL_LIMIT_S = 1.5


def _wall_limit(system: System) -> None:
    """Whoever has hardly computed anything after 1.5 s is ended."""
    platform = system.platform
    plain = platform.begin

    def end(invocation: Invocation) -> None:
        if invocation.cpu_ns < 100_000_000:
            platform.finish(invocation, Outcome.EXCEEDED_WALL_TIME, Failure(outcome=Outcome.EXCEEDED_WALL_TIME))

    def begin(deployment: Deployment, event: Begin, reply: Reply, *, place: str | None = None) -> Invocation:
        invocation = plain(deployment, event, reply, place=place)
        asyncio.get_running_loop().call_later(WALL_LIMIT_S, end, invocation)
        return invocation

    platform.begin = begin  # type: ignore[method-assign]


SWITCHES: dict[str, Switch] = {
    "single-clock": _accounts(wall_ms=_true_cpu_ms),
    "wall-as-cpu": _accounts(cpu_ms=_true_wall_ms),
    "binding-wait-as-cpu": around_calls(_binding_wait_as_cpu),
    "cpu-undercount": _accounts(cpu_ms=lambda system, invocation: invocation.cpu_ns / 2e6),
    "cpu-in-ticks": _accounts(cpu_ms=_in_ticks),
    "cpu-misattributed": _misattributed,
    "free-cpu-unlimited": _free_cpu_unlimited,
    "paid-default-wrong": _cpu_default(Plan.PAID, 900),
    "cpu-ms-ignored": _cpu_ms_ignored,
    "cpu-cap-missing": _cpu_cap(UNLIMITED),
    "cpu-cap-too-low": _cpu_cap(60_000),
    "wall-limit": _wall_limit,
    "no-preemption": _no_preemption,
    "bill-wall": _accounts(billed_ms=_true_wall_ms),
}
