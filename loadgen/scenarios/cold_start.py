"""Cold starts of every kind: of an isolate, of an isolate again after its eviction, and of a process."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.application import Application, Worker
from harness.errors import NotObservable
from harness.features import Feature
from harness.histograms.histogram import LatencyHistogram
from harness.runtime import Conditions, IdleEviction, IsolatesOnDemand, Runtime
from loadgen.engine import Check, Endpoint, LoadPlan, One, Tally, get
from loadgen.probes import Nonces
from loadgen.process_start import start_once
from loadgen.scenarios import probes
from loadgen.scenarios.bench import Bench, endpoint_of, on_demand
from loadgen.scenarios.engine_turn import EngineTurn, taken, wrong_answers
from loadgen.scenarios.extent import Extent
from loadgen.scenarios.isolates import COLD, Isolates, cold
from loadgen.scenarios.model import ONE_BY_ONE, CellPlan, Plan, Scenario, Taken, Turn
from loadgen.scenarios.placement import on

ISOLATE, CODE_CACHE, RUNTIME, PROCESS, CONTAINER = "isolate", "code-cache", "runtime", "process", "container"

WARM_UP_ISOLATES = 3

EVICTED_AT_ONCE = 6
"""Copies of the Worker that are left idle together, so that one wait is for several samples."""

WAIT_FACTOR, WAIT_MORE_S = 1.5, 0.3
"""How much longer than the runtime's own word an isolate is left idle; one that lives on is not counted."""

QUICK = Extent(launches=3, rounds=3, count=20)
FULL = Extent(launches=10, rounds=5, count=60)

PROCESS_STARTS = 2
"""In one turn."""


def plan(runtime: str, features: frozenset[Feature], extent: Extent) -> Plan:
    verified = f"{probes.GREETING}; {COLD}"
    left_out = {CONTAINER: "no adapter of this suite starts containers yet; `process` is the floor under any"}
    found = []
    if Feature.ISOLATES_ON_DEMAND in features:
        found += [
            CellPlan(
                mode=ISOLATE,
                title=f"isolate ({runtime})",
                what="A request for an isolate of a name nobody has used, in a running process, to the whole answer. "
                "The same code ran before under other names, so whatever the process keeps of it is there.",
                verified=verified,
            ),
            CellPlan(
                mode=CODE_CACHE,
                title=f"isolate after eviction ({runtime})",
                what="The first request to a Worker whose isolate was evicted for idleness, in the same process.",
                verified=verified,
            ),
        ]
    else:
        left_out[ISOLATE] = f"{runtime} makes no isolates on demand"
        left_out[CODE_CACHE] = f"{runtime} has no isolates to evict"
    starting = "From starting {} to its whole first answer, the adapter's own steps included; the client runs on the "
    starting += "target's cores here."
    found += [
        CellPlan(
            mode=RUNTIME,
            title=f"the runtime's process ({runtime})",
            what=starting.format("the runtime with one Worker"),
            verified=verified,
            loop=ONE_BY_ONE,
        ),
        CellPlan(
            mode=PROCESS,
            title="a process of the baseline",
            what=starting.format("a process of the baseline"),
            verified=verified,
            loop=ONE_BY_ONE,
        ),
    ]
    return Plan(cells=tuple(found), left_out=left_out)


def start(bench: Bench, plan: Plan) -> Sequence[Turn]:
    hello = probes.worker("hello")
    assert bench.baseline is not None
    found: list[Turn] = [
        ProcessTurn(mode=RUNTIME, runtime=bench.runtime, cpus=bench.placement.target),
        ProcessTurn(mode=PROCESS, runtime=bench.baseline, cpus=bench.placement.target),
    ]
    modes = {cell.mode for cell in plan.cells}
    if ISOLATE in modes:
        instance = bench.launch([hello], Conditions(instruments=frozenset({IsolatesOnDemand})))
        endpoint, header = on_demand(instance, hello.name)
        isolates = Isolates(endpoint=endpoint, header=header)
        found.append(
            EngineTurn(
                mode=ISOLATE,
                endpoint=endpoint,
                requests=isolates.fresh,
                count=bench.extent.count,
                warm_up_count=WARM_UP_ISOLATES,
            )
        )
    if CODE_CACHE in modes:
        found += _evictions(bench, hello)
    return found


