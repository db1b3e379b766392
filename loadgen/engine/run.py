"""What both loops have in common: the parts of a run, and the chores between two polls."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from loadgen.engine import native
from loadgen.engine.books import NEVER_NS, Books, Excerpt
from loadgen.engine.exchanges import Exchanges
from loadgen.engine.plan import LoadPlan
from loadgen.engine.pool import Pool
from loadgen.engine.requests import Check
from loadgen.engine.verdicts import Verdicts

NS_PER_S = 1_000_000_000

TICK_NS = 10_000_000
TICK_S = TICK_NS / NS_PER_S
"""How often the chores are looked at, and the longest poll."""

_STEP_NS = 200_000
_STEP_S = 0.001
"""The same while the last interval's counts are being put away."""

MOST_EVENTS = 256
"""Taken from one poll: more would make the last of them wait."""

_CONNECT_PHASE_S = 3.0
"""How long the load waits, at the start, for connections in the making."""

_MOST_CHECKS = 1024
"""Checks whose verdicts are kept at a time."""


class Loop(Protocol):
    """A closed or an open loop."""

    def settle(self) -> None:
        """Bring `books.now.scheduled` up to date, but for what is about to be rolled."""
        ...


class Run:
    """One run of a plan. Built, used and closed by the engine's thread."""

    def __init__(self, plan: LoadPlan, books: Books) -> None:
        self.plan = plan
        self.books = books
        self.epoll = native.new_epoll()
        closed = plan.arrivals is None
        self.pool = Pool(plan.endpoint, plan.connections, epoll=self.epoll, books=books)
        self.exchanges = Exchanges(
            self.pool, books, epoll=self.epoll, timeout_ns=round(plan.timeout_s * NS_PER_S), closed=closed
        )
        self.loop: Loop
        self.end_ns = 0
        """When the loop is to leave, in CLOCK_MONOTONIC."""
        self.load_until_ns = NEVER_NS
        """When the schedule of an open loop is over. What goes on then is in no rate."""
        self.stopping = False
        self.finishing = False
        """Nothing more is begun; what is under way is waited for, which `stopping` does not."""
        self.idle_s = TICK_S
        """How long a poll may take."""
        self.wanted: Callable[[Excerpt], None] | None = None
        """Who asked for what came since the last take."""
        self._rolled_for: Callable[[Excerpt], None] | None = None
        self._verdicts: dict[int, Verdicts] = {}
        self._interval_ns = round(plan.interval_s * NS_PER_S)
        self._next_roll_ns = 0
        # A time-out is noticed at most a tenth of it late.
        self._sweep_every_ns = max(TICK_NS, min(round(plan.timeout_s * NS_PER_S) // 10, NS_PER_S // 4))
        self._next_sweep_ns = 0

    @property
    def ending(self) -> bool:
        return self.stopping or self.finishing

    def close(self) -> None:
        self.pool.close()
        self.epoll.close()

    def connect(self) -> None:
        """Connect all, without sending: the load begins with every connection that can be had."""
        now_ns = time.monotonic_ns()
        until_ns = now_ns + round(min(self.plan.timeout_s, _CONNECT_PHASE_S) * NS_PER_S)
        while not self.pool.settled and now_ns < until_ns and not self.ending:
            self.pool.open_and_retry(now_ns)
            self.poll_once(TICK_S)
            now_ns = time.monotonic_ns()

    def drain(self, at_most_s: float) -> None:
        """Wait for the answers under way, without sending."""
        now_ns = time.monotonic_ns()
        until_ns = now_ns + round(at_most_s * NS_PER_S)
        while now_ns < until_ns and not self.stopping and any(self.pool.busy()):
            self.poll_once(TICK_S)
            now_ns = time.monotonic_ns()
            self.chores(now_ns)

    def poll_once(self, timeout_s: float) -> None:
        """Events by the slow path only: before the load, and at the end of it."""
        for fd, _ in self.epoll.poll(timeout_s, MOST_EVENTS):
            self.exchanges.attend(fd, None)

    def measure(self, now_ns: int) -> None:
        """The warm-up is over."""
        self.books.measure(now_ns)
        self.exchanges.slow_down()
        self._next_roll_ns = now_ns + self._interval_ns

    def verdicts_for(self, check: Check) -> Verdicts:
        """By identity: comparing checks would compare bodies. An entry holds its check, so no two share a number."""
        found = self._verdicts.get(id(check))
        if found is None:
            if len(self._verdicts) >= _MOST_CHECKS:
                del self._verdicts[next(iter(self._verdicts))]
            found = self._verdicts[id(check)] = Verdicts(check)
        return found

    def chores(self, now_ns: int) -> int:
        """Whatever need not be done at every poll; returns when to ask again."""
        if self.ending:
            self.end_ns = 0
        if now_ns >= self.load_until_ns:
            self.load_until_ns = NEVER_NS
            self.books.stop_the_clock(now_ns)
            self._next_roll_ns = now_ns + self._interval_ns
        elif self._next_roll_ns and now_ns >= self._next_roll_ns:
            self.loop.settle()
            self.books.roll(now_ns)
            self._next_roll_ns = now_ns + self._interval_ns
        self._hand_over(now_ns)
        self.pool.wake(now_ns)
        if now_ns >= self._next_sweep_ns:
            self.exchanges.sweep(now_ns)
            self._next_sweep_ns = now_ns + self._sweep_every_ns
        if self.books.step():
            self.idle_s = _STEP_S
            return now_ns + _STEP_NS
        self.idle_s = TICK_S
        return now_ns + TICK_NS

    def _hand_over(self, now_ns: int) -> None:
        """Roll for who wants a take, and give it out once the roll is counted."""
        if not self.books.packed:
            return
        if self._rolled_for is not None:
            answer, self._rolled_for = self._rolled_for, None
            answer(self.books.take())
        elif self.wanted is not None:
            self._rolled_for, self.wanted = self.wanted, None
            self.loop.settle()
            self.books.roll(now_ns)
