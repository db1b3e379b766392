"""Noisy neighbours: what a Worker that computes without pause does to the latency of another one beside it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from harness.load_results import LoadDerived
from loadgen.engine import Endpoint, Engine, LoadPlan, Tally
from loadgen.probes import Nonces
from loadgen.scenarios import probes
from loadgen.scenarios.bench import Bench, endpoint_of
from loadgen.scenarios.derived import derived
from loadgen.scenarios.engine_turn import OPEN_LOOP_CONNECTIONS, EngineTurn, wrong_answers
from loadgen.scenarios.extent import Extent
from loadgen.scenarios.model import OPEN, CellPlan, Measured, Plan, Scenario, Taken, Turn
from loadgen.scenarios.under_test import UnderTest

NOISE_ROUNDS = 5_000_000
"""Some 14 ms of computing in V8: bounded, so that a runtime with one thread comes back to its other tenants."""

NOISE_CONNECTIONS = 2
"""So that the next request is there when one is answered."""

NOISE_RATE = "neighbour req/s"

TIMEOUT_S = 30.0

QUICK = Extent(launches=3, rounds=2, seconds=2.0, warm_up_s=0.5, rates_rps=(200,))
FULL = Extent(launches=10, rounds=3, seconds=4.0, warm_up_s=0.5, rates_rps=(200, 500))


def plan(tested: UnderTest, extent: Extent) -> Plan:
    return Plan(
        cells=tuple(
            CellPlan(
                mode=mode_of(noisy, rate),
                title=f"{rate:g}/s, {'beside one that computes' if noisy else 'alone'} ({tested.name})",
                what=f"Hello requests to one Worker, due {rate:g} times a second, "
                + (
                    f"while {NOISE_CONNECTIONS} connections keep another Worker of the same application computing, "
                    f"{NOISE_ROUNDS:,} rounds of integer work a request."
                    if noisy
                    else "while another Worker of the same application is idle."
                ),
                verified=f"{probes.GREETING}; {probes.WARM}" + ("; the other's result is checked too" if noisy else ""),
                loop=OPEN,
                connections=OPEN_LOOP_CONNECTIONS,
                rate_rps=rate,
            )
            for rate in extent.rates_rps
            for noisy in (False, True)
        )
    )


def mode_of(noisy: bool, rate_rps: float) -> str:
    return f"{'beside-noise' if noisy else 'alone'}-{rate_rps:g}"


@dataclass(frozen=True, kw_only=True)
class NoisyTurn:
    """The quiet Worker's turn, with the other one kept computing from before its warm-up to after its end."""

    quiet: EngineTurn
    noise: Endpoint

    @property
    def modes(self) -> tuple[str, ...]:
        return self.quiet.modes

    def verify(self) -> Mapping[str, str]:
        wrong = wrong_answers(self.noise, probes.burning(self.noise, NOISE_ROUNDS), timeout_s=TIMEOUT_S)
        return {self.quiet.mode: f"the neighbour: {wrong}"} if wrong else self.quiet.verify()

    def take(self) -> Mapping[str, Taken]:
        with _computing(self.noise) as noise:
            found = self.quiet.take()
        taken = found[self.quiet.mode]
        taken.observed[NOISE_RATE] = noise.tally.rate_rps
        taken.tally.errors.update({f"neighbour: {word}": count for word, count in noise.tally.errors.items()})
        if not noise.tally.requests:  # nobody was noisy, so nothing was measured beside noise
            taken.discarded["no noise"] += taken.tally.requests
            taken.tally = Tally(scheduled=taken.tally.scheduled)
        return found


@dataclass(kw_only=True)
class _Noise:
    tally: Tally = field(default_factory=Tally)


@contextmanager
def _computing(endpoint: Endpoint) -> Iterator[_Noise]:
    """A thread of its own: it wakes some 70 times a second, for as many microseconds."""
    plan = LoadPlan(
        endpoint=endpoint,
        requests=probes.burning(endpoint, NOISE_ROUNDS),
        connections=NOISE_CONNECTIONS,
        duration_s=3_600.0,
        timeout_s=TIMEOUT_S,
    )
    engine, noise = Engine(plan), _Noise()

    def run() -> None:
        noise.tally = engine.run()

    thread = threading.Thread(target=run, name="noise")
    thread.start()
    try:
        yield noise
    finally:
        engine.stop()
        thread.join()


def start(bench: Bench, plan: Plan) -> Sequence[Turn]:
    instance = bench.launch([probes.worker("hello"), probes.worker("burn")])
    quiet, noise = endpoint_of(instance, "hello"), endpoint_of(instance, "burn")
    nonces = Nonces()
    found: list[Turn] = []
    for rate in bench.extent.rates_rps:
        for noisy in (False, True):
            turn = EngineTurn(
                mode=mode_of(noisy, rate),
                endpoint=quiet,
                requests=lambda: probes.hello(quiet, nonces),
                connections=OPEN_LOOP_CONNECTIONS,
                rate_rps=rate,
                seconds=bench.extent.seconds,
                warm_up_s=bench.extent.warm_up_s,
                timeout_s=TIMEOUT_S,
            )
            found.append(NoisyTurn(quiet=turn, noise=noise) if noisy else turn)
    return found


def derive(measured: Measured, plan: Plan) -> Sequence[LoadDerived]:
    """How much worse the neighbour makes it."""
    found: list[LoadDerived] = []
    for rate in sorted({cell.rate_rps for cell in plan.cells if cell.rate_rps is not None}):
        for name, fraction in (("p50", 0.5), ("p99", 0.99)):
            alone = measured.by_launch(mode_of(False, rate), fraction)
            beside = measured.by_launch(mode_of(True, rate), fraction)
            found += derived(
                {launch: beside[launch] / alone[launch] for launch in alone.keys() & beside.keys()},
                name=f"{name}-ratio-{rate:g}",
                title=f"{name} at {rate:g}/s, beside one that computes over alone",
                how=f"{name} of the response time beside the noisy Worker over that alone, in the same launch",
                unit="x",
            )
    return found


SCENARIO = Scenario(
    name="tenants",
    about="noisy neighbours: the latency of a quiet Worker alone, and beside one that computes without pause",
    extents={"quick": QUICK, "full": FULL},
    plan=plan,
    start=start,
    derive=derive,
)
