"""What the adapter tells the control plane at its start, and what the control plane answers."""

from __future__ import annotations

from typing import Any

import msgspec

from harness.application import Worker
from harness.runtime import Plan


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """`instruments`: the names of those the suite asked for. `idle_ms`: None for the policy's own."""

    workers: tuple[Worker, ...]
    plan: Plan
    location: str
    public: tuple[str, ...] = ()
    gateway: str | None = None
    instruments: tuple[str, ...] = ()
    cpu_limited: bool = True
    fault: str | None = None
    idle_ms: float | None = None
    link_descriptor: int
    host_pid: int
    memory_guard_bytes: int
    control_socket: str
    storage: str
    ready_descriptor: int


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """The application is served: Worker to port."""

    ports: dict[str, int]


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """It is not: the class of the error and what it says."""

    error: str
    happened: str
    expected: str = ""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One line from the adapter while the application is served. Which fields count depends on `name`."""

    name: str
    mark: int = 0
    worker: str = ""
    at_least: int = 1
    deadline_s: float = 0.0
    deploy: Worker | None = None


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a command."""

    value: Any = None
    refused: Refused | None = None
