"""Warm latency: a greeting from an isolate that runs, one at a time and at fixed rates."""

from __future__ import annotations

from collections.abc import Sequence

from loadgen.probes import Nonces
from loadgen.scenarios import probes
from loadgen.scenarios.bench import Bench, endpoint_of
from loadgen.scenarios.engine_turn import OPEN_LOOP_CONNECTIONS, EngineTurn
from loadgen.scenarios.extent import Extent
from loadgen.scenarios.model import OPEN, CellPlan, Plan, Scenario
from loadgen.scenarios.under_test import UnderTest

ONE_AT_A_TIME = "closed-1"

QUICK = Extent(launches=3, rounds=2, seconds=1.0, warm_up_s=0.3, rates_rps=(100, 500, 1_000))
FULL = Extent(launches=10, rounds=4, seconds=1.5, warm_up_s=0.3, rates_rps=(100, 500, 1_000, 2_000, 5_000))


def plan(tested: UnderTest, extent: Extent) -> Plan:
    closed = CellPlan(
        mode=ONE_AT_A_TIME,
        title=f"one at a time ({tested.name})",
        what="A hello request on a kept-alive connection, the next when the answer is there.",
        verified=f"{probes.GREETING}; {probes.WARM}",
    )
    opens = (
        CellPlan(
            mode=mode_at(rate),
            title=f"{rate:g}/s ({tested.name})",
            what=f"The same request, due {rate:g} times a second whatever became of those before. Response time is "
            "from when it was due, service time from when it was sent.",
            verified=f"{probes.GREETING}; {probes.WARM}",
            loop=OPEN,
            connections=OPEN_LOOP_CONNECTIONS,
            rate_rps=rate,
        )
        for rate in extent.rates_rps
    )
    return Plan(cells=(closed, *opens))


def mode_at(rate_rps: float) -> str:
    return f"open-{rate_rps:g}"


def start(bench: Bench, plan: Plan) -> Sequence[EngineTurn]:
    endpoint, nonces = endpoint_of(bench.launch([probes.worker("hello")]), "hello"), Nonces()
    return [
        EngineTurn(
            mode=cell.mode,
            endpoint=endpoint,
            requests=lambda: probes.hello(endpoint, nonces),
            connections=cell.connections,
            rate_rps=cell.rate_rps,
            seconds=bench.extent.seconds,
            warm_up_s=bench.extent.warm_up_s,
            speaks_for=tuple(each.mode for each in plan.cells) if cell is plan.cells[0] else (),
        )
        for cell in plan.cells
    ]


SCENARIO = Scenario(
    name="warm",
    about="latency of a greeting from an isolate that runs: one at a time, and at fixed rates",
    extents={"quick": QUICK, "full": FULL},
    plan=plan,
    start=start,
)
