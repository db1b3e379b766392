"""Chains of service bindings, by fetch and by RPC, against the same number of hops by HTTP over loopback."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.application import Worker
from harness.features import Feature
from harness.load_results import LoadDerived, Point
from harness.runtime import Conditions, Instance, Outbound
from loadgen.engine import Check, One, get
from loadgen.scenarios import probes
from loadgen.scenarios.bench import Bench, endpoint_of, peer_url
from loadgen.scenarios.derived import derived, per_step_us
from loadgen.scenarios.engine_turn import EngineTurn
from loadgen.scenarios.extent import Extent
from loadgen.scenarios.model import CellPlan, Measured, Plan, Scenario
from loadgen.scenarios.under_test import UnderTest

HOPS = (1, 2, 4, 8, 16, 32)

QUICK = Extent(launches=3, rounds=1, seconds=0.35, warm_up_s=0.15, points=HOPS)
FULL = Extent(launches=10, rounds=2, seconds=0.6, warm_up_s=0.3, points=HOPS)

LOOPBACK = Conditions(outbound=Outbound(public=("127.0.0.1",)))


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a hop is made. `bound`: whether it needs a service binding. `by_node`: by Node's own HTTP client."""

    name: str
    route: str
    title: str
    bound: bool = False
    of_baseline: bool = False
    by_node: bool = False


BOUND = (
    Way(name="fetch", route="/fetch", title="service binding, fetch", bound=True),
    Way(name="rpc", route="/rpc", title="service binding, RPC", bound=True),
)
HTTP = Way(name="http", route="/http", title="HTTP over loopback")
BETWEEN_PROCESSES = Way(name="http", route="/http", title="HTTP over loopback, by Node's own client", by_node=True)
BESIDE = Way(
    name="process-http",
    route="/http",
    title="HTTP between processes of the baseline",
    of_baseline=True,
    by_node=True,
)


def ways_of(tested: UnderTest) -> tuple[Way, ...]:
    """Those that can be measured. A plain process calls as a process would: fetch() of Node holds connections back."""
    bound = BOUND if Feature.SERVICE_BINDINGS in tested.features else ()
    return (*bound, BETWEEN_PROCESSES if tested.is_process else HTTP, *((BESIDE,) if tested.has_baseline else ()))


def plan(tested: UnderTest, extent: Extent) -> Plan:
    ways = ways_of(tested)
    return Plan(
        cells=tuple(
            CellPlan(
                mode=mode_of(way, hops),
                title=f"{way.title}, {hops} hop{'s' if hops > 1 else ''}"
                + ("" if way.of_baseline else f" ({tested.name})"),
                what=f"A request that is handed on {hops} times, to and fro between two Workers, each waiting for the "
                "next; one request at a time.",
                verified="status 200 and a text in which every Worker on the way has put its letter",
                point=Point(name="hops", value=hops),
            )
            for way in ways
            for hops in extent.points
        ),
        left_out={
            mode_of(way, hops): f"{tested.name} has no service bindings"
            for way in BOUND
            if way not in ways
            for hops in extent.points
        },
    )


def mode_of(way: Way, hops: int) -> str:
    return f"{way.name}-{hops}"


def start(bench: Bench, plan: Plan) -> Sequence[EngineTurn]:
    ways = ways_of(bench.tested)
    kind = "process-" if BETWEEN_PROCESSES in ways else "" if BOUND[0] in ways else "unbound-"
    served = {False: bench.launch(_relays(kind), LOOPBACK)}
    if bench.baseline is not None:
        served[True] = bench.launch(_relays("process-"), LOOPBACK, runtime=bench.baseline)
    return [_turn(bench, served[way.of_baseline], way, hops) for way in ways for hops in bench.extent.points]


def _relays(kind: str) -> list[Worker]:
    return [probes.worker("relay", env=f"{kind}{mark}") for mark in "ab"]


def _turn(bench: Bench, instance: Instance, way: Way, hops: int) -> EngineTurn:
    endpoint = endpoint_of(instance, "relay-a")
    places = {"isomark-here": peer_url(instance, "relay-a"), "isomark-next": peer_url(instance, "relay-b")}
    request = get(endpoint, f"{way.route}?hops={hops}", {} if way.bound else places)
    spelt = ("ab" * (hops // 2 + 1))[: hops + 1].encode()
    return EngineTurn(
        mode=mode_of(way, hops),
        endpoint=endpoint,
        requests=lambda: One(request, Check(body=spelt)),
        seconds=bench.extent.seconds,
        warm_up_s=bench.extent.warm_up_s,
    )


def derive(measured: Measured, plan: Plan) -> Sequence[LoadDerived]:
    """The cost of a hop, from the shortest chain and the longest."""
    hops = sorted({int(cell.point.value) for cell in plan.cells if cell.point is not None})
    if len(hops) < 2:
        return ()
    few, many = hops[0], hops[-1]
    return [
        each
        for way in (*BOUND, HTTP, BESIDE)  # one of the two that are called `http` stands for both
        for each in derived(
            per_step_us(
                measured.by_launch(mode_of(way, few), 0.5), measured.by_launch(mode_of(way, many), 0.5), many - few
            ),
            name=f"{way.name}-hop",
            title=f"one hop: {way.title}",
            how=f"median time of {many} hops less that of {few}, over {many - few}",
            unit="us",
        )
    ]


SCENARIO = Scenario(
    name="chain",
    about="chains of service bindings, by fetch and by RPC, against as many hops by HTTP over loopback",
    extents={"quick": QUICK, "full": FULL},
    plan=plan,
    start=start,
    derive=derive,
    has_baseline=True,
)
