"""locust.json, the file that a run of `locust -f loadgen/locustfile.py` leaves behind."""

from __future__ import annotations

from enum import StrEnum

import msgspec

LOCUST_SCHEMA = "isomark/locust/1"


class FiguresOf(StrEnum):
    """Whose the latencies and the rate are."""

    TARGET = "target"
    GENERATOR = "generator"
    """It was saturated: the target may be faster than it looks."""
    NOBODY = "nobody"
    """Nothing was answered rightly."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Counts(_Part, frozen=True):
    """`requests`: right answers after the warm-up. The fields of the load generator's tally.

    `drained`: those among them that came when the load was over, and `carried_over`: right answers to requests of the
    warm-up that came after it. The rate is of `requests - drained + carried_over` in `duration_s`. `out_of_range`:
    those of `requests` whose response time is longer than a histogram holds, 60 s.
    """

    requests: int
    errors: dict[str, int]
    warm_up: int
    warm_up_errors: dict[str, int]
    scheduled: int
    late: int
    behind: int
    max_late_ns: int
    censored: int
    dropped: int
    connects: int
    reconnects: int
    bytes_received: int
    drained: int = 0
    carried_over: int = 0
    out_of_range: int = 0


class WorkerResult(_Part, frozen=True):
    """What one process did. `generator`: its own saturation verdict. `final`: it said that this is all."""

    worker: int
    counts: Counts
    saturated: bool
    generator: str
    final: bool


class LocustResult(_Part, frozen=True, kw_only=True):
    """One run. Latencies are in nanoseconds, `response` from the intended start, `service` from the send.

    They are of all right answers, `counts.out_of_range` included: a percentile that would be one of those is left out.

    `planned`: the arrivals of the whole schedule, if it is known beforehand; `counts.scheduled` are fewer when the run
    was stopped. `started`: when the warm-up was over; empty when it never was. `complete` is False when something that
    happened may be missing here, which `why_incomplete` explains.
    """

    schema: str = LOCUST_SCHEMA
    complete: bool
    why_incomplete: str
    figures_of: FiguresOf
    generator: tuple[str, ...]
    scenario: str
    url: str
    runtime: str
    version: str
    arrivals: str
    planned: int | None
    connections: int
    started: str
    duration_s: float
    rate_rps: float
    counts: Counts
    response_ns: dict[str, int]
    service_ns: dict[str, int]
    workers: tuple[WorkerResult, ...]
