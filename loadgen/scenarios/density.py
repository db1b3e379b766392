"""How many isolates fit into a process: time to the first answer and resident memory as their number grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.errors import StartError
from harness.features import Feature
from harness.load_results import Point
from harness.runtime import Conditions, IsolatesOnDemand
from loadgen.engine import LoadPlan, Tally
from loadgen.scenarios import memory, probes
from loadgen.scenarios.bench import Bench, on_demand, pids_of
from loadgen.scenarios.engine_turn import COUNTED_DEADLINE_S, taken, wrong_answers
from loadgen.scenarios.extent import Extent
from loadgen.scenarios.isolates import COLD, Isolates
from loadgen.scenarios.model import CellPlan, Plan, Scenario, Taken

WARM_UP_ISOLATES = 20
"""Made before the first reading of memory, which includes what the process takes for itself."""

AT_ONCE = 50
"""Isolates made in one run of the engine, between two looks at the runtime."""

ASKED_AGAIN = 20
"""Of the isolates of a step, evenly spread: they must be the same ones still."""

NEAR_GUARD = 0.85
"""Of the memory guard: what would come nearer is not begun."""

QUICK = Extent(launches=2, rounds=1, points=(100, 500, 1_000))
FULL = Extent(launches=5, rounds=1, points=(100, 500, 1_000, 2_000, 5_000))

RESIDENT, PER_ISOLATE, STILL_THERE = "resident MB", "MB per isolate", "still there"


def plan(runtime: str, features: frozenset[Feature], extent: Extent) -> Plan:
    if Feature.ISOLATES_ON_DEMAND not in features:
        why = f"{runtime} makes no isolates on demand"
        return Plan(cells=(), left_out={mode_of(point): why for point in extent.points})
    return Plan(
        cells=tuple(
            CellPlan(
                mode=mode_of(point),
                title=f"{point:,} isolates ({runtime})",
                what=f"First answers of the isolates from the last step up to {point:,}, made one after the other and "
                "all kept. Memory: resident pages of the processes that carry isolates, as the kernel counts them, in "
                "MB of 10^6 bytes; per isolate, what came on top since before the first.",
                verified=f"{probes.GREETING}; {COLD}; {ASKED_AGAIN} of them are asked again and must be the same ones",
                point=Point(name="isolates", value=point),
            )
            for point in extent.points
        )
    )


def mode_of(point: int) -> str:
    return f"isolates-{point}"


@dataclass(kw_only=True)
class Growth:
    """The isolates of one launch. `first`: the number of the first one that counts."""

    bench: Bench
    isolates: Isolates
    pids: tuple[int, ...]
    guard_bytes: int
    first: int = 0
    made: int = 0
    resident_before: int = 0
    used_before: float = 0.0

    def would_be_near_guard(self, more: int) -> str:
        """Why so many more isolates are not made; empty when they may be."""
        used = memory.share_of_guard(self.pids, self.guard_bytes)
        each = max(0.0, used - self.used_before) / (self.made or WARM_UP_ISOLATES)
        if used + more * each < NEAR_GUARD:
            return ""
        return (
            f"not begun: with {self.made:,} isolates the runtime has taken {used:.0%} of its memory guard of "
            f"{self.guard_bytes / 1e9:.1f} GB, and {more:,} more would come to {used + more * each:.0%}"
        )


@dataclass(frozen=True, kw_only=True)
class Step:
    """Grow to so many."""

    to: int
    growth: Growth

    @property
    def modes(self) -> tuple[str, ...]:
        return (mode_of(self.to),)

    def verify(self) -> Mapping[str, str]:
        """Before the first step: warms up, and takes the first reading of memory."""
        growth = self.growth
        if growth.first:
            return {}
        before = memory.share_of_guard(growth.pids, growth.guard_bytes)
        isolates = growth.isolates
        words = wrong_answers(isolates.endpoint, isolates.fresh(), timeout_s=30.0, count=WARM_UP_ISOLATES)
        growth.first = isolates.next_number()
        growth.resident_before, growth.used_before = memory.resident_bytes(growth.pids), before
        return dict.fromkeys(map(mode_of, growth.bench.extent.points), words) if words else {}

    def take(self) -> Mapping[str, Taken]:
        (mode,) = self.modes
        growth, more = self.growth, self.to - self.growth.made
        stop = growth.would_be_near_guard(more)
        if stop:
            return {mode: Taken(tally=Tally(), stop=stop)}
        whole = Taken(tally=Tally())
        for begun in range(0, more, AT_ONCE):
            one = self._some(min(AT_ONCE, more - begun))
            whole.tally.merge(one.tally)
            whole.discarded.update(one.discarded)
            whole.saturated, whole.saturation = whole.saturated or one.saturated, one.saturation
            growth.bench.require_alive()
        growth.made = self.to
        whole.observed = self._observed()
        return {mode: whole}

    def _some(self, count: int) -> Taken:
        isolates = self.growth.isolates
        return taken(
            LoadPlan(
                endpoint=isolates.endpoint,
                requests=isolates.fresh(),
                connections=1,
                count=count,
                duration_s=COUNTED_DEADLINE_S,
                timeout_s=30.0,
            )
        )

    def _observed(self) -> dict[str, float]:
        """Memory first: asking again would add to it."""
        growth = self.growth
        resident = memory.resident_bytes(growth.pids)
        found = {RESIDENT: resident / 1e6}
        there = self._still_there()
        if there == 1.0:  # else there are fewer than were made, and the division means nothing
            found[PER_ISOLATE] = (resident - growth.resident_before) / self.to / 1e6
        found[STILL_THERE] = there
        return found

    def _still_there(self) -> float:
        growth, same = self.growth, 0
        asked = [growth.first + 1 + index * self.to // ASKED_AGAIN for index in range(min(ASKED_AGAIN, self.to))]
        for number in asked:
            again = growth.isolates.again(number)
            plan = LoadPlan(endpoint=growth.isolates.endpoint, requests=again, connections=1, count=1, timeout_s=30.0)
            same += taken(plan).tally.requests
        return same / len(asked)


def start(bench: Bench, plan: Plan) -> Sequence[Step]:
    if not plan.cells:
        return []
    guard_bytes = memory.guard_bytes()
    conditions = Conditions(instruments=frozenset({IsolatesOnDemand}), memory_guard_bytes=guard_bytes)
    instance = bench.launch([probes.worker("hello")], conditions)
    pids = pids_of(instance)
    if not pids:
        raise StartError(
            f"{bench.runtime.name} does not say which processes carry its isolates", expected="a `Processes` instrument"
        )
    endpoint, header = on_demand(instance, "hello")
    growth = Growth(
        bench=bench, isolates=Isolates(endpoint=endpoint, header=header), pids=pids, guard_bytes=guard_bytes
    )
    return [Step(to=point, growth=growth) for point in sorted(bench.extent.points)]


SCENARIO = Scenario(
    name="density",
    about="time to the first answer, and resident memory, as the isolates of one process grow in number",
    extents={"quick": QUICK, "full": FULL},
    plan=plan,
    start=start,
    in_order=True,
)
