"""What a fault is made of: a change to the parts of the system, made before anything is deployed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from harness.adapters.reference.control.capabilities import Answer, Call, Capability

if TYPE_CHECKING:
    from harness.adapters.reference.control.serving import System

Switch = Callable[["System"], None]

UNLIMITED = 10**9


def around_calls(
    around: Callable[[Call, Capability, Callable[[], Awaitable[Answer]]], Awaitable[Answer]],
) -> Switch:
    """Put something around every call of a capability."""

    def switch(system: System) -> None:
        plain = system.platform.perform

        async def perform(call: Call, capability: Capability) -> Answer:
            return await around(call, capability, lambda: plain(call, capability))

        system.platform.perform = perform  # type: ignore[method-assign]

    return switch
