"""What one launch needs to have running, and the turns that measure it.

Three applications: hello where isolates are made on demand, alone, because arming that must not touch what else is
measured; hello, caller and callee on the runtime under test; the same three on the baseline.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from harness.application import Application, load_worker
from harness.errors import NotObservable, StartError
from harness.features import Feature
from harness.runtime import Conditions, Instance, IsolatesOnDemand, Outbound, Runtime
from loadgen import cells
from loadgen.cells import FEW_CALLS, MANY_CALLS, CellName, Way
from loadgen.messages import CallTurn, IsolateColdTurn, ProcessColdTurn, Turn, WarmTurn
from loadgen.process_start import port_of
from loadgen.profiles import Profile, spread
from loadgen.scenarios.bench import peer_url

WORKERS = Path(__file__).with_name("workers")

CALLEE_HEADER = "isomark-callee"

WARM_UP_WARM, WARM_UP_COLD = 300, 1

HELLO = Application(workers=(load_worker(WORKERS / "hello"),))


def under_test(features: frozenset[Feature]) -> Application:
    """hello, caller and callee, as the runtime under test can have them: bound to each other, or knowing HTTP alone."""
    return _three(None if Feature.SERVICE_BINDINGS in features else "unbound")


def beside() -> Application:
    """hello, caller and callee for the baseline, calling as a process does."""
    return _three("process")


def _three(environment: str | None) -> Application:
    return Application.load(*(WORKERS / name for name in ("hello", "caller", "callee")), env=environment)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which cells this pair of runtimes can have. `left_out`: why not the others, each a sentence."""

    isolate_cold: bool
    ways: tuple[Way, ...]
    left_out: tuple[str, ...]

    @property
    def cells(self) -> tuple[CellName, ...]:
        first = (cells.ISOLATE_COLD,) if self.isolate_cold else ()
        calls = (way.cell(count) for way in self.ways for count in (FEW_CALLS, MANY_CALLS))
        return (*first, cells.PROCESS_COLD, cells.WARM_RUNTIME, cells.WARM_PROCESS, *calls)


def plan_for(runtime: Runtime) -> Plan:
    """What can be measured, by what the runtime claims."""
    features = runtime.features()
    isolate_cold = Feature.ISOLATES_ON_DEMAND in features
    bound = Feature.SERVICE_BINDINGS in features
    left_out = []
    if not isolate_cold:
        left_out.append(f"{cells.ISOLATE_COLD} is not measured: {runtime.name} makes no isolates on demand")
    if not bound:
        left_out.append(f"calls by service binding are not measured: {runtime.name} has none")
    ways = tuple(way for way in cells.WAYS if bound or not way.binding)
    return Plan(isolate_cold=isolate_cold, ways=ways, left_out=tuple(left_out))


@dataclass(frozen=True, kw_only=True)
class Targets:
    """The running applications of one launch."""

    on_demand: Instance | None
    runtime: Instance
    baseline: Instance

    def instances(self) -> tuple[Instance, ...]:
        return tuple(each for each in (self.on_demand, self.runtime, self.baseline) if each is not None)

    def turns(self, plan: Plan, profile: Profile) -> Mapping[CellName, Turn]:
        """One turn per cell of the plan, in the plan's order. Raises `StartError` for a claim that does not hold."""
        found: dict[CellName, Turn] = {}
        rounds = profile.rounds
        if self.on_demand is not None:
            url, header = _on_demand_address(self.on_demand)
            counts = spread(profile.isolate_colds, rounds, warm_up=WARM_UP_COLD)
            found[cells.ISOLATE_COLD] = IsolateColdTurn(
                cell=str(cells.ISOLATE_COLD), port=port_of(url), header=header, counts=counts
            )
        counts = spread(profile.process_colds, rounds, warm_up=WARM_UP_COLD)
        found[cells.PROCESS_COLD] = ProcessColdTurn(cell=str(cells.PROCESS_COLD), counts=counts)
        counts = spread(profile.warm_requests, rounds, warm_up=WARM_UP_WARM)
        for name, instance in ((cells.WARM_RUNTIME, self.runtime), (cells.WARM_PROCESS, self.baseline)):
            found[name] = WarmTurn(cell=str(name), port=port_of(instance.url("hello")), counts=counts)
        counts = spread(profile.call_pairs, rounds, warm_up=profile.warm_up_calls)
        for way in plan.ways:
            for calls in (FEW_CALLS, MANY_CALLS):
                found[way.cell(calls)] = self._call(way, calls, counts)
        return found

    def _call(self, way: Way, calls: int, counts: tuple[int, ...]) -> CallTurn:
        instance = self.baseline if way.on_baseline else self.runtime
        return CallTurn(
            cell=str(way.cell(calls)),
            port=port_of(instance.url("caller")),
            path=f"{way.route}?calls={calls}",
            headers={} if way.binding else {CALLEE_HEADER: peer_url(instance, "callee")},
            body=f"{calls} calls, sum {calls * calls}",
            counts=counts,
        )


def _on_demand_address(instance: Instance) -> tuple[str, str]:
    try:
        return instance.instrument(IsolatesOnDemand).address("hello")
    except NotObservable as error:
        raise StartError(
            f"the runtime claims {Feature.ISOLATES_ON_DEMAND.value!r} and offers no such instrument",
            expected="an `IsolatesOnDemand` instrument, or no such claim",
        ) from error


def start(stack: ExitStack, runtime: Runtime, baseline: Runtime, plan: Plan, *, baseline_first: bool) -> Targets:
    """Launch everything; `stack` ends it. Raises what `Runtime.launch` raises."""
    loopback = Outbound(public=("127.0.0.1",))  # the callee's own front, for the calls that go by HTTP
    conditions = Conditions(outbound=loopback)
    first = stack.enter_context(baseline.launch(beside(), conditions)) if baseline_first else None
    on_demand = None
    if plan.isolate_cold:
        armed = Conditions(instruments=frozenset({IsolatesOnDemand}))
        on_demand = stack.enter_context(runtime.launch(HELLO, armed))
    tested = stack.enter_context(runtime.launch(under_test(runtime.features()), conditions))
    return Targets(
        on_demand=on_demand,
        runtime=tested,
        baseline=first or stack.enter_context(baseline.launch(beside(), conditions)),
    )
