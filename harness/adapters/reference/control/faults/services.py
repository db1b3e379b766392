"""Faults of calls between Workers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from harness.adapters.reference.control.capabilities import Answer, Call, Capability, Refusal
from harness.adapters.reference.control.capabilities.service import ServiceCapability
from harness.adapters.reference.control.deployment import OUTBOUND
from harness.adapters.reference.control.faults.switches import Switch, around_calls

if TYPE_CHECKING:
    from harness.adapters.reference.control.serving import System


async def _follow_url(call: Call, capability: Capability, plain: Callable[[], Awaitable[Answer]]) -> Answer:
    """A bound fetch() goes where its URL says."""
    if isinstance(capability, ServiceCapability) and call.method == "fetch":
        return await call.invocation.deployment.capabilities[OUTBOUND].call(call)
    return await plain()


async def _rpc_missing(call: Call, capability: Capability, plain: Callable[[], Awaitable[Answer]]) -> Answer:
    if isinstance(capability, ServiceCapability) and call.method == "rpc":
        raise Refusal("the binding has no such method", "TypeError")
    return await plain()


async def _rpc_json_only(call: Call, capability: Capability, plain: Callable[[], Awaitable[Answer]]) -> Answer:
    answer = await plain()
    is_value = isinstance(answer.value, str | int | float | bool | None.__class__)
    if isinstance(capability, ServiceCapability) and call.method == "rpc" and not is_value:
        raise Refusal("only text, numbers and booleans can be returned", "DataCloneError")
    return answer


async def _rpc_swallows_error(call: Call, capability: Capability, plain: Callable[[], Awaitable[Answer]]) -> Answer:
    try:
        return await plain()
    except Refusal:
        if isinstance(capability, ServiceCapability) and call.method == "rpc":
            return Answer(None)
        raise


def _callee_charged_to_caller(system: System) -> None:
    async def around(call: Call, capability: Capability, plain: Callable[[], Awaitable[Answer]]) -> Answer:
        if not isinstance(capability, ServiceCapability):
            return await plain()
        known = set(system.platform.invocations)
        task = asyncio.ensure_future(plain())
        await asyncio.sleep(0)
        callees = [each for number, each in system.platform.invocations.items() if number not in known]
        try:
            return await task
        finally:
            for callee in callees:
                call.invocation.cpu_ns += callee.cpu_ns

    around_calls(around)(system)


def _stale_binding(system: System) -> None:
    """A redeploy says that it is done."""
    system.deployer.make_live = lambda new: None  # type: ignore[method-assign]


SWITCHES: dict[str, Switch] = {
    "binding-follows-url": around_calls(_follow_url),
    "rpc-missing": around_calls(_rpc_missing),
    "rpc-json-only": around_calls(_rpc_json_only),
    "rpc-swallows-error": around_calls(_rpc_swallows_error),
    "callee-charged-to-caller": _callee_charged_to_caller,
    "stale-binding": _stale_binding,
}
