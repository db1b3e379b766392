"""A load run over several Locust processes: workers tell the master everything, once; it knows when that is all.

The order travels in Locust's spawn message (`swarm.order`). Each of Locust's own reports carries what came since the
last, as encoded histograms and counts (`swarm.reports`). At the end the master tells the workers to finish, and holds
Locust's stop until each has drained its engines and sent its last report, or is known to be gone: then the result is
incomplete, with what arrived kept. So the master's count is the sum of the workers' counts, and that is the target's.

Locust calls listeners in the order they were added, and those of `quitting` in reverse. That matters in three places,
where a comment says so.
"""

from __future__ import annotations

import time
from typing import Any

import gevent
import msgspec
from locust.runners import STATE_MISSING

from loadgen.engine import Tally
from loadgen.swarm.engines import POLL_INTERVAL_S, Engines
from loadgen.swarm.first import First
from loadgen.swarm.order import DRAIN_S, TIMEOUT_S, LoadOrder
from loadgen.swarm.reports import Report

FINISH, NOTHING = "isomark-finish", "isomark-nothing"
"""Messages: from the master, to stop and report; from a worker that took no part in that run, or in any."""

FIELD = "isomark"
"""Of Locust's reports."""

LAST_REPORTS_DEADLINE_S = TIMEOUT_S + DRAIN_S + 10
"""Safety deadline for workers that live and do not report: engines drain within the first two of these."""


class Worker:
    """For Locust's WorkerRunner."""

    def __init__(self, environment: Any) -> None:
        self.environment = environment
        self._unsent = Tally()
        self._reports = 0
        self._run = ""
        self._final_sent = False
        environment.vector_load = None
        events = environment.events
        events.test_start.add_listener(self._on_test_start)
        # Added after Locust's own, so called before it: that one tells the master that this worker is gone.
        events.quitting.add_listener(self._on_quitting)
        environment.runner.register_message(FINISH, self._on_finish, concurrent=True)

    def fill(self, data: dict[str, Any]) -> None:
        """Put what came since the last time into a report to the master, and the same into Locust's part of it."""
        engines: Engines | None = self.environment.vector_load
        if engines is None or self._final_sent:
            return
        engines.pump()
        report = Report(
            run=self._run,
            number=self._reports,
            final=engines.finished,
            faults=tuple(engines.faults) if engines.finished else (),
            tally=self._unsent.to_message(),
        )
        self._unsent, self._reports, self._final_sent = Tally(), self._reports + 1, report.final
        data[FIELD] = msgspec.json.encode(report)

    def _on_test_start(self, **_: object) -> None:
        text = getattr(self.environment.parsed_options, LoadOrder.__name__, "")
        self.environment.vector_load = None
        if not text:
            return
        order, runner = LoadOrder.from_encoded(text), self.environment.runner
        self._unsent, self._reports, self._run, self._final_sent = Tally(), 0, order.run, False
        engines = Engines(self.environment.stats, order, worker=runner.client_id, on_part=self._count)
        self.environment.vector_load = engines
        gevent.spawn(self._finish_when_over, engines)

    def _count(self, part: Tally) -> None:
        self._unsent.merge(part)

    def _on_quitting(self, **_: object) -> None:
        if self.environment.vector_load is None:
            self.environment.runner.send_message(NOTHING, "")
        self._finish()

    def _on_finish(self, msg: Any, **_: object) -> None:
        if self.environment.vector_load is None or msg.data != self._run:
            self.environment.runner.send_message(NOTHING, msg.data)
        else:
            self._finish()

    def _finish(self) -> None:
        """Drain, and tell the master the rest."""
        engines: Engines | None = self.environment.vector_load
        if engines is None:
            return
        engines.finish()
        if not self._final_sent:
            self.environment.runner._send_stats()

    def _finish_when_over(self, engines: Engines) -> None:
        engines.wait_until_over()
        if self.environment.vector_load is engines:
            self._finish()


class Master(First):
    """For Locust's MasterRunner."""

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        environment.events.worker_report.add_listener(self._on_worker_report)
        environment.events.worker_connect.add_listener(self._on_worker_connect)
        environment.runner.register_message(NOTHING, self._on_nothing)

    def workers(self) -> tuple[str, ...]:
        clients = self.environment.runner.clients
        return tuple(node.id for node in clients.ready + clients.running + clients.spawning)

    def begin(self, order: LoadOrder) -> None:
        setattr(self.options, LoadOrder.__name__, order.encoded())
        gevent.spawn(self._watch)

    def withdraw(self) -> None:
        setattr(self.options, LoadOrder.__name__, "")

    def finish(self) -> None:
        order, collector, runner = self.order, self.collector, self.environment.runner
        if order is None or collector is None:
            return
        runner.send_message(FINISH, order.run)
        deadline = time.monotonic() + LAST_REPORTS_DEADLINE_S
        while collector.waiting_for():
            self._note_lost()
            if time.monotonic() > deadline:
                for worker in collector.waiting_for():
                    collector.lose(worker, "it lives and sent no last report")
            gevent.sleep(POLL_INTERVAL_S)

    def _on_worker_report(self, client_id: str, data: dict[str, Any]) -> None:
        packed = data.get(FIELD)
        if packed is None or self.collector is None or self.order is None:
            return
        report = msgspec.json.decode(packed, type=Report)
        if report.run == self.order.run:
            self.collector.accept(client_id, report)

    def _on_worker_connect(self, client_id: str) -> None:
        """In a closed loop Locust may give it users; in an open one it has no share, and says so at the end."""
        if self.collector is not None:
            self.collector.expect(client_id)

    def _on_nothing(self, msg: Any, **_: object) -> None:
        if self.collector is not None and self.order is not None and msg.data in {self.order.run, ""}:
            self.collector.expect(msg.node_id)
            self.collector.end(msg.node_id)

    def _watch(self) -> None:
        collector = self.collector
        while collector is not None and self.collector is collector:
            self._note_lost()
            gevent.sleep(10 * POLL_INTERVAL_S)

    def _note_lost(self) -> None:
        """Locust misses a worker some four seconds after its last heartbeat."""
        if self.collector is None:
            return
        clients = self.environment.runner.clients
        for worker in self.collector.waiting_for():
            node = clients.get(worker)
            if node is None:
                self.collector.lose(worker, "it left without a last report")
            elif node.state == STATE_MISSING:
                self.collector.lose(worker, "it is gone: no heartbeat, no last report")
