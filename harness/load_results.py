"""load.json, the file that `isomark bench SCENARIO` leaves behind: what a runtime does under one kind of load.

Latencies are integer nanoseconds of the client's clock. Of a cell that the generator could not keep up with there are
no `figures`: what was seen stands apart as `generator_figures`, and is not the target's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from harness.results import RunIdentity, RuntimeIdentity, read_report

LOAD_SCHEMA = "isomark/load/1"


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class _Warning(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """`words` is the sentence a reader is shown."""

    words: str


class TooFewLaunches(_Warning, frozen=True, kw_only=True, tag="too-few-launches"):
    launches: int
    needed: int


class BusyMachine(_Warning, frozen=True, kw_only=True, tag="busy-machine"):
    busy_share: float


class NotApart(_Warning, frozen=True, kw_only=True, tag="not-apart"):
    """Generator and target had no core each."""

    generator_cpus: tuple[int, ...]
    target_cpus: tuple[int, ...]


class LeftOut(_Warning, frozen=True, kw_only=True, tag="left-out"):
    """Modes that this runtime, or this suite, does not have."""

    modes: tuple[str, ...]


class NotVerified(_Warning, frozen=True, kw_only=True, tag="not-verified"):
    """Its answers were wrong before anything was timed, so nothing was."""

    mode: str


class NothingTimed(_Warning, frozen=True, kw_only=True, tag="nothing-timed"):
    """No sample was right and of its kind."""

    mode: str
    reasons: dict[str, int]


class WrongAnswers(_Warning, frozen=True, kw_only=True, tag="wrong-answers"):
    mode: str
    errors: dict[str, int]


class Unanswered(_Warning, frozen=True, kw_only=True, tag="unanswered"):
    """Requests that had no answer when the turn was over: they are in no percentile, and would make it worse."""

    mode: str
    unanswered: int
    scheduled: int


class BeyondRange(_Warning, frozen=True, kw_only=True, tag="beyond-range"):
    """Right answers that took longer than a histogram holds: they are in no percentile, and would make it worse."""

    mode: str
    answers: int


class GeneratorSaturated(_Warning, frozen=True, kw_only=True, tag="generator-saturated"):
    mode: str


class Repeated(_Warning, frozen=True, kw_only=True, tag="repeated"):
    """Turns in which the generator fell behind, thrown out and done again."""

    mode: str
    turns: int


class Stopped(_Warning, frozen=True, kw_only=True, tag="stopped"):
    """The scenario went no further, by its own decision."""

    mode: str


LoadWarning = (
    TooFewLaunches
    | BusyMachine
    | NotApart
    | LeftOut
    | NotVerified
    | NothingTimed
    | WrongAnswers
    | Unanswered
    | BeyondRange
    | GeneratorSaturated
    | Repeated
    | Stopped
)


class Point(_Part, frozen=True, kw_only=True):
    """Where a cell stands on its scenario's axis: so many connections, hops, isolates."""

    name: str
    value: float


class LoadFigures(_Part, frozen=True, kw_only=True):
    """Of right answers only. `response_ns` is from the intended start, `service_ns` from the send; percentile to ns.

    In a closed loop both are the same. Per-launch values are in the order of the launches that have any: the unit of
    replication. `curve_ns`: (fraction at or below, nanoseconds) of the response. MB are 10^6 bytes of bodies.
    """

    response_ns: dict[str, int]
    service_ns: dict[str, int]
    throughput_rps: float
    throughput_mb_s: float | None = None
    per_launch_p50_ns: tuple[int, ...]
    per_launch_p99_ns: tuple[int, ...]
    per_launch_throughput_rps: tuple[float, ...]
    curve_ns: tuple[tuple[float, int], ...]


class LoadCell(_Part, frozen=True, kw_only=True):
    """One thing timed, or not: then `figures` is None, and `not_timed` or `saturation` says why.

    `count`: right answers that were timed. `scheduled`: all that were due or begun, warm-up included; `errors` by
    class, `discarded` by reason (right answers of another kind than the cell is about), `censored`: unanswered at the
    end, `behind`: sent late by the generator's own fault, `out_of_range`: right answers that took more than 60 s, which
    are in no percentile. `observed`: values of other kinds, one per launch.
    """

    scenario: str
    mode: str
    title: str
    what: str
    verified: str
    loop: str
    connections: int
    rate_rps: float | None = None
    point: Point | None = None
    turns: int = 0
    count: int = 0
    scheduled: int = 0
    warm_up: int = 0
    errors: dict[str, int] = {}
    warm_up_errors: dict[str, int] = {}
    discarded: dict[str, int] = {}
    late: int = 0
    behind: int = 0
    censored: int = 0
    out_of_range: int = 0
    saturated: bool = False
    saturation: str = ""
    not_timed: str = ""
    figures: LoadFigures | None = None
    generator_figures: LoadFigures | None = None
    observed: dict[str, tuple[float, ...]] = {}
    files: tuple[str, ...] = ()


class LoadDerived(_Part, frozen=True, kw_only=True):
    """A figure computed from cells launch by launch."""

    name: str
    title: str
    how: str
    unit: str
    per_launch: tuple[float, ...]
    median: float


class Pinning(_Part, frozen=True, kw_only=True):
    """Which cores the generator's thread ran on, and which the runtime's threads; `words` say it."""

    generator_cpus: tuple[int, ...]
    target_cpus: tuple[int, ...]
    apart: bool
    words: str


class LoadReport(_Part, frozen=True, kw_only=True):
    """load.json. `order` has each round's modes as they ran, drawn from `run.seed`.

    `baseline`: where the scenario measures one beside the runtime. With `complete` false the run was cut short; every
    turn that was finished before is in it.
    """

    schema: str = LOAD_SCHEMA
    complete: bool
    why_incomplete: str = ""
    scenario: str
    about: str
    run: RunIdentity
    runtime: RuntimeIdentity
    baseline: RuntimeIdentity | None = None
    environment: dict[str, Any]
    pinning: Pinning
    launches: int
    order: tuple[str, ...]
    warnings: tuple[LoadWarning, ...] = ()
    cells: tuple[LoadCell, ...]
    derived: tuple[LoadDerived, ...] = ()

    def cell(self, mode: str) -> LoadCell | None:
        return next((each for each in self.cells if each.mode == mode), None)


def read_load(path: Path) -> LoadReport:
    """Raises `ReportFileError` for a file that is missing, damaged or of another version."""
    return read_report(path, LoadReport, LOAD_SCHEMA)
