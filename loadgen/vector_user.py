"""`VectorUser`: one Locust User that drives many connections, where Locust's own drive one each.

Its connections belong to an engine in a native thread (`loadgen.engine`); Locust starts and stops it, and shows what
came of it. How users map to load:

- closed loop: each user is one engine with `--connections` connections. A shape or a ramp that changes the number of
  users changes the number of connections by that step. The engines of one process share a core; `--processes` gives
  each its own.
- open loop: the schedule is one for the whole run, and is dealt to the workers there at its start, each arrival once,
  whatever the number of users. Each worker has one engine with `--connections` connections; users only wait.

Importing this module imports Locust, which monkey-patches the process.
"""

from __future__ import annotations

import gevent
from locust import User, task

from loadgen.swarm.engines import POLL_INTERVAL_S, Engines

_RUNNING = "running"  # Locust's own word: what lets User.stop(force=False) end the loop below


class EngineFailed(Exception):
    """An engine raised; the text is its traceback."""


class VectorUser(User):  # type: ignore[misc] # Locust's classes are untyped here
    """Use it through `loadgen/locustfile.py`, or subclass it in a locustfile that imports that one's listeners.

    `environment.vector_load` is what this process does of the run; None when no run was ordered.
    """

    abstract = True

    def run(self) -> None:
        """Drive until Locust stops this user; by then its connections are drained and closed."""
        self._state: str | None = _RUNNING
        self.drive()

    @task  # type: ignore[untyped-decorator]
    def drive(self) -> None:
        """All a user does: the one task in Locust's lists. No wait, no next task."""
        load: Engines | None = getattr(self.environment, "vector_load", None)
        engine = load.connect() if load is not None else None
        try:
            while self._state == _RUNNING and not (engine is not None and engine.ended):
                gevent.sleep(POLL_INTERVAL_S)
            if engine is not None and engine.fault is not None:
                self._tell(engine.fault)
            while self._state == _RUNNING:
                gevent.sleep(POLL_INTERVAL_S)
        finally:
            if load is not None and engine is not None:
                engine.finish(between=load.pump)

    def _tell(self, fault: str) -> None:
        """Show it among Locust's exceptions, which also makes the exit code."""
        error = EngineFailed(fault)
        self.environment.events.user_error.fire(user_instance=self, exception=error, tb=error.__traceback__)
