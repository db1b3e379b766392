"""Faults of the memory limit."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from harness.adapters.reference.control.bodies import Body, InlineBody
from harness.adapters.reference.control.deployment import Deployment
from harness.adapters.reference.control.faults.switches import Switch
from harness.adapters.reference.control.invocation import Begin, Failure, Invocation, Reply
from harness.adapters.reference.control.isolates import Isolate
from harness.adapters.reference.control.policy import MIB, MemoryPolicy
from harness.runtime import Outcome

if TYPE_CHECKING:
    from harness.adapters.reference.control.serving import System

ROOM_BYTES = 2048 * MIB
"""What a fault that forgets the limit lets an isolate have; the machine is guarded outside."""


def _memory(**changes: Any) -> Switch:
    def switch(system: System) -> None:
        system.policy.memory = dataclasses.replace(system.policy.memory, **changes)

    return switch


def _limit_configurable(system: System) -> None:
    """A var of the Worker's raises the limit."""

    def memory_of(deployment: Deployment) -> MemoryPolicy:
        memory = system.policy.memory
        wanted = deployment.worker.vars.get("MEMORY_LIMIT_MB")
        if wanted is None:
            return memory
        wanted_bytes = int(wanted) * MIB
        return dataclasses.replace(memory, memory_bytes=wanted_bytes, backstop_bytes=wanted_bytes)

    system.platform.memory_of = memory_of  # type: ignore[method-assign]


def _per_request_memory(system: System) -> None:
    """128 MB for each request inside the isolate."""
    system.policy.memory = dataclasses.replace(system.policy.memory, backstop_bytes=ROOM_BYTES)
    platform = system.platform
    plain_enter, plain_finish = platform.enter, platform.finish

    def adjust(isolate: Isolate) -> None:
        limit_bytes = system.policy.memory.memory_bytes * max(1, len(isolate.in_flight))
        platform.link.send(["memory", isolate.number, limit_bytes])

    def enter(isolate: Isolate, invocation: Invocation) -> None:
        plain_enter(isolate, invocation)
        adjust(isolate)

    def finish(invocation: Invocation, outcome: Outcome, failure: Failure | None = None) -> None:
        plain_finish(invocation, outcome, failure)
        if invocation.isolate is not None and invocation.isolate.number in platform.isolates:
            adjust(invocation.isolate)

    platform.enter = enter  # type: ignore[method-assign]
    platform.finish = finish  # type: ignore[method-assign]


class _Buffered:
    """A body that is taken in whole before any of it comes out."""

    def __init__(self, body: Body) -> None:
        self.length = body.length
        self._body = body
        self._whole: InlineBody | None = None

    async def read(self) -> bytes:
        if self._whole is None:
            pieces = []
            while piece := await self._body.read():
                pieces.append(piece)
            self._whole = InlineBody(b"".join(pieces))
        return await self._whole.read()

    def close(self) -> None:
        self._body.close()


def _buffer_bodies(system: System) -> None:
    plain = system.platform.begin

    def begin(deployment: Deployment, event: Begin, reply: Reply, *, place: str | None = None) -> Invocation:
        if event.body is not None and not isinstance(event.body, InlineBody):
            event.body = _Buffered(event.body)
        return plain(deployment, event, reply, place=place)

    system.platform.begin = begin  # type: ignore[method-assign]


SWITCHES: dict[str, Switch] = {
    "heap-unlimited": _memory(count_heap=False, backstop_bytes=ROOM_BYTES),
    "buffers-uncounted": _memory(count_buffers=False, wasm_weight=0, backstop_bytes=ROOM_BYTES),
    "limit-configurable": _limit_configurable,
    "per-request-memory": _per_request_memory,
    "limit-too-low": _memory(wasm_weight=2),
    "buffer-bodies": _buffer_bodies,
}
