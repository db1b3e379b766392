"""One invocation: an event delivered to a Worker, from its beginning to the last of its work."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from harness.adapters.reference.control.bodies import Body, PipeBody
from harness.adapters.reference.control.limits import Limits
from harness.runtime import Outcome

if TYPE_CHECKING:
    from harness.adapters.reference.control.deployment import Deployment
    from harness.adapters.reference.control.isolates import Isolate


_BODY_HANDLES = itertools.count(1)


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no answer. `coded`: the exception as the isolate encoded it, for a caller in another isolate."""

    outcome: Outcome
    name: str = "Error"
    message: str = ""
    stack: str = ""
    coded: Any = None


class Reply(Protocol):
    """Where an invocation's answer goes. Exactly one of the three is called, once."""

    def responded(self, status: int, reason: str, headers: list[tuple[str, str]], body: Body | None) -> None: ...

    def returned(self, coded: msgspec.Raw) -> None: ...

    def failed(self, failure: Failure) -> None: ...


class Begin(msgspec.Struct, kw_only=True):
    """The event as it goes to the isolate. `body`: the request's, if it has one."""

    event: str
    content: dict[str, Any]
    body: Body | None = None


class Invocation:
    """The state of one invocation. Times in nanoseconds of the monotonic clock."""

    __slots__ = (
        *("active", "answered", "begin", "begun_ns", "bodies", "cpu_ns", "deployment", "ended_ns"),
        *("exceptions", "external", "gone", "guest_bodies", "index", "internal", "isolate", "isolate_name", "limits"),
        *(
            "logs",
            "open_ops",
            "outcome",
            "pass_through",
            "place",
            "reply",
            "request_id",
            "sent_turns",
            "settled",
            "tasks",
        ),
        "wall_timer",
    )

    def __init__(self, request_id: int, deployment: Deployment, begin: Begin, reply: Reply, limits: Limits) -> None:
        self.request_id = request_id
        self.deployment = deployment
        self.begin = begin
        self.reply = reply
        self.limits = limits
        self.begun_ns = time.monotonic_ns()
        self.ended_ns = 0
        self.index = -1
        self.isolate: Isolate | None = None
        self.isolate_name: str | None = None
        self.place: str | None = None
        self.cpu_ns = 0
        self.external = 0
        self.internal = 0
        self.outcome = Outcome.OK
        self.answered = False
        self.settled = False
        self.gone = False
        self.pass_through = False
        self.open_ops = 0
        self.sent_turns = 0
        self.active = 0
        self.bodies: dict[int, Body] = {}
        self.guest_bodies: dict[int, PipeBody] = {}
        self.tasks: set[Any] = set()
        self.exceptions: list[dict[str, Any]] = []
        self.logs: list[dict[str, Any]] = []
        self.wall_timer: Any = None

    @property
    def over(self) -> bool:
        return self.ended_ns != 0

    def keep_body(self, body: Body) -> int:
        """A handle by which this invocation, and no other, reads that body."""
        handle = next(_BODY_HANDLES)
        self.bodies[handle] = body
        return handle
