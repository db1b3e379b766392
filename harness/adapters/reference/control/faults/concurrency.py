"""Faults of what runs at once, and what belongs to which request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from harness.adapters.reference.control.bodies import Body
from harness.adapters.reference.control.capabilities import Answer, Call, Capability
from harness.adapters.reference.control.capabilities.service import ServiceCapability
from harness.adapters.reference.control.faults.switches import Switch, around_calls
from harness.adapters.reference.control.invocation import Invocation

if TYPE_CHECKING:
    from harness.adapters.reference.control.serving import System


_THREADS = """
globalThis.Worker = class Worker {
  constructor(url) {
    const [, said] = /postMessage\\('([^']*)'\\)/.exec(decodeURIComponent(String(url))) ?? [];
    queueMicrotask(() => this.onmessage?.({ data: said }));
  }
};
"""


def _parallel_js(system: System) -> None:
    """A Worker can start threads."""
    system.deployer.before = _THREADS


_TIMERS_IN_A_ROW = """
const set = globalThis.setTimeout;
let until = 0;
globalThis.setTimeout = (callback, ms = 0, ...values) => {
  until = Math.max(until, Date.now()) + Number(ms);
  return set(callback, until - Date.now(), ...values);
};
"""


def _serial_timers(system: System) -> None:
    """A timer begins when those set before it have fired."""
    system.deployer.before = _TIMERS_IN_A_ROW


def _one_by_one(applies: Callable[[Capability], bool]) -> Switch:
    """Calls of one invocation wait for each other."""
    locks: dict[int, asyncio.Lock] = {}

    async def around(call: Call, capability: Capability, plain: Callable[[], Awaitable[Answer]]) -> Answer:
        if not applies(capability):
            return await plain()
        async with locks.setdefault(call.invocation.request_id, asyncio.Lock()):
            return await plain()

    return around_calls(around)


def _cross_request_io(system: System) -> None:
    """A body can be read by whoever has it."""
    system.policy.io_ownership = False

    def body_of(invocation: Invocation, handle: int) -> Body | None:
        isolate = invocation.isolate
        inside = isolate.in_flight.values() if isolate is not None else ()
        return next((each.bodies[handle] for each in inside if handle in each.bodies), None)

    system.platform.body_of = body_of  # type: ignore[method-assign]


SWITCHES: dict[str, Switch] = {
    "parallel-js": _parallel_js,
    "serial-timers": _serial_timers,
    "serial-io": _one_by_one(lambda capability: True),
    "serial-workers": _one_by_one(lambda capability: isinstance(capability, ServiceCapability)),
    "cross-request-io": _cross_request_io,
}
