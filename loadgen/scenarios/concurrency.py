"""Latency and throughput against the number of connections, for handlers that wait and for handlers that compute."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.load_results import Point
from loadgen.engine import Endpoint, One
from loadgen.scenarios import probes
from loadgen.scenarios.bench import Bench, endpoint_of
from loadgen.scenarios.engine_turn import EngineTurn
from loadgen.scenarios.extent import Extent
from loadgen.scenarios.model import CellPlan, Plan, Scenario
from loadgen.scenarios.under_test import UnderTest

WAIT_MS = 10
BURN_ROUNDS = 100_000

TIMEOUT_S = 30.0

CONNECTIONS = (1, 10, 50, 100, 300, 1_000)

QUICK = Extent(launches=3, rounds=1, seconds=0.7, warm_up_s=0.3, points=CONNECTIONS)
FULL = Extent(launches=10, rounds=2, seconds=1.2, warm_up_s=0.4, points=CONNECTIONS)


@dataclass(frozen=True, kw_only=True)
class Handler:
    """What a request has its Worker do."""

    name: str
    worker: str
    requests: Callable[[Endpoint], One]
    what: str
    verified: str


HANDLERS = (
    Handler(
        name="wait",
        worker="waiting",
        requests=lambda endpoint: probes.waiting(endpoint, WAIT_MS),
        what=f"a handler that waits {WAIT_MS} ms for a timer",
        verified="status 200 and the exact text",
    ),
    Handler(
        name="compute",
        worker="burn",
        requests=lambda endpoint: probes.burning(endpoint, BURN_ROUNDS),
        what=f"a handler that computes {BURN_ROUNDS:,} rounds of integer work, about 0.2 ms in V8",
        verified="status 200 and the exact result of the work",
    ),
)


def plan(tested: UnderTest, extent: Extent) -> Plan:
    return Plan(
        cells=tuple(
            CellPlan(
                mode=mode_of(handler, connections),
                title=f"{handler.name}, {connections} connection{'s' if connections > 1 else ''} ({tested.name})",
                what=f"Requests to {handler.what}: each connection sends its next when it has the answer.",
                verified=handler.verified,
                connections=connections,
                point=Point(name="connections", value=connections),
            )
            for handler in HANDLERS
            for connections in extent.points
        )
    )


def mode_of(handler: Handler, connections: int) -> str:
    return f"{handler.name}-{connections}"


def start(bench: Bench, plan: Plan) -> Sequence[EngineTurn]:
    instance = bench.launch([probes.worker(handler.worker) for handler in HANDLERS])
    return [
        _turn(bench, handler, endpoint_of(instance, handler.worker), connections)
        for handler in HANDLERS
        for connections in bench.extent.points
    ]


def _turn(bench: Bench, handler: Handler, endpoint: Endpoint, connections: int) -> EngineTurn:
    points = bench.extent.points
    return EngineTurn(
        mode=mode_of(handler, connections),
        endpoint=endpoint,
        requests=lambda: handler.requests(endpoint),
        connections=connections,
        seconds=bench.extent.seconds,
        warm_up_s=bench.extent.warm_up_s,
        timeout_s=TIMEOUT_S,
        speaks_for=tuple(mode_of(handler, each) for each in points) if connections == points[0] else (),
    )


SCENARIO = Scenario(
    name="concurrency",
    about="latency and throughput against connections, with handlers that wait and with handlers that compute",
    extents={"quick": QUICK, "full": FULL},
    plan=plan,
    start=start,
)
