"""The connections of a run, and what the hot loops look up by file descriptor."""

from __future__ import annotations

import _socket
from collections.abc import Callable
from enum import Enum, auto

from loadgen.engine.incoming import Incoming
from loadgen.engine.requests import Check
from loadgen.engine.verdicts import Verdicts
from loadgen.engine.wire import Wire

Recv = Callable[[int], bytes | None]
Send = Callable[[bytes | memoryview], int]


class State(Enum):
    DOWN = auto()
    """No socket; `retry_at_ns` says from when on one may be tried."""
    CONNECTING = auto()
    SHAKING_HANDS = auto()
    READY = auto()


class Link:
    """One connection of the plan, over all the sockets it has in its life."""

    __slots__ = (
        "back_off_ns",
        "began_ns",
        "fd",
        "incoming",
        "number",
        "retry_at_ns",
        "socket",
        "state",
        "unsent",
        "was_ready",
        "wire",
    )

    def __init__(self, number: int) -> None:
        self.number = number
        self.state = State.DOWN
        self.fd = -1
        self.socket: _socket.socket | None = None
        self.wire: Wire | None = None
        self.incoming: Incoming | None = None
        """The answer that did not come whole in one piece, until it is."""
        self.unsent: memoryview | None = None
        """What of the request the kernel did not take yet."""
        self.was_ready = False
        self.began_ns = 0
        self.back_off_ns = 0
        self.retry_at_ns = 0


def unusual(_most_bytes: int) -> None:
    """Stands in for `recv` where the hot loop must not read: it takes None for an answer it does not know."""


def _unusable(_data: bytes | memoryview) -> int:
    raise BrokenPipeError


class Board:
    """Lists indexed by descriptor. They grow in place, so that a loop may hold them in local variables.

    `sent_ns` is above 0 while a request is under way: when its first byte was sent. Else it is 0, or the time the
    connection became free, as a negative number: one list tells three things.
    """

    def __init__(self) -> None:
        self.links: list[Link | None] = []
        self.recv: list[Recv] = []
        self.send: list[Send] = []
        self.sent_ns: list[int] = []
        self.due_ns: list[int] = []
        self.verdicts: list[Verdicts] = []
        # With a check of its own, which no request has: it must never pass for the verdicts of one.
        self._no_verdicts = Verdicts(Check())

    def place(self, fd: int, link: Link) -> None:
        """A new socket: nothing is read from it but by way of the slow path."""
        self.reserve(fd)
        self.links[fd] = link
        self.sent_ns[fd] = 0

    def reserve(self, fd: int) -> None:
        """Make room for a descriptor that is no connection's."""
        while len(self.links) <= fd:
            self.links.append(None)
            self.recv.append(unusual)
            self.send.append(_unusable)
            self.sent_ns.append(0)
            self.due_ns.append(0)
            self.verdicts.append(self._no_verdicts)

    def clear(self, fd: int) -> None:
        self.links[fd] = None
        self.recv[fd] = unusual
        self.send[fd] = _unusable
        self.sent_ns[fd] = 0
        self.verdicts[fd] = self._no_verdicts
