"""What load to make: frozen, and checked when it is made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from harness.errors import UsageError
from loadgen.arrivals import Schedule
from loadgen.engine.endpoint import Endpoint
from loadgen.engine.requests import Requests

MOST_CONNECTIONS = 20_000


class Pacing(StrEnum):
    """How the engine waits for the next due time of an open loop."""

    HYBRID = "hybrid"
    """A kernel timer until 100 us before it, then spinning."""
    SPIN = "spin"
    """Spinning: exact, and a whole core."""
    SLEEP = "sleep"
    """A kernel timer only: cheap, and 50 to 100 us late."""


@dataclass(frozen=True, kw_only=True)
class LoadPlan:
    """One run of the engine. Raises `UsageError` for values out of range.

    `arrivals` None is a closed loop: each connection sends its next request once it has the answer, until
    `duration_s` (warm-up included) is over or `count` requests after the warm-up are done, right or wrong. An open
    loop ends with its schedule; `duration_s` then cuts it short, and `count` has no meaning.
    """

    endpoint: Endpoint
    requests: Requests
    connections: int
    arrivals: Schedule | None = None
    duration_s: float | None = None
    count: int | None = None
    warm_up_s: float = 0.0
    """What is due (closed loop: sent) in it is done, checked and counted as `warm_up`, and is in no histogram."""
    timeout_s: float = 10.0
    """Of one request, from the send; and of connecting."""
    drain_s: float = 5.0
    """How long after the last due time (closed loop: the end) answers are waited for; the rest is censored."""
    pacing: Pacing = Pacing.HYBRID
    interval_s: float = 1.0
    """Histograms are also kept by interval of this length."""
    worker: int = 0
    workers: int = 1
    """Open loop: this engine's share of the one global schedule."""
    start_at_ns: int | None = None
    """Open loop: CLOCK_MONOTONIC of the common start; None for now."""

    def __post_init__(self) -> None:
        limits = {
            "connections": (self.connections, 1, MOST_CONNECTIONS),
            "duration_s": (self.duration_s, 0, math.inf),
            "count": (self.count, 1, math.inf),
            "warm_up_s": (self.warm_up_s, 0, math.inf),
            "timeout_s": (self.timeout_s, 0.001, 86_400),
            "drain_s": (self.drain_s, 0, 86_400),
            "interval_s": (self.interval_s, 0.05, 86_400),
            "workers": (self.workers, 1, math.inf),
            "worker": (self.worker, 0, self.workers - 1),
        }
        for name, (value, least, most) in limits.items():
            if value is not None and not least <= value <= most:
                raise UsageError(f"{name}={value} is out of range", expected=f"{least} to {most}")
        if self.arrivals is None and self.duration_s is None and self.count is None:
            raise UsageError("a closed loop without an end", expected="duration_s or count")
        length_s = self.duration_s if self.arrivals is None else self.arrivals.duration_ns / 1e9
        if length_s is not None and self.warm_up_s >= length_s:
            raise UsageError(f"warm_up_s={self.warm_up_s} leaves nothing to measure", expected=f"below {length_s:g}")
        if self.arrivals is not None and self.count is not None:
            raise UsageError("an open loop ends with its schedule", expected="no count")
