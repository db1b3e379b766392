"""What `isomark bench generator` found, as a file and as a table. What was not measured is null, and said."""

from __future__ import annotations

from typing import Any

import msgspec


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Turn(_Part, frozen=True):
    """One tool in one round. `requests` (the target's count) and `cpu_s` are the window's; the rest is for checking.

    `whole_cpu_s`: of the finished process, start-up and end included. `own_requests` and `own_errors`: what the tool
    says of its whole run, beside `whole_requests`, the target's count of the same.
    """

    round: int
    tool: str
    requests: int
    cpu_s: float
    wall_s: float
    requests_per_cpu_s: float
    whole_requests: int
    whole_cpu_s: float
    own_requests: int
    own_errors: int


class ClosedLoop(_Part, frozen=True):
    """Ratios are medians over the rounds of ours to theirs in the same round, each in requests per CPU second."""

    ratio_to_wrk: float | None = None
    ratio_to_fasthttp: float | None = None
    ratio_to_k6: float | None = None
    ratio_to_h2load: float | None = None
    connections: int = 0
    requests_per_cpu_s: dict[str, float] = {}
    order: tuple[tuple[str, ...], ...] = ()
    rounds: tuple[Turn, ...] = ()


class OpenLoop(_Part, frozen=True):
    """Errors are shares of the theoretical value, above it positive. `delivered`: right answers over requests due."""

    p95_error: float | None = None
    p99_error: float | None = None
    p999_error: float | None = None
    delivered: float | None = None
    rate_rps: float = 0
    due: int = 0
    target: str = ""
    theory_ms: dict[str, float] = {}
    measured_ms: dict[str, float] = {}
    verdict: str = ""


class FloorRound(_Part, frozen=True):
    spin_us: float
    default_us: float
    wrk_us: float | None


class Floor(_Part, frozen=True):
    """Our median at `rate_rps` on one connection less wrk's of a closed loop on one; the median over the rounds."""

    added_p50_us_spin: float | None = None
    added_p50_us_default: float | None = None
    rate_rps: float = 0
    rounds: tuple[FloorRound, ...] = ()


class Capacity(_Part, frozen=True):
    """An open loop near what one core can do. With `saturated` the times are the generator's own."""

    rate_rps: float = 0
    p50_us: float | None = None
    p99_us: float | None = None
    delivered: float | None = None
    saturated: bool | None = None
    verdict: str = ""


class Memory(_Part, frozen=True):
    """Resident megabytes (10^6 bytes): growth from a quarter of a run to three quarters; what the connections cost."""

    growth_mb: float | None = None
    rate_rps: float = 0
    seconds: float = 0
    resident_mb: float | None = None
    connections: int = 0
    connections_mb: float | None = None


class Pinning(_Part, frozen=True):
    generator_cpu: int
    target_cpu: int
    apart: bool
    words: str


class GeneratorReport(_Part, frozen=True):
    complete: bool
    why_incomplete: str
    closed_loop: ClosedLoop
    open_loop: OpenLoop
    floor: Floor
    capacity: Capacity
    memory: Memory
    target: str
    pinning: Pinning
    versions: dict[str, str]
    seed: int
    profile: str
    started: str
    duration_s: float
    environment: dict[str, Any]
    warnings: tuple[str, ...]
