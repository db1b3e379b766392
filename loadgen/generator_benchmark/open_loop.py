"""How exact the open loop is, what it adds to a quiet target, what it holds at 60,000/s, and what it weighs."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from harness.errors import IsomarkError
from harness.process import instance_folder
from loadgen.engine import Pacing
from loadgen.generator_benchmark import tool_output
from loadgen.generator_benchmark.pinning import Pinning
from loadgen.generator_benchmark.profiles import Profile
from loadgen.generator_benchmark.run_engine import EngineOutcome, EngineRun
from loadgen.generator_benchmark.stalls import StallSchedule
from loadgen.generator_benchmark.targets import Target
from loadgen.generator_benchmark.tools import OURS, WRK, Load, Tool, engine_command
from loadgen.generator_benchmark.watching import END_DEADLINE_S, EndedEarly, ToolBroken, run, watch
from loadgen.progress_line import Progress

STALL_RATE_RPS = 1_000.0
STALL_CONNECTIONS = 256
"""More than the 200 requests that come due in a stall: they wait at the target, where real ones would."""

FLOOR_RATE_RPS = 500.0
CAPACITY_RATE_RPS = 60_000.0
MEMORY_RATE_RPS = 20_000.0

LONGER_S = 10.0

GRADED = {"p95": 0.95, "p99": 0.99, "p999": 0.999}


@dataclass(frozen=True, kw_only=True)
class FloorRound:
    """Medians of one round in microseconds; None for a tool that is not there."""

    spin_us: float
    default_us: float
    wrk_us: float | None


@dataclass(kw_only=True)
class Floor:
    rounds: list[FloorRound] = field(default_factory=list)
    without_wrk: str = ""

    def added_us(self, pacing: Pacing) -> float | None:
        """What the generator adds to wrk's median: the median over the rounds of the difference in each."""
        found = [
            (each.spin_us if pacing is Pacing.SPIN else each.default_us) - each.wrk_us
            for each in self.rounds
            if each.wrk_us is not None
        ]
        return statistics.median(found) if found else None


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Resident bytes of the generator: at both ends of a long open loop, and with one connection and with many."""

    rate_rps: float
    seconds: float
    first_bytes: int
    last_bytes: int
    connections: int
    one_connection_bytes: int
    many_connections_bytes: int


class Engines:
    """Runs of the project's generator on its core, each in a process of its own."""

    def __init__(self, pinning: Pinning) -> None:
        self._cpu = pinning.generator

    def run(self, what: EngineRun) -> EngineOutcome:
        """Raises `ToolBroken` when there is no result, `DeadlineExceeded` when there is no end."""
        with instance_folder() as folder:
            deadline_s = what.seconds + END_DEADLINE_S
            output = run(OURS, engine_command(what), cpu=self._cpu, folder=folder, deadline_s=deadline_s)
        return outcome_of(output)


def outcome_of(output: str) -> EngineOutcome:
    try:
        return msgspec.convert(tool_output.last_json(output), EngineOutcome)
    except (IsomarkError, msgspec.ValidationError) as error:
        raise ToolBroken(f"the generator gave no result: {output[-2000:]}") from error


def accuracy(target: Target, *, profile: Profile, pinning: Pinning) -> EngineOutcome:
    """On the server that stalls: a whole number of its periods, and one before them to warm up."""
    period_s = profile.stalls.period_ms / 1e3
    return Engines(pinning).run(
        EngineRun(
            port=target.port,
            connections=STALL_CONNECTIONS,
            seconds=period_s * (profile.stall_periods + 1),
            rate_rps=STALL_RATE_RPS,
            warm_up_s=period_s,
        )
    )


def errors_against(schedule: StallSchedule, outcome: EngineOutcome) -> dict[str, float]:
    """By percentile: measured over theory, less 1."""
    return {
        name: outcome.percentiles_ns[name] / 1e6 / schedule.response_ms(fraction) - 1
        for name, fraction in GRADED.items()
    }


def delivered(outcome: EngineOutcome) -> float:
    """The share of the requests due that got a right answer."""
    return outcome.requests / outcome.due if outcome.due else 0.0


