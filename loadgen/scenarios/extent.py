"""How much of a scenario is measured."""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import UsageError

MOST_RATE_RPS = 1_000_000.0


@dataclass(frozen=True, kw_only=True)
class Extent:
    """`launches` of the runtime, and in each `rounds` in which every mode has its turn. Raises `UsageError`.

    A turn takes `seconds` after a warm-up of `warm_up_s`, or `count` requests, or `starts` of the runtime. `points`:
    where on the scenario's axis it measures (connections, hops, isolates, bytes); `instances`: the same for runtimes
    that make no isolates on demand. `rates_rps`: of its open loops. `without`: modes that would take too long.
    """

    launches: int
    rounds: int
    seconds: float = 0.0
    warm_up_s: float = 0.0
    count: int = 0
    starts: int = 2
    points: tuple[int, ...] = ()
    instances: tuple[int, ...] = ()
    rates_rps: tuple[float, ...] = ()
    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for rate in self.rates_rps:
            if not 0 < rate <= MOST_RATE_RPS:
                raise UsageError(
                    f"{rate:g} is no rate of requests", expected=f"above 0, at most {MOST_RATE_RPS:,.0f} per second"
                )
        for point in (*self.points, *self.instances):
            if point < 1:
                raise UsageError(f"{point} is no point to measure at", expected="1 or more")