def _evictions(bench: Bench, hello: Worker) -> list[Turn]:
    """A turn where the runtime says when it evicts; else the mode is left out."""
    copies = [replace(hello, name=f"{hello.name}-{number}") for number in range(EVICTED_AT_ONCE)]
    instance = bench.launch(copies, Conditions(instruments=frozenset({IdleEviction})))
    try:
        idle_ms = instance.instrument(IdleEviction).idle_ms()
    except NotObservable:
        bench.left_out[CODE_CACHE] = (
            f"{bench.runtime.name} does not say when it evicts an isolate; `{ISOLATE}` is of code that ran before too"
        )
        return []
    return [
        EvictionTurn(
            endpoints=tuple(endpoint_of(instance, copy.name) for copy in copies),
            wait_s=WAIT_FACTOR * idle_ms / 1e3 + WAIT_MORE_S,
        )
    ]


@dataclass(frozen=True, kw_only=True)
class EvictionTurn:
    """Each Worker is asked once, so that it has an isolate; then none is; then each is asked again, one by one."""

    endpoints: tuple[Endpoint, ...]
    wait_s: float
    nonces: Nonces = field(default_factory=Nonces)

    @property
    def modes(self) -> tuple[str, ...]:
        return (CODE_CACHE,)

    def verify(self) -> Mapping[str, str]:
        words = [wrong_answers(each, probes.hello(each, Nonces()), timeout_s=10.0) for each in self.endpoints]
        return {CODE_CACHE: next(filter(None, words))} if any(words) else {}

    def take(self) -> Mapping[str, Taken]:
        for endpoint in self.endpoints:
            self._ask(endpoint)
        time.sleep(self.wait_s)  # the idleness is the thing measured
        whole = Taken(tally=Tally())
        for endpoint in self.endpoints:
            one = self._ask(endpoint)
            whole.tally.merge(one.tally)
            whole.discarded.update(one.discarded)
            whole.saturation = one.saturation
        return {CODE_CACHE: whole}

    def _ask(self, endpoint: Endpoint) -> Taken:
        check = Check(body_check=lambda body: cold(self.nonces, body))
        return taken(LoadPlan(endpoint=endpoint, requests=One(get(endpoint, "/"), check), connections=1, count=1))


@dataclass(frozen=True, kw_only=True)
class ProcessTurn:
    """Starts the runtime, asks once, ends it, and again."""

    mode: str
    runtime: Runtime
    cpus: frozenset[int]
    nonces: Nonces = field(default_factory=Nonces)

    @property
    def modes(self) -> tuple[str, ...]:
        return (self.mode,)

    def verify(self) -> Mapping[str, str]:
        """One start, which also warms up the machine's caches."""
        taken = self._start(1)
        return {self.mode: f"the first answer was wrong: {', '.join(taken.tally.errors)}"} if taken.tally.errors else {}

    def take(self) -> Mapping[str, Taken]:
        return {self.mode: self._start(PROCESS_STARTS)}

    def _start(self, count: int) -> Taken:
        found, started_ns, begun_ns = Tally(), time.time_ns(), time.monotonic_ns()
        discarded: Counter[str] = Counter()
        times_ns = []
        with on(self.cpus):
            for _ in range(count):
                started = start_once(self.runtime, Application(workers=(probes.worker("hello"),)))
                sample = self.nonces.judge_cold(started.elapsed_ns, started.status, started.body.encode())
                if sample.error is not None:
                    found.errors[sample.error] += 1
                elif sample.discarded is not None:
                    discarded[sample.discarded] += 1
                else:
                    times_ns.append(sample.elapsed_ns)
        found.response, found.service = LatencyHistogram(times_ns), LatencyHistogram(times_ns)
        found.requests, found.scheduled = len(times_ns), count
        found.started_ns, found.wall_ns = started_ns, time.monotonic_ns() - begun_ns
        return Taken(tally=found, discarded=discarded)


SCENARIO = Scenario(
    name="cold-start",
    about="the first answer of a fresh isolate, of one after eviction, and of a process",
    extents={"quick": QUICK, "full": FULL},
    plan=plan,
    start=start,
    has_baseline=True,
)
