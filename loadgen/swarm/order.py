"""What a run is to be: made once, by the first process, and the same for every process that takes part.

It travels as JSON in Locust's own spawn message, among the options, so that it is there before a worker's run begins.
"""

from __future__ import annotations

import secrets
import time
from pathlib import Path

import msgspec

from loadgen.arrivals import Schedule, parse
from loadgen.engine import Endpoint, LoadPlan, One, get
from loadgen.load_scenarios import named

NS_PER_S = 1_000_000_000

START_LEAD_S = 0.5
"""Between the order and the common start of an open loop: for the order to reach every worker."""

TIMEOUT_S = 10.0
"""Of one request."""

DRAIN_S = 5.0
"""How long answers to what was sent are waited for at the end."""

NO_END_S = 365 * 86_400.0
"""A closed loop runs until it is stopped."""


class LoadOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`arrivals` empty: closed loop. `start_at_ns`: CLOCK_MONOTONIC of the common start, the same in all processes.

    `workers`: those that were there when the run began, by Locust's ids; the place of one in it is its share of the
    schedule. `connections` are those of one engine.
    """

    run: str
    url: str
    scenario: str
    connections: int
    arrivals: str
    duration_s: float | None
    warm_up_s: float
    start_at_ns: int
    workers: tuple[str, ...]

    def schedule(self) -> Schedule | None:
        """Raises `UsageError` when the text is none, or its trace file cannot be read."""
        return parse(self.arrivals, duration_s=self.duration_s) if self.arrivals else None

    def encoded(self) -> str:
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_encoded(cls, text: str) -> LoadOrder:
        return msgspec.json.decode(text, type=cls)


def make(
    *,
    url: str,
    scenario: str,
    connections: int,
    arrivals: str,
    duration_s: float | None,
    warm_up_s: float,
    workers: tuple[str, ...],
) -> LoadOrder:
    """An order that starts in a moment. Raises `UsageError` for what no engine could run."""
    kind, colon, path = arrivals.partition(":")
    order = LoadOrder(
        run=secrets.token_hex(8),
        url=url,
        scenario=scenario,
        connections=connections,
        # A worker may have another working directory.
        arrivals=f"{kind}:{Path(path).absolute()}" if kind == "trace" and colon else arrivals,
        duration_s=duration_s,
        warm_up_s=warm_up_s,
        start_at_ns=time.monotonic_ns() + int(START_LEAD_S * NS_PER_S),
        workers=workers,
    )
    plan(order, worker=0)
    return order


def plan(order: LoadOrder, *, worker: int) -> LoadPlan:
    """What one engine does: of an open loop the share of the given worker, of a closed one all its connections can."""
    endpoint, scenario, schedule = Endpoint.parse(order.url), named(order.scenario), order.schedule()
    return LoadPlan(
        endpoint=endpoint,
        requests=One(get(endpoint, scenario.path), scenario.check),
        connections=order.connections,
        arrivals=schedule,
        duration_s=None if schedule is not None else NO_END_S,
        warm_up_s=order.warm_up_s,
        timeout_s=TIMEOUT_S,
        drain_s=DRAIN_S,
        worker=worker,
        workers=max(1, len(order.workers)),
        start_at_ns=order.start_at_ns if schedule is not None else None,
    )


def question(order: LoadOrder) -> LoadPlan:
    """One request on one connection: whether the target gives the right answer at all."""
    endpoint, scenario = Endpoint.parse(order.url), named(order.scenario)
    return LoadPlan(
        endpoint=endpoint,
        requests=One(get(endpoint, scenario.path), scenario.check),
        connections=1,
        count=1,
        timeout_s=TIMEOUT_S,
    )
