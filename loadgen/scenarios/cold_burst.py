"""Bursts of fresh isolates: how long each of N that are asked for at once takes, and the last of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.features import Feature
from harness.histograms.histogram import LatencyHistogram
from harness.load_results import Point
from harness.runtime import Conditions, IsolatesOnDemand
from loadgen.engine import LoadPlan, Tally
from loadgen.scenarios import probes
from loadgen.scenarios.bench import Bench, on_demand
from loadgen.scenarios.engine_turn import COUNTED_DEADLINE_S, taken, wrong_answers
from loadgen.scenarios.extent import Extent
from loadgen.scenarios.isolates import COLD, Isolates
from loadgen.scenarios.model import CellPlan, Plan, Scenario, Taken
from loadgen.scenarios.under_test import UnderTest

TIMEOUT_S = 30.0
WARM_UP_ISOLATES = 5

QUICK = Extent(launches=3, rounds=4, points=(1, 10, 50))
FULL = Extent(launches=10, rounds=6, points=(1, 10, 50, 100))


def plan(tested: UnderTest, extent: Extent) -> Plan:
    if Feature.ISOLATES_ON_DEMAND not in tested.features:
        why = f"{tested.name} makes no isolates on demand"
        return Plan(cells=(), left_out={mode: why for size in extent.points for mode in (each(size), last(size))})
    return Plan(
        cells=tuple(
            CellPlan(
                mode=mode,
                title=f"{words}{size} at once ({tested.name})",
                what=what.format(size=size),
                verified=f"{probes.GREETING}; {COLD}",
                connections=size,
                point=Point(name="isolates at once", value=size),
            )
            for size in extent.points
            for mode, words, what in (
                (each(size), "each of ", "{size} requests for {size} isolates that do not exist yet, sent one behind "
                 "the other without waiting, on a connection each: from the send to the answer of each."),
                (last(size), "last of ", "The same bursts, one sample each: from the first send to the last answer. A "
                 "burst counts only if every answer in it was right and cold."),
            )
        )
    )  # fmt: skip


def each(size: int) -> str:
    return f"each-{size}"


def last(size: int) -> str:
    return f"last-{size}"


@dataclass(frozen=True, kw_only=True)
class BurstTurn:
    """One burst. The engine connects before it begins."""

    size: int
    isolates: Isolates

    @property
    def modes(self) -> tuple[str, ...]:
        return each(self.size), last(self.size)

    def verify(self) -> Mapping[str, str]:
        """A few isolates, one after the other, which also warms up."""
        words = wrong_answers(
            self.isolates.endpoint, self.isolates.fresh(), timeout_s=TIMEOUT_S, count=WARM_UP_ISOLATES
        )
        return dict.fromkeys(self.modes, words) if words else {}

    def take(self) -> Mapping[str, Taken]:
        found = taken(
            LoadPlan(
                endpoint=self.isolates.endpoint,
                requests=self.isolates.fresh(),
                connections=self.size,
                count=self.size,
                duration_s=COUNTED_DEADLINE_S,
                timeout_s=TIMEOUT_S,
            )
        )
        whole = Taken(tally=_one(found.tally), saturated=found.saturated, saturation=found.saturation)
        if found.tally.requests != self.size:
            whole.tally, whole.discarded["burst not whole"] = Tally(scheduled=1), 1
        return {each(self.size): found, last(self.size): whole}


def _one(burst: Tally) -> Tally:
    """One sample: the burst's length, from the first send to the last answer."""
    histogram = LatencyHistogram([burst.wall_ns])
    return Tally(
        response=histogram,
        service=histogram,
        requests=1,
        scheduled=1,
        started_ns=burst.started_ns,
        wall_ns=burst.wall_ns,
        engine_ns=burst.engine_ns,
        cpu_ns=burst.cpu_ns,
    )


def start(bench: Bench, plan: Plan) -> Sequence[BurstTurn]:
    instance = bench.launch([probes.worker("hello")], Conditions(instruments=frozenset({IsolatesOnDemand})))
    endpoint, header = on_demand(instance, "hello")
    isolates = Isolates(endpoint=endpoint, header=header)
    return [BurstTurn(size=size, isolates=isolates) for size in bench.extent.points]


SCENARIO = Scenario(
    name="cold-burst",
    about="fresh isolates asked for all at once: the time to each answer, and to the last",
    extents={"quick": QUICK, "full": FULL},
    plan=plan,
    start=start,
)
