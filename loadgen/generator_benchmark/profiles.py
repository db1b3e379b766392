"""How much is measured, and how it is spread over rounds."""

from __future__ import annotations

from dataclasses import dataclass

from loadgen.generator_benchmark.stalls import StallSchedule

STALLS = StallSchedule(period_ms=2_000, stall_ms=200)
"""p95 100 ms, p99 180 ms, p99.9 198 ms."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """`rounds`: how often the tools take turns. In each, a tool is left to warm up and then watched for a window.

    Of the runs of our generator alone, each after `alone_warm_up_s`: `stall_periods` whole periods of the server that
    stalls, `floor_rounds` of `floor_s`, `capacity_s` at the highest rate, and `memory_s` of the run whose memory is
    watched; `connections_s` is how long the two runs last whose memory is compared.
    """

    name: str
    rounds: int
    warm_up_s: float
    window_s: float
    floor_rounds: int
    floor_s: float
    stall_periods: int
    capacity_s: float
    memory_s: float
    connections_s: float = 2.0
    alone_warm_up_s: float = 0.5
    stalls: StallSchedule = STALLS
    connections: int = 64
    many_connections: int = 1_000


QUICK = Profile(
    name="quick",
    rounds=5,
    warm_up_s=0.4,
    window_s=1.2,
    floor_rounds=5,
    floor_s=1.0,
    stall_periods=5,
    capacity_s=2.5,
    memory_s=4.0,
)
FULL = Profile(
    name="full",
    rounds=10,
    warm_up_s=1.0,
    window_s=5.0,
    floor_rounds=10,
    floor_s=5.0,
    stall_periods=30,
    capacity_s=10.0,
    memory_s=600.0,
)
PROFILES = {profile.name: profile for profile in (QUICK, FULL)}
