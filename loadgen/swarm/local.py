"""A load run in one process: it is its own first process and its only worker."""

from __future__ import annotations

from typing import Any

import gevent

from loadgen.engine import Tally
from loadgen.swarm.engines import Engines
from loadgen.swarm.first import First
from loadgen.swarm.order import LoadOrder

ME = "local"


class Local(First):
    """For Locust's LocalRunner."""

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        environment.events.quitting.add_listener(self.on_quitting)

    def workers(self) -> tuple[str, ...]:
        return (ME,)

    def begin(self, order: LoadOrder) -> None:
        collector = self.collector
        assert collector is not None

        def count(part: Tally) -> None:
            collector.add(ME, part)

        engines = Engines(self.environment.stats, order, worker=ME, on_part=count)
        self.environment.vector_load = engines
        gevent.spawn(self._finish_when_over, engines)

    def withdraw(self) -> None:
        self.environment.vector_load = None

    def finish(self) -> None:
        engines, collector = self.environment.vector_load, self.collector
        if engines is None or collector is None:
            return
        engines.finish()
        collector.end(ME, engines.faults)

    def on_quitting(self, **_: object) -> None:
        """Ctrl-C comes here before Locust stops the users, and before it settles the exit code."""
        if self.collector is not None:
            self.environment.runner.stop()

    def _finish_when_over(self, engines: Engines) -> None:
        engines.wait_until_over()
        if self.environment.vector_load is engines:
            self.finish()
