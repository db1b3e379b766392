"""Capabilities: what a Worker's code can reach, each behind a handle that only its own isolates know.

A kind of binding is one module here and one in the prelude. A host call names a handle; what is not in the table of the
invocation's Worker does not exist for it.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Protocol

import msgspec

from harness.adapters.reference.control.invocation import Invocation


class Counted(Enum):
    """How a call counts against the invocation's subrequests."""

    EXTERNAL = "external"
    INTERNAL = "internal"
    NOT = "not"


class Call(msgspec.Struct, frozen=True):
    """One host call. `data`: its own bytes; `binaries`: those of the turn, which a body's description points into."""

    invocation: Invocation
    method: str
    arguments: list[Any]
    data: bytes
    binaries: list[bytes]


class Answer(msgspec.Struct, frozen=True):
    """What a call comes to: `value` as JSON, and bytes."""

    value: Any = None
    data: bytes = b""


class Refusal(Exception):
    """A call that the platform does not make: the guest gets an error of this name and message."""

    def __init__(self, message: str, name: str = "Error", coded: Any = None) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.coded = coded


class Capability(Protocol):
    counted: Counted

    async def call(self, call: Call) -> Answer:
        """Raises `Refusal`."""
        ...


def no_such_method(capability: object, method: str) -> Refusal:
    return Refusal(f"{type(capability).__name__} has no method {method!r}", "TypeError")
