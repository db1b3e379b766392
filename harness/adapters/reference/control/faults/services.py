"""Faults of calls between Workers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from harness.adapters.reference.control.capabilities import Answer, Call, Capability, Refusal
from harness.adapters.reference.control.capabilities.service import ServiceCapability
from harness.adapters.reference.control.deployment import OUTBOUND
from harness.adapters.reference.control.faults.switches import Switch, around_calls
from harness.adapters.reference.control.invocation import Invocation
from harness.adapters.reference.control.replies import CallReply
from harness.runtime import Invocation as Record

if TYPE_CHECKING:
    from harness.adapters.reference.control.serving import System


async def _follow_url(call: Call, capability: Capability, plain: Callable[[], Awaitable[Answer]]) -> Answer:
    """A bound fetch() goes where its URL says, if that is an address; a mere name stands for the binding still."""
    if isinstance(capability, ServiceCapability) and call.method == "fetch" and _is_address(call.arguments[0]["url"]):
        return await call.invocation.deployment.capabilities[OUTBOUND].call(call)
    return await plain()


def _is_address(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return host == "localhost"
    return True


async def _rpc_missing(call: Call, capability: Capability, plain: Callable[[], Awaitable[Answer]]) -> Answer:
    if isinstance(capability, ServiceCapability) and call.method == "rpc":
        raise Refusal("the binding has no such method", "TypeError")
    return await plain()


def _default_entrypoint_only(system: System) -> None:
    """fetch() of a binding to a named entrypoint comes to the default export."""

    async def around(call: Call, capability: Capability, plain: Callable[[], Awaitable[Answer]]) -> Answer:
        if isinstance(capability, ServiceCapability) and call.method == "fetch":
            return await ServiceCapability(system.platform, capability.worker, None).call(call)
        return await plain()

    around_calls(around)(system)


async def _fetch_by_url_alone(call: Call, capability: Capability, plain: Callable[[], Awaitable[Answer]]) -> Answer:
    """Of a request through a binding the URL arrives, and neither method nor headers nor body."""
    if isinstance(capability, ServiceCapability) and call.method == "fetch":
        asked = {**call.arguments[0], "method": "GET", "headers": [], "body": None}
        return await capability.call(msgspec.structs.replace(call, arguments=[asked]))
    return await plain()


async def _missing_method_returns(call: Call, capability: Capability, plain: Callable[[], Awaitable[Answer]]) -> Answer:
    try:
        return await plain()
    except Refusal as refusal:
        if isinstance(capability, ServiceCapability) and refusal.name == "TypeError":
            return Answer(None)
        raise


async def _rpc_json_only(call: Call, capability: Capability, plain: Callable[[], Awaitable[Answer]]) -> Answer:
    """Arguments and values that JSON cannot hold are refused."""
    is_rpc = isinstance(capability, ServiceCapability) and call.method == "rpc"
    if is_rpc and _beyond_json(call.arguments[1]):
        raise Refusal("arguments can be of JSON only", "DataCloneError")
    answer = await plain()
    if is_rpc and _beyond_json(answer.value):
        raise Refusal("only JSON can be returned", "DataCloneError")
    return answer


def _beyond_json(coded: Any) -> bool:
    """Whether what the prelude's structured.js coded holds anything but JSON and `undefined`."""
    trees = [msgspec.json.decode(coded["c"])] if isinstance(coded, dict) and "c" in coded else []
    while trees:
        tree = trees.pop()
        if isinstance(tree, dict):
            trees += tree.values()
        elif isinstance(tree, list) and isinstance(tree[0], list):
            trees += tree[0]
        elif isinstance(tree, list) and tree[0] != "v":
            return True
    return False


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


def _callee_unrecorded(system: System) -> None:
    """The ledger knows the requests of clients alone."""
    ledger = system.ledger
    plain = ledger.end

    def end(invocation: Invocation) -> Record:
        if not isinstance(invocation.reply, CallReply):
            return plain(invocation)
        kept, ledger.keep = ledger.keep, False
        try:
            return plain(invocation)
        finally:
            ledger.keep = kept

    ledger.end = end  # type: ignore[method-assign]


def _stale_binding(system: System) -> None:
    """A redeploy says that it is done."""
    system.deployer.make_live = lambda new: None  # type: ignore[method-assign]


SWITCHES: dict[str, Switch] = {
    "binding-follows-url": around_calls(_follow_url),
    "default-entrypoint-only": _default_entrypoint_only,
    "fetch-by-url-alone": around_calls(_fetch_by_url_alone),
    "missing-method-returns": around_calls(_missing_method_returns),
    "rpc-missing": around_calls(_rpc_missing),
    "rpc-json-only": around_calls(_rpc_json_only),
    "rpc-swallows-error": around_calls(_rpc_swallows_error),
    "callee-charged-to-caller": _callee_charged_to_caller,
    "callee-unrecorded": _callee_unrecorded,
    "stale-binding": _stale_binding,
}
