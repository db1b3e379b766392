"""Isolates made one after the other in a process that runs, and kept: what each costs as they grow in number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.errors import StartError
from harness.runtime import Conditions, IsolatesOnDemand
from loadgen.engine import LoadPlan, Requests, Tally
from loadgen.scenarios import memory, probes
from loadgen.scenarios.bench import Bench, on_demand, pids_of
from loadgen.scenarios.engine_turn import COUNTED_DEADLINE_S, taken, wrong_answers
from loadgen.scenarios.footprint import PSS, PSS_PER_INSTANCE, RESIDENT, STILL_THERE, leave_out_pss
from loadgen.scenarios.isolates import Isolates
from loadgen.scenarios.model import Taken

WARM_UP_ISOLATES = 20
"""Made before the first reading of memory, which includes what the process takes for itself."""

AT_ONCE = 50
"""Isolates made in one run of the engine, between two looks at the runtime."""

ASKED_AGAIN = 20
"""Of the isolates of a step, evenly spread: they must be the same ones still."""

NEAR_GUARD = 0.85
"""Of the memory guard: what would come nearer is not begun."""

PER_ISOLATE = "MB per isolate"


def isolates_mode(point: int) -> str:
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
    before: memory.Reading = memory.NOTHING
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
        return (isolates_mode(self.to),)

    def verify(self) -> Mapping[str, str]:
        """Before the first step: warms up, and takes the first reading of memory."""
        growth = self.growth
        if growth.first:
            return {}
        before = memory.share_of_guard(growth.pids, growth.guard_bytes)
        isolates = growth.isolates
        words = wrong_answers(isolates.endpoint, isolates.fresh(), timeout_s=30.0, count=WARM_UP_ISOLATES)
        growth.first = isolates.next_number()
        growth.before, growth.used_before = memory.reading(growth.pids), before
        return dict.fromkeys(map(isolates_mode, growth.bench.extent.points), words) if words else {}

    def take(self) -> Mapping[str, Taken]:
        (mode,) = self.modes
        growth, more = self.growth, self.to - self.growth.made
        stop = growth.would_be_near_guard(more)
        if stop:
            return {mode: Taken(tally=Tally(), stop=stop)}
        whole = Taken(tally=Tally())
        for begun in range(0, more, AT_ONCE):
            one = self._some(growth.isolates.fresh(), min(AT_ONCE, more - begun))
            whole.tally.merge(one.tally)
            whole.discarded.update(one.discarded)
            whole.saturated, whole.saturation = whole.saturated or one.saturated, one.saturation
            growth.bench.require_alive()
        growth.made = self.to
        whole.observed = self._observed()
        return {mode: whole}

    def _some(self, requests: Requests, count: int) -> Taken:
        return taken(
            LoadPlan(
                endpoint=self.growth.isolates.endpoint,
                requests=requests,
                connections=1,
                count=count,
                duration_s=COUNTED_DEADLINE_S,
                timeout_s=30.0,
            )
        )

    def _observed(self) -> dict[str, float]:
        """Memory first: asking again would add to it."""
        growth = self.growth
        now, there = memory.reading(growth.pids), self._still_there()
        found = {RESIDENT: now.resident_bytes / 1e6, STILL_THERE: there}
        whole = there == 1.0  # else there are fewer than were made, and the division means nothing
        if whole:
            found[PER_ISOLATE] = (now.resident_bytes - growth.before.resident_bytes) / self.to / 1e6
        if now.pss_bytes is None or growth.before.pss_bytes is None:
            leave_out_pss(growth.bench)
            return found
        found[PSS] = now.pss_bytes / 1e6
        if whole:
            found[PSS_PER_INSTANCE] = (now.pss_bytes - growth.before.pss_bytes) / self.to / 1e6
        return found

    def _still_there(self) -> float:
        """The share of some of them, evenly spread, that answers as one that was there before."""
        growth = self.growth
        asked = [growth.first + 1 + index * self.to // ASKED_AGAIN for index in range(min(ASKED_AGAIN, self.to))]
        return self._some(growth.isolates.again(asked), len(asked)).tally.requests / len(asked)


def start(bench: Bench) -> Sequence[Step]:
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
