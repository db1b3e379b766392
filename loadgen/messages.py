"""What orchestrator and driver say to each other: one JSON message per line over a socket pair.

Orchestrator: `Launch`, then an answer to each `ProcessWanted`. Driver: `Ready` once, then for each launch any number
of `ProcessWanted` and finally `Measured`, `TargetLost` or `Fault`.
"""

from __future__ import annotations

import socket
from typing import Any

import msgspec

MOST_LINE_BYTES = 64 << 20


class _Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class WarmTurn(_Message, frozen=True, tag="warm"):
    """Requests that an isolate which served before must answer. `counts`, here and below: per round, warm-up first."""

    cell: str
    port: int
    counts: tuple[int, ...]


class IsolateColdTurn(_Message, frozen=True, tag="isolate-cold"):
    """Requests that each ask for a new isolate by a fresh name in `header`."""

    cell: str
    port: int
    header: str
    counts: tuple[int, ...]


class ProcessColdTurn(_Message, frozen=True, tag="process-cold"):
    """New processes, each started by the orchestrator, which alone may start any."""

    cell: str
    counts: tuple[int, ...]


class CallTurn(_Message, frozen=True, tag="call"):
    """Requests whose answer is known to the byte."""

    cell: str
    port: int
    path: str
    headers: dict[str, str]
    body: str
    counts: tuple[int, ...]


Turn = WarmTurn | IsolateColdTurn | ProcessColdTurn | CallTurn


class Launch(_Message, frozen=True, tag="launch"):
    """One launch to be measured: the turns of a round, in their order."""

    number: int
    turns: tuple[Turn, ...]


class ProcessStarted(_Message, frozen=True, tag="process-started"):
    """A process was started, answered once and is gone: CLOCK_MONOTONIC from start to whole answer, and the answer."""

    elapsed_ns: int
    status: int
    body: str


class Ready(_Message, frozen=True, tag="ready"):
    """The driver is up. `locust` is Locust's version."""

    locust: str


class ProcessWanted(_Message, frozen=True, tag="process-wanted"):
    """Start one process, and say how long it took to answer."""


class CellTally(_Message, frozen=True, tag="cell"):
    """All there is on one cell of one launch. `locust_requests` and `locust_failures` are Locust's own counts."""

    cell: str
    samples_ns: tuple[int, ...]
    errors: dict[str, int]
    discarded: dict[str, int]
    locust_requests: int
    locust_failures: int


class Measured(_Message, frozen=True, tag="measured"):
    """The launch is done. `untimed`: cells none of whose warm-up answers was right."""

    cells: tuple[CellTally, ...]
    untimed: tuple[str, ...]


class TargetLost(_Message, frozen=True, tag="target-lost"):
    """Nothing accepts connections any more where `cell` is measured."""

    cell: str
    reason: str


class Fault(_Message, frozen=True, tag="fault"):
    """The driver itself went wrong."""

    traceback: str


ToDriver = Launch | ProcessStarted
FromDriver = Ready | ProcessWanted | Measured | TargetLost | Fault


class Channel:
    """Whole messages over a connected stream socket, which it owns."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._pending = b""

    def close(self) -> None:
        self._socket.close()

    def send(self, message: msgspec.Struct) -> None:
        """Raises `OSError` when the other side is gone."""
        self._socket.sendall(msgspec.json.encode(message) + b"\n")

    def receive(self, kind: Any, *, timeout_s: float | None = None) -> Any:
        """The next message, of type `kind`; None when the other side is gone.

        Raises `TimeoutError` when no byte comes for `timeout_s`, and `msgspec.DecodeError` for what is not a `kind`.
        """
        self._socket.settimeout(timeout_s)
        chunks = [self._pending]
        while b"\n" not in chunks[-1]:
            try:
                chunk = self._socket.recv(1 << 16)
            except ConnectionResetError:
                return None
            if not chunk or sum(map(len, chunks)) > MOST_LINE_BYTES:
                return None
            chunks.append(chunk)
        line, _, self._pending = b"".join(chunks).partition(b"\n")
        return msgspec.json.decode(line, type=kind)
