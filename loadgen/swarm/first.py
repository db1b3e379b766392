"""What the first process of a load run does, be it alone or the master: target, orders, the result.

Imports nothing of Locust: environment and runner are handed in.
"""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import gevent

from harness.errors import IsomarkError, StartError, UsageError
from loadgen.engine import Endpoint
from loadgen.load_scenarios import ANY_ANSWER, SCENARIOS, named
from loadgen.swarm import order as orders
from loadgen.swarm import result as results
from loadgen.swarm.engines import POLL_INTERVAL_S, RunningEngine
from loadgen.swarm.order import LoadOrder
from loadgen.swarm.reports import Collector
from loadgen.swarm.target import Target, launch

NOT_WHOLE = 1
"""Exit code of a run whose result is incomplete: Locust's own for a run with failures."""

SETTLE_S = orders.START_LEAD_S + 1.0
"""A stop that comes so shortly before an open loop's end lets it end: --run-time counts from before its start."""

DEFAULT_SCENARIO = "warm"


class First(ABC):
    """Begins and ends runs. One at a time; the web page may begin another when one is over."""

    def __init__(self, environment: Any) -> None:
        self.environment = environment
        self.options = environment.parsed_options
        self.target = Target(url="")
        self.order: LoadOrder | None = None
        self.collector: Collector | None = None
        events = environment.events
        events.test_start.add_listener(self.on_test_start)
        events.test_stopping.add_listener(self.on_test_stopping)
        events.test_stop.add_listener(self.on_test_stop)
        events.quit.add_listener(self.on_quit)

    # What differs between a process alone and a master

    @abstractmethod
    def workers(self) -> tuple[str, ...]:
        """Ids of the workers that are there."""

    @abstractmethod
    def begin(self, order: LoadOrder) -> None:
        """Give the order to whoever generates."""

    @abstractmethod
    def withdraw(self) -> None:
        """There is no run: whoever generates must not begin."""

    @abstractmethod
    def finish(self) -> None:
        """Stop whoever generates, and wait for all they have to tell or until it is certain that nothing comes."""

    # The target

    def find_target(self) -> None:
        """Launch the runtime, or take what listens already. Raises `IsomarkError`, also for options at odds."""
        runtime, target = self.options.runtime, self.options.target
        if bool(runtime) == bool(target):
            raise UsageError(
                "both --runtime and --target are given" if runtime else "there is nothing to send load to",
                expected="--runtime=NAME for a runtime to launch, or --target=URL for one that listens on this machine",
            )
        if runtime:
            self.options.scenario = self.options.scenario or DEFAULT_SCENARIO
            named(self.options.scenario)
            self.target = launch(runtime, self.options.scenario)
        else:
            Endpoint.parse(target)
            self.options.scenario = self.options.scenario or ANY_ANSWER.name
            self.target = Target(url=target)
        self.environment.host = self.target.url

    def check_order(self) -> None:
        """Raises `UsageError` for options that make no run."""
        self._make_order(workers=("any",))

    def on_quit(self, **_: object) -> None:
        self.target.close()

    # A run

    def on_test_start(self, **_: object) -> None:
        self.environment.host = self.target.url  # the page has a field for it, which must not lie
        self.order = self.collector = None
        self.withdraw()
        try:
            self._ask_once(self._make_order(workers=("any",)))
            order = self._make_order(workers=self.workers())
        except IsomarkError as error:
            print(f"isomark load: {error}", file=sys.stderr, flush=True)
            self.environment.process_exit_code = error.exit_code
            gevent.spawn(self._end_run)
            return
        self.environment.process_exit_code = None  # that of the last run, where the page begins several
        self.order, self.collector = order, Collector(order.workers)
        self.begin(order)
        gevent.spawn(self._end_when_over, self.collector)

    def on_test_stopping(self, **_: object) -> None:
        if self.collector is None or self.order is None:
            return
        self._let_schedule_end(self.order, self.collector)
        self.finish()

    def on_test_stop(self, **_: object) -> None:
        """Print and write the result, once."""
        order, collector = self.order, self.collector
        self.order = self.collector = None
        if order is None or collector is None:
            return
        result = results.of(order, collector, self.target)
        print(results.text(result), file=sys.stderr, flush=True)
        if not result.complete:
            self.environment.process_exit_code = NOT_WHOLE
        if self.options.out:
            try:
                results.write(Path(self.options.out), result, collector)
            except IsomarkError as error:
                print(f"isomark load: {error}", file=sys.stderr, flush=True)
                self.environment.process_exit_code = error.exit_code

    def _make_order(self, *, workers: tuple[str, ...]) -> LoadOrder:
        return orders.make(
            url=self.target.url,
            scenario=self.options.scenario,
            connections=self.options.connections,
            arrivals=self.options.arrivals,
            duration_s=self.options.run_time,
            warm_up_s=self.options.warm_up,
            workers=workers,
        )

    def _ask_once(self, order: LoadOrder) -> None:
        """Verify before timing. Raises `StartError` when the target's answer is not the scenario's."""
        asking = RunningEngine(orders.question(order))
        asking.wait()
        if asking.fault is not None:
            raise StartError("the engine failed at its first request", log_tail=asking.fault)
        if errors := asking.take().errors:
            scenario = SCENARIOS.get(order.scenario, ANY_ANSWER)
            raise StartError(
                f"{order.url} gave no right answer to a request for {scenario.path}: {', '.join(errors)}",
                expected=f"the answer of scenario {order.scenario!r}: {scenario.about}",
                remedy="nothing was timed; check that the target runs and serves this scenario",
            )

    def _let_schedule_end(self, order: LoadOrder, collector: Collector) -> None:
        schedule = order.schedule()
        if schedule is None:
            return
        end_ns = order.start_at_ns + schedule.duration_ns
        if time.monotonic_ns() < end_ns - SETTLE_S * orders.NS_PER_S:
            return
        deadline_ns = end_ns + int((orders.DRAIN_S + SETTLE_S) * orders.NS_PER_S)
        while collector.waiting_for() and time.monotonic_ns() < deadline_ns:
            gevent.sleep(POLL_INTERVAL_S)

    def _end_when_over(self, collector: Collector) -> None:
        """An open loop ends with its schedule; and any run when nobody is left who could generate."""
        while self.collector is collector:
            if not collector.waiting_for():
                self._end_run()
                return
            gevent.sleep(POLL_INTERVAL_S)

    def _end_run(self) -> None:
        if self.options.headless:
            self.environment.runner.quit()
        else:
            self.environment.runner.stop()
