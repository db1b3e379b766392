"""Cold starts of every kind: of an isolate, of an isolate again after its eviction, and of a process."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from harness.application import Application, Worker
from harness.errors import IsomarkError, NotObservable
from harness.features import Feature
from harness.histograms.histogram import LatencyHistogram
from harness.registry import resolve
from harness.runtime import Conditions, IdleEviction, IsolatesOnDemand, Runtime, StartPhases
from loadgen.engine import Check, Endpoint, LoadPlan, One, Tally, get
from loadgen.probes import Nonces
from loadgen.process_start import Started, timed_start
from loadgen.scenarios import probes
from loadgen.scenarios.bench import Bench, endpoint_of, on_demand
from loadgen.scenarios.engine_turn import EngineTurn, taken, wrong_answers
from loadgen.scenarios.extent import Extent
from loadgen.scenarios.isolates import COLD, Isolates, cold
from loadgen.scenarios.model import ONE_BY_ONE, CellPlan, Plan, Scenario, Taken, Turn
from loadgen.scenarios.placement import on
from loadgen.scenarios.under_test import UnderTest

ISOLATE, CODE_CACHE, RUNTIME, PROCESS, CONTAINER = "isolate", "code-cache", "runtime", "process", "container"

VERIFIED = f"{probes.GREETING}; {COLD}"

WARM_UP_ISOLATES = 3

EVICTED_AT_ONCE = 6
"""Copies of the Worker that are left idle together, so that one wait is for several samples."""

WAIT_FACTOR, WAIT_MORE_S = 1.5, 0.3
"""How much longer than the runtime's own word an isolate is left idle; one that lives on is not counted."""

QUICK = Extent(launches=3, rounds=3, count=20)
FULL = Extent(launches=10, rounds=5, count=60)

CONTAINER_RUNTIME = "container"
"""What `--runtime` calls the adapter that starts containers."""

_STARTING = (
    "From starting {} to its whole first answer, the adapter's own steps included; the client runs on the target's "
    "cores here."
)


def plan(tested: UnderTest, extent: Extent) -> Plan:
    found, left_out = [], {}
    if Feature.ISOLATES_ON_DEMAND in tested.features:
        found += [
            CellPlan(
                mode=ISOLATE,
                title=f"isolate ({tested.name})",
                what="A request for an isolate of a name nobody has used, in a running process, to the whole answer. "
                "The same code ran before under other names, so whatever the process keeps of it is there.",
                verified=VERIFIED,
            ),
            CellPlan(
                mode=CODE_CACHE,
                title=f"isolate after eviction ({tested.name})",
                what="The first request to a Worker whose isolate was evicted for idleness, in the same process.",
                verified=VERIFIED,
            ),
        ]
    else:
        left_out[ISOLATE] = f"{tested.name} makes no isolates on demand"
        left_out[CODE_CACHE] = f"{tested.name} has no isolates to evict"
    own = "the container" if tested.name == CONTAINER_RUNTIME else "the runtime's process"
    found.append(_process(RUNTIME, f"{own} ({tested.name})", "the runtime with one Worker"))
    if tested.has_baseline:
        found.append(_process(PROCESS, "a process of the baseline", "a process of the baseline"))
        if tested.name == CONTAINER_RUNTIME:
            left_out[CONTAINER] = f"`{RUNTIME}` is a container here"
        else:
            found.append(_process(CONTAINER, "a container", "a container with one Worker"))
    return Plan(cells=tuple(found), left_out=left_out)


def _process(mode: str, title: str, what: str) -> CellPlan:
    return CellPlan(mode=mode, title=title, what=_STARTING.format(what), verified=VERIFIED, loop=ONE_BY_ONE)


def start(bench: Bench, plan: Plan) -> Sequence[Turn]:
    hello = probes.worker("hello")
    modes = {cell.mode for cell in plan.cells}
    found: list[Turn] = [_starts(bench, RUNTIME, bench.runtime)]
    if bench.baseline is not None:
        found.append(_starts(bench, PROCESS, bench.baseline))
    if CONTAINER in modes:
        found += _containers(bench)
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


def _starts(bench: Bench, mode: str, runtime: Runtime) -> ProcessTurn:
    return ProcessTurn(
        mode=mode,
        runtime=runtime,
        cpus=bench.placement.target,
        count=bench.extent.starts,
        warm_up=bench.number == 1,
    )


def _containers(bench: Bench) -> list[Turn]:
    """A turn where this machine can start one; else the mode is left out. It is found out in the first launch."""
    try:
        runtime = resolve(CONTAINER_RUNTIME)
        if bench.number == 1:
            runtime.version()
            with bench.launched([probes.worker("hello")], runtime=runtime):
                pass
    except IsomarkError as error:
        bench.left_out[CONTAINER] = f"no container can be started: {error.happened}"
        return []
    return [_starts(bench, CONTAINER, runtime)]


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
    """Starts the runtime, asks once, ends it; `count` times. A wrong first answer is in no figure.

    `warm_up`: whether it is started once before, untimed, for the machine's own caches.
    """

    mode: str
    runtime: Runtime
    cpus: frozenset[int]
    count: int
    warm_up: bool
    nonces: Nonces = field(default_factory=Nonces)

    @property
    def modes(self) -> tuple[str, ...]:
        return (self.mode,)

    def verify(self) -> Mapping[str, str]:
        errors = self._start(1).tally.errors if self.warm_up else {}
        return {self.mode: f"the first answer was wrong: {', '.join(errors)}"} if errors else {}

    def take(self) -> Mapping[str, Taken]:
        return {self.mode: self._start(self.count)}

    def _start(self, count: int) -> Taken:
        found, started_ns, begun_ns = Tally(), time.time_ns(), time.monotonic_ns()
        discarded: Counter[str] = Counter()
        right: list[Started] = []
        hello = Application(workers=(probes.worker("hello"),))
        with on(self.cpus):
            for _ in range(count):
                started = timed_start(self.runtime, hello, Conditions(instruments=frozenset({StartPhases})))
                sample = self.nonces.judge_cold(started.elapsed_ns, started.status, started.body)
                if sample.error is not None:
                    found.errors[sample.error] += 1
                elif sample.discarded is not None:
                    discarded[sample.discarded] += 1
                else:
                    right.append(started)
        times_ns = [each.elapsed_ns for each in right]
        found.response, found.service = LatencyHistogram(times_ns), LatencyHistogram(times_ns)
        found.requests, found.scheduled = len(times_ns), count
        found.started_ns, found.wall_ns = started_ns, time.monotonic_ns() - begun_ns
        return Taken(tally=found, discarded=discarded, observed=_phases_ms(right))


def _phases_ms(started: Sequence[Started]) -> dict[str, float]:
    """The mean length of each phase that all of them tell."""
    names = (
        [name for name in started[0].phases_ns if all(name in each.phases_ns for each in started)] if started else []
    )
    return {f"phase {name} ms": fmean(each.phases_ns[name] for each in started) / 1e6 for name in names}


SCENARIO = Scenario(
    name="cold-start",
    about="the first answer of a fresh isolate, of one after eviction, of a process and of a container",
    extents={"quick": QUICK, "full": FULL},
    plan=plan,
    start=start,
    has_baseline=True,
)
