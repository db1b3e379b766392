"""What one operation on a binding costs: KV, D1, Durable Objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.features import Feature
from harness.load_results import LoadDerived, Point
from loadgen.engine import Check, Endpoint, One, get
from loadgen.scenarios import probes
from loadgen.scenarios.bench import Bench, endpoint_of
from loadgen.scenarios.derived import derived, per_step_us
from loadgen.scenarios.engine_turn import EngineTurn, wrong_answers
from loadgen.scenarios.extent import Extent
from loadgen.scenarios.model import CellPlan, Measured, Plan, Scenario
from loadgen.scenarios.under_test import UnderTest

FEW, MANY = 1, 101
"""The two requests of a pair: what they differ by is exactly 100 operations."""

TIMEOUT_S = 30.0

QUICK = Extent(launches=3, rounds=2, seconds=0.6, warm_up_s=0.25, points=(FEW, MANY))
FULL = Extent(launches=10, rounds=3, seconds=1.5, warm_up_s=0.5, points=(FEW, MANY))


@dataclass(frozen=True, kw_only=True)
class Operation:
    """`env`: of the operations Worker, which is bound there to what `feature` names."""

    name: str
    route: str
    env: str
    feature: Feature
    title: str
    lacking: str


KV_PUT = Operation(
    name="kv-put",
    route="/kv-put",
    env="kv",
    feature=Feature.KV_NAMESPACES,
    title="KV put",
    lacking="no KV namespaces",
)
OPERATIONS = (
    Operation(
        name="kv-get",
        route="/kv-get",
        env="kv",
        feature=Feature.KV_NAMESPACES,
        title="KV get",
        lacking="no KV namespaces",
    ),
    KV_PUT,
    Operation(
        name="d1-query",
        route="/d1",
        env="d1",
        feature=Feature.D1_DATABASES,
        title="D1 query",
        lacking="no D1 databases",
    ),
    Operation(
        name="object-call",
        route="/object",
        env="object",
        feature=Feature.DURABLE_OBJECTS,
        title="Durable Object, fetch",
        lacking="no Durable Objects",
    ),
)


def plan(tested: UnderTest, extent: Extent) -> Plan:
    return Plan(
        cells=tuple(
            CellPlan(
                mode=mode_of(operation, count),
                title=f"{operation.title}, {count} operation{'s' if count > 1 else ''} ({tested.name})",
                what=f"A request whose Worker does {count} operation{'s, one after another,' if count > 1 else ''} on "
                "its binding; one request at a time.",
                verified="status 200 and the exact sum over all answers"
                + (" it gives itself; what was put is read back by `kv-get`" if operation is KV_PUT else ""),
                point=Point(name="operations", value=count),
            )
            for operation in OPERATIONS
            if operation.feature in tested.features
            for count in extent.points
        ),
        left_out={
            mode_of(operation, count): f"{tested.name} has {operation.lacking}"
            for operation in OPERATIONS
            if operation.feature not in tested.features
            for count in extent.points
        },
    )


def mode_of(operation: Operation, count: int) -> str:
    return f"{operation.name}-{count}"


def start(bench: Bench, plan: Plan) -> Sequence[EngineTurn]:
    there = [operation for operation in OPERATIONS if operation.feature in bench.runtime.features()]
    if not there:
        return []
    environments = list(dict.fromkeys(operation.env for operation in there))
    instance = bench.launch([probes.worker("operations", env=each) for each in environments])
    endpoints = {each: endpoint_of(instance, f"operations-{each}") for each in environments}
    if KV_PUT in there:  # so that there is something to get; what is wrong with it, the put's own verification says
        wrong_answers(endpoints["kv"], _request(endpoints["kv"], KV_PUT, MANY), timeout_s=TIMEOUT_S, count=1)
    return [
        _turn(bench, endpoints[operation.env], operation, count) for operation in there for count in bench.extent.points
    ]


def _turn(bench: Bench, endpoint: Endpoint, operation: Operation, count: int) -> EngineTurn:
    return EngineTurn(
        mode=mode_of(operation, count),
        endpoint=endpoint,
        requests=lambda: _request(endpoint, operation, count),
        seconds=bench.extent.seconds,
        warm_up_s=bench.extent.warm_up_s,
        timeout_s=TIMEOUT_S,
    )


def _request(endpoint: Endpoint, operation: Operation, count: int) -> One:
    right = f"{count} operations, sum {count * count}".encode()
    return One(get(endpoint, f"{operation.route}?ops={count}"), Check(body=right))


def derive(measured: Measured, plan: Plan) -> Sequence[LoadDerived]:
    """The cost of one operation."""
    return [
        each
        for operation in OPERATIONS
        for each in derived(
            per_step_us(
                measured.by_launch(mode_of(operation, FEW), 0.5),
                measured.by_launch(mode_of(operation, MANY), 0.5),
                MANY - FEW,
            ),
            name=operation.name,
            title=f"one operation: {operation.title}",
            how=f"median time of a request that does {MANY} less that of one that does {FEW}, over {MANY - FEW}",
            unit="us",
        )
    ]


SCENARIO = Scenario(
    name="bindings",
    about="what one operation costs on a binding: KV get and put, a D1 query, a call of a Durable Object",
    extents={"quick": QUICK, "full": FULL},
    plan=plan,
    start=start,
    derive=derive,
)
