"""Isolates come and go here: warm ones are used again, new ones made only at capacity, idle ones evicted."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from harness.adapters.reference.control.policy import PoolPolicy

if TYPE_CHECKING:
    from harness.adapters.reference.control.deployment import Deployment
    from harness.adapters.reference.control.invocation import Invocation


class Isolate:
    """One generation of one isolate. `name` is never used again, so a ledger tells generations apart."""

    __slots__ = ("busy", "deployment", "idle_since_ns", "in_flight", "kept", "name", "number", "warm")

    def __init__(self, number: int, deployment: Deployment) -> None:
        self.number = number
        self.name = f"{deployment.worker.name}#{number}"
        self.deployment = deployment
        self.in_flight: dict[int, Invocation] = {}
        self.warm = False
        self.busy = False
        self.kept = False
        self.idle_since_ns = time.monotonic_ns()


class IsolateHost(Protocol):
    """What a pool asks of the host."""

    def make(self, deployment: Deployment) -> Isolate: ...

    def dispose(self, isolate: Isolate) -> None: ...

    def enter(self, isolate: Isolate, invocation: Invocation) -> None: ...

    def busy_isolates(self) -> int: ...


class Pool:
    """The isolates of one deployment, and the invocations that wait for one.

    `places`: isolates tied to a name, be it a Durable Object's or one that a client asked for; "isolate:..." names are
    never shared with other invocations and their isolates are kept.
    """

    def __init__(self, deployment: Deployment, host: IsolateHost, policy: PoolPolicy, parallel: int) -> None:
        self._deployment = deployment
        self.host = host
        self._policy = policy
        self._parallel = parallel
        self.isolates: list[Isolate] = []
        self.places: dict[str, Isolate] = {}
        self.retired = False
        self._waiting: deque[Invocation] = deque()

    def place(self, invocation: Invocation) -> None:
        """Let an isolate have it now, or as soon as there is one."""
        isolate = self.pick(invocation)
        if isolate is not None:
            self.host.enter(isolate, invocation)
            return
        self._waiting.append(invocation)
        self.grow()

    def pick(self, invocation: Invocation) -> Isolate | None:
        """A warm isolate that is not at capacity."""
        if invocation.place is not None:
            return self._pick_place(invocation.place)
        for isolate in self.isolates:
            if self.has_room(isolate):
                return isolate
        return None

    def has_room(self, isolate: Isolate) -> bool:
        return (
            isolate.warm
            and not isolate.busy
            and not isolate.kept
            and len(isolate.in_flight) < self._policy.most_requests
        )

    def _pick_place(self, place: str) -> Isolate | None:
        isolate = self.places.get(place)
        if isolate is None:
            if place.startswith("isolate:"):
                isolate = self._make()
                isolate.kept = True
            else:
                isolate = next((each for each in self.isolates if not each.kept), None) or self._make()
            self.places[place] = isolate
        return isolate if isolate.warm and not isolate.busy else None

    def grow(self) -> None:
        """Make a new isolate for those who wait, unless one is coming or every core has a busy one already."""
        if all(invocation.place is not None for invocation in self._waiting):
            return  # they wait for an isolate of their own
        shared = [isolate for isolate in self.isolates if not isolate.kept]
        if any(not isolate.warm for isolate in shared):
            return
        if not shared or self.host.busy_isolates() < self._parallel:
            self._make()

    def _make(self) -> Isolate:
        isolate = self.host.make(self._deployment)
        self.isolates.append(isolate)
        return isolate

    def became_warm(self, isolate: Isolate) -> None:
        isolate.warm = True
        isolate.idle_since_ns = time.monotonic_ns()
        self.flush()
        if self.retired and not isolate.in_flight:
            self.retire(isolate)

    def at_capacity(self, isolate: Isolate, returned: Iterable[Invocation]) -> None:
        """Its running turn is long: what it has not begun goes elsewhere."""
        isolate.busy = True
        self._waiting.extendleft(reversed(list(returned)))
        self.flush()

    def has_room_again(self, isolate: Isolate) -> None:
        isolate.busy = False
        self.flush()

    def flush(self) -> None:
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, deque()
        for invocation in waiting:
            if invocation.over:
                continue
            isolate = self.pick(invocation)
            if isolate is None:
                self._waiting.append(invocation)
            else:
                self.host.enter(isolate, invocation)
        if self._waiting:
            self.grow()

    def gone(self, isolate: Isolate, returned: Iterable[Invocation]) -> None:
        """The isolate is dead; what it never began begins elsewhere."""
        if isolate in self.isolates:
            self.isolates.remove(isolate)
        self.places = {place: each for place, each in self.places.items() if each is not isolate}
        self._waiting.extendleft(reversed(list(returned)))
        self.flush()

    def abandon(self) -> list[Invocation]:
        """Those who wait for an isolate that cannot be made."""
        waiting, self._waiting = list(self._waiting), deque()
        return [invocation for invocation in waiting if not invocation.over]

    def evict_idle(self, now_ns: int) -> None:
        """End every isolate that has been idle for long enough."""
        for isolate in list(self.isolates):
            idle_ms = (now_ns - isolate.idle_since_ns) / 1e6
            if isolate.warm and not isolate.in_flight and not isolate.kept and idle_ms >= self._policy.idle_ms:
                self.retire(isolate)

    def retire(self, isolate: Isolate) -> None:
        """Take no more requests with it, and end it."""
        if isolate in self.isolates:
            self.isolates.remove(isolate)
        self.places = {place: each for place, each in self.places.items() if each is not isolate}
        self.host.dispose(isolate)

    def left(self, isolate: Isolate) -> None:
        """A request of its is over: there may be room for one that waits."""
        if isolate.warm and not isolate.in_flight:
            self.emptied(isolate)
        self.flush()

    def emptied(self, isolate: Isolate) -> None:
        """Its last request is over."""
        isolate.idle_since_ns = time.monotonic_ns()
        if self.retired:
            self.retire(isolate)

    def retire_all(self) -> None:
        """For a version that is no longer deployed: isolates end when their last request does."""
        self.retired = True
        for isolate in list(self.isolates):
            if isolate.warm and not isolate.in_flight:
                self.retire(isolate)