def floor(
    into: Floor, tools: Sequence[Tool], target: Target, *, profile: Profile, pinning: Pinning, progress: Progress
) -> None:
    """In turns: spinning, the default, and wrk with one connection, whose median is the least there is to measure."""
    wrk = next((tool for tool in tools if tool.name == WRK), None)
    into.without_wrk = "" if wrk else "wrk is not there, so nothing says what the floor is"
    engines = Engines(pinning)
    for number in range(1, profile.floor_rounds + 1):
        progress(f"floor, round {number} of {profile.floor_rounds}")
        medians_us = {
            pacing: engines.run(
                EngineRun(
                    port=target.port,
                    connections=1,
                    seconds=profile.floor_s + profile.alone_warm_up_s,
                    rate_rps=FLOOR_RATE_RPS,
                    warm_up_s=profile.alone_warm_up_s,
                    pacing=pacing,
                )
            ).percentiles_ns["p50"]
            / 1e3
            for pacing in (Pacing.SPIN, Pacing.HYBRID)
        }
        wrk_us = None if wrk is None else _wrk_median_us(wrk, target, profile, pinning)
        into.rounds.append(
            FloorRound(spin_us=medians_us[Pacing.SPIN], default_us=medians_us[Pacing.HYBRID], wrk_us=wrk_us)
        )


def _wrk_median_us(wrk: Tool, target: Target, profile: Profile, pinning: Pinning) -> float:
    seconds = max(1, round(profile.floor_s))
    with instance_folder() as folder:
        command = wrk.command(Load(target=target, connections=1, seconds=seconds, folder=folder))
        deadline_s = seconds + END_DEADLINE_S
        output = run(WRK, [*command, "--latency"], cpu=pinning.generator, folder=folder, deadline_s=deadline_s)
    return tool_output.wrk_median_us(output)


def capacity(target: Target, *, profile: Profile, pinning: Pinning) -> EngineOutcome:
    return Engines(pinning).run(
        EngineRun(
            port=target.port,
            connections=profile.connections,
            seconds=profile.capacity_s + profile.alone_warm_up_s,
            rate_rps=CAPACITY_RATE_RPS,
            warm_up_s=profile.alone_warm_up_s,
        )
    )


def memory(target: Target, *, profile: Profile, pinning: Pinning) -> Memory:
    """A long open loop with the usual connections, then short closed ones with one connection and with many."""
    long_s = profile.memory_s
    first, last = _resident(target, pinning, connections=profile.connections, seconds=long_s, rate_rps=MEMORY_RATE_RPS)
    _, one = _resident(target, pinning, connections=1, seconds=profile.connections_s, rate_rps=None)
    _, many = _resident(
        target, pinning, connections=profile.many_connections, seconds=profile.connections_s, rate_rps=None
    )
    return Memory(
        rate_rps=MEMORY_RATE_RPS,
        seconds=long_s,
        first_bytes=first,
        last_bytes=last,
        connections=profile.many_connections,
        one_connection_bytes=one,
        many_connections_bytes=many,
    )


def _resident(
    target: Target, pinning: Pinning, *, connections: int, seconds: float, rate_rps: float | None
) -> tuple[int, int]:
    """After the first quarter of the run, and shortly before its end.

    Where a busy machine held this process up until it had ended, once more with a run that goes on for longer.
    """
    try:
        return _resident_in(target, pinning, connections, seconds, rate_rps, goes_on_s=seconds)
    except EndedEarly:
        return _resident_in(target, pinning, connections, seconds, rate_rps, goes_on_s=seconds + LONGER_S)


def _resident_in(
    target: Target, pinning: Pinning, connections: int, seconds: float, rate_rps: float | None, *, goes_on_s: float
) -> tuple[int, int]:
    what = EngineRun(port=target.port, connections=connections, seconds=goes_on_s, rate_rps=rate_rps)
    with instance_folder() as folder:
        return watch(
            OURS,
            engine_command(what),
            target,
            cpu=pinning.generator,
            folder=folder,
            warm_up_s=seconds / 4,
            window_s=seconds / 2,
        ).resident_bytes
