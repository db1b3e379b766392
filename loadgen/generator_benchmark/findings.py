"""From what was measured to the report: figures, and everything that puts them in doubt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from loadgen.caveats import BUSY_SHARE, BusyMachine
from loadgen.engine import Pacing
from loadgen.generator_benchmark import closed_loop, open_loop, report
from loadgen.generator_benchmark.pinning import Pinning
from loadgen.generator_benchmark.profiles import Profile
from loadgen.generator_benchmark.run_engine import EngineOutcome
from loadgen.generator_benchmark.tools import FAST_HTTP_USER, H2LOAD, K6, OURS, WRK, Missing

COUNTS_AGREE_WITHIN = 0.01
"""Of the target's count: what a tool's own may differ by. The last requests of a run are cut off and in only one."""

LEAST_DELIVERED = 0.999


@dataclass(kw_only=True)
class Findings:
    """Filled as it is measured. None: not measured, or not yet."""

    profile: Profile
    closed: closed_loop.ClosedLoop = field(default_factory=closed_loop.ClosedLoop)
    floor: open_loop.Floor = field(default_factory=open_loop.Floor)
    stalls: EngineOutcome | None = None
    stalling_target: str = ""
    capacity: EngineOutcome | None = None
    memory: open_loop.Memory | None = None

    def closed_figures(self) -> report.ClosedLoop:
        names = dict.fromkeys(turn.tool for turn in self.closed.turns)
        per_cpu_s = {name: self.closed.per_cpu_s(name) for name in names}
        ratios = {name: self.closed.ratio(OURS, name) for name in (WRK, FAST_HTTP_USER, K6, H2LOAD)}
        rounded = {name: None if ratio is None else round(ratio, 4) for name, ratio in ratios.items()}
        return report.ClosedLoop(
            ratio_to_wrk=rounded[WRK],
            ratio_to_fasthttp=rounded[FAST_HTTP_USER],
            ratio_to_k6=rounded[K6],
            ratio_to_h2load=rounded[H2LOAD],
            connections=self.profile.connections,
            requests_per_cpu_s={name: round(value, 1) for name, value in per_cpu_s.items() if value is not None},
            order=tuple(self.closed.order),
            rounds=tuple(_turn(turn) for turn in self.closed.turns),
        )

    def open_figures(self) -> report.OpenLoop:
        found = self.stalls
        if found is None:
            return report.OpenLoop(rate_rps=open_loop.STALL_RATE_RPS, target=self.stalling_target)
        errors = {name: round(error, 5) for name, error in open_loop.errors_against(self.profile.stalls, found).items()}
        return report.OpenLoop(
            p95_error=errors["p95"],
            p99_error=errors["p99"],
            p999_error=errors["p999"],
            delivered=round(open_loop.delivered(found), 6),
            rate_rps=open_loop.STALL_RATE_RPS,
            due=found.due,
            target=self.stalling_target,
            theory_ms={
                name: round(self.profile.stalls.response_ms(share), 3) for name, share in open_loop.GRADED.items()
            },
            measured_ms={name: round(value / 1e6, 4) for name, value in found.percentiles_ns.items()},
            verdict=found.verdict,
        )

    def floor_figures(self) -> report.Floor:
        spin, default = self.floor.added_us(Pacing.SPIN), self.floor.added_us(Pacing.HYBRID)
        return report.Floor(
            added_p50_us_spin=None if spin is None else round(spin, 2),
            added_p50_us_default=None if default is None else round(default, 2),
            rate_rps=open_loop.FLOOR_RATE_RPS,
            rounds=tuple(
                report.FloorRound(spin_us=each.spin_us, default_us=each.default_us, wrk_us=each.wrk_us)
                for each in self.floor.rounds
            ),
        )

    def capacity_figures(self) -> report.Capacity:
        found = self.capacity
        if found is None:
            return report.Capacity(rate_rps=open_loop.CAPACITY_RATE_RPS)
        return report.Capacity(
            rate_rps=open_loop.CAPACITY_RATE_RPS,
            p50_us=round(found.percentiles_ns["p50"] / 1e3, 2),
            p99_us=round(found.percentiles_ns["p99"] / 1e3, 2),
            delivered=round(open_loop.delivered(found), 6),
            saturated=found.saturated,
            verdict=found.verdict,
        )

    def memory_figures(self) -> report.Memory:
        found = self.memory
        if found is None:
            return report.Memory()
        return report.Memory(
            growth_mb=round((found.last_bytes - found.first_bytes) / 1e6, 3),
            rate_rps=found.rate_rps,
            seconds=found.seconds,
            resident_mb=round(found.last_bytes / 1e6, 2),
            connections=found.connections,
            connections_mb=round((found.many_connections_bytes - found.one_connection_bytes) / 1e6, 2),
        )

    def warnings(self, pinning: Pinning, missing: Sequence[Missing], busy_share: float) -> tuple[str, ...]:
        """Whatever a reader must know before quoting a figure."""
        found = [] if pinning.apart and not pinning.shared_core else [str(pinning)]
        if busy_share > BUSY_SHARE:
            found.append(str(BusyMachine(busy_share=busy_share)))
        found += map(str, missing)
        found += [f"{name} was left out: {why}" for name, why in self.closed.broken.items()]
        found += [words for turn in self.closed.turns for words in _doubts(turn)]
        for what, outcome in (("the server that stalls", self.stalls), ("the capacity", self.capacity)):
            found += [] if outcome is None else _doubts_of_engine(what, outcome)
        if self.floor.without_wrk:
            found.append(self.floor.without_wrk)
        return tuple(found)


def _turn(turn: closed_loop.Turn) -> report.Turn:
    window, whole = turn.watched.window, turn.watched.whole
    return report.Turn(
        round=turn.round,
        tool=turn.tool,
        requests=window.requests,
        cpu_s=round(window.cpu_ns / 1e9, 6),
        wall_s=round(window.wall_ns / 1e9, 6),
        requests_per_cpu_s=round(window.per_cpu_s, 1),
        whole_requests=whole.requests,
        whole_cpu_s=round(whole.cpu_ns / 1e9, 6),
        own_requests=turn.outcome.requests,
        own_errors=turn.outcome.errors,
    )


def _doubts(turn: closed_loop.Turn) -> list[str]:
    where = f"round {turn.round}: {turn.tool}"
    counted, own = turn.watched.whole.requests, turn.outcome.requests + turn.outcome.errors
    found = []
    if turn.outcome.errors:
        found.append(f"{where} had {turn.outcome.errors} errors, which its figure includes")
    if abs(counted - own) > COUNTS_AGREE_WITHIN * counted + 100:
        found.append(f"{where} says it did {own} requests, and the target says {counted}")
    return found


def _doubts_of_engine(what: str, outcome: EngineOutcome) -> list[str]:
    found = [f"{what}: {outcome.verdict}"] if outcome.saturated else []
    share = open_loop.delivered(outcome)
    if share < LEAST_DELIVERED:
        found.append(f"{what}: only {share:.2%} of the requests due were answered right")
    return found
