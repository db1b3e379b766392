"""The engines of one process: each in a native thread, its tally moved into Locust's statistics a few times a second.

Everything here is called from greenlets of one hub; only `Engine.run` runs elsewhere. A fault of one engine is kept and
ends nothing else.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from typing import Any

import gevent

from loadgen.engine import Engine, LoadPlan, Tally, native
from loadgen.swarm import bulk_stats
from loadgen.swarm.garbage import Garbage
from loadgen.swarm.order import LoadOrder, plan

METHOD = "GET"

PUMP_INTERVAL_S = 0.5
"""How often tallies are moved: often enough for Locust's figures by second, seldom enough to cost nothing."""

POLL_INTERVAL_S = 0.02
"""How soon the end of a thread is noticed; a native thread cannot wake a greenlet by itself."""


class RunningEngine:
    """One engine and its thread. `fault` is the traceback of what it raised; None while it is right."""

    def __init__(self, plan: LoadPlan) -> None:
        self._engine = Engine(plan)
        self.fault: str | None = None
        self.ended = False
        native.start_thread(self._run, ())

    def _run(self) -> None:
        try:
            self._engine.run()
        except BaseException:  # noqa: BLE001 - kept whole for the report; a thread has nobody to raise to
            self.fault = traceback.format_exc()
        finally:
            self.ended = True

    def take(self) -> Tally:
        """What came since the last take."""
        return self._engine.take()

    def wait(self) -> None:
        """Wait for the end of the thread; other greenlets run meanwhile."""
        while not self.ended:
            gevent.sleep(POLL_INTERVAL_S)

    def finish(self, between: Callable[[], object]) -> None:
        """Begin no more requests, and wait for the answers to those under way, at most the plan's `drain_s`.

        So that what the target answered is counted here. `between` is called time and again, and is to take.
        """
        self._engine.finish()
        while not self.ended:
            gevent.sleep(POLL_INTERVAL_S)
            between()


class Engines:
    """What this process does of one run.

    `on_part` is told of each part of the tally that was moved; together the parts are the whole, each once.
    `closed`: nothing starts any more. `finished`: the last part was moved.
    """

    def __init__(self, stats: Any, order: LoadOrder, *, worker: str, on_part: Callable[[Tally], None]) -> None:
        """Begin: of an open loop, with this worker's share. Raises what `Engine` raises for a plan it cannot run."""
        self._stats = stats
        self._order = order
        self._on_part = on_part
        self._running: list[RunningEngine] = []
        self._garbage = Garbage()
        self.faults: list[str] = []
        self.closed = False
        self.finished = False
        if order.arrivals and worker in order.workers:
            self._start(order.workers.index(worker))
        self._pumping = gevent.spawn(self._pump_for_ever)

    def connect(self) -> RunningEngine | None:
        """One more engine of a closed loop; None where users have none: in an open loop, and at the end."""
        return None if self._order.arrivals or self.closed else self._start(0)

    def _start(self, index: int) -> RunningEngine:
        running = RunningEngine(plan(self._order, worker=index))
        self._running.append(running)
        return running

    def wait_until_over(self) -> None:
        """Wait until nothing more can come: the end of an open loop's share, or a fault, which ends the whole run."""
        while not self.closed:
            if any(each.fault is not None for each in self._running) or self.faults:
                return
            if self._order.arrivals and all(each.ended for each in self._running):
                return
            gevent.sleep(POLL_INTERVAL_S)

    def finish(self) -> None:
        """Stop every engine, wait until they have drained, and move the rest. May be called again, and meanwhile."""
        self.closed = True
        winding = [gevent.spawn(each.finish, self.pump) for each in self._running]
        gevent.joinall(winding)
        if not self.finished:
            self._pumping.kill(block=False)
            self.pump()
            self.finished = True
            self._garbage.end()

    def pump(self) -> None:
        """Move what came since the last time. No other greenlet runs in between, so that both sides agree."""
        if self.finished:
            return
        part = Tally()
        for each in list(self._running):
            ended = each.ended  # asked before the take: what comes in between is for the next one
            if each.fault is None:
                part.merge(each.take())
            else:
                self.faults.append(each.fault)
            if ended:
                self._running.remove(each)
        batch = bulk_stats.Batch(
            right=part.requests, errors=part.errors, response=part.response, content_bytes=part.bytes_received
        )
        bulk_stats.add(self._stats, method=METHOD, name=self._order.scenario, batch=batch, now_s=time.time())
        self._on_part(part)

    def _pump_for_ever(self) -> None:
        while True:
            gevent.sleep(PUMP_INTERVAL_S)
            self.pump()
            self._garbage.collect_now_and_then()
