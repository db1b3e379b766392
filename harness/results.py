"""The files a run leaves behind, as values: conformance.json (promises) and cost.json (what they cost).

Each file names its schema and version. A file of another version is refused with a word on what wrote it; a damaged one
is refused with the place. Writing is atomic: a reader sees the old file or the whole new one, also after a power cut.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from harness.errors import ReportFileError
from harness.rows import Row
from harness.verdict import ClassVerdict, Verdict

CONFORMANCE_SCHEMA = "isomark/conformance/1"
COST_SCHEMA = "isomark/cost/1"

PARTIAL = ".partial"
"""How the name of a file ends that is still being written; whoever was killed over it leaves it behind."""

ReportT = TypeVar("ReportT", bound=msgspec.Struct)


class RuntimeIdentity(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The thing under test. `identity` holds what else pins it down, such as `binary_sha256`."""

    name: str
    version: str
    classes: tuple[str, ...]
    features: tuple[str, ...]
    settings: dict[str, str] = {}
    identity: dict[str, str] = {}


class RunIdentity(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The run itself. Times are UTC, ISO 8601; `command` repeats it; `seed` is the order's, None for file order."""

    suite_version: str
    specification: str
    commit: str
    dirty: bool
    started: str
    duration_s: float
    command: str
    profile: str
    seed: int | None = None


class ConformanceReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """conformance.json. `complete` is false when the run was cut short; `why_incomplete` then says by what."""

    schema: str = CONFORMANCE_SCHEMA
    verdict: Verdict
    complete: bool
    why_incomplete: str = ""
    as_expected: bool
    classes: dict[str, ClassVerdict]
    areas: dict[str, str]
    run: RunIdentity
    runtime: RuntimeIdentity
    environment: dict[str, Any]
    rows: tuple[Row, ...]


class Cell(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing timed. All figures in nanoseconds, from the client's clock.

    `per_launch_p50_ns`: the median of each launch of the runtime, in order: the unit of replication. Every launch is in
    the histograms: `hlog` (one interval per launch) and, for cold starts, `pyperf` (one run per launch).
    `discarded`: samples thrown out, by reason, such as "not cold". `verified`: how a wrong answer would be noticed.
    """

    scenario: str
    mode: str
    title: str
    what: str
    verified: str
    count: int
    errors: dict[str, int] = {}
    discarded: dict[str, int] = {}
    percentiles_ns: dict[str, int]
    per_launch_p50_ns: tuple[int, ...]
    curve_ns: tuple[tuple[float, int], ...]
    per_launch_curves_ns: tuple[tuple[tuple[float, int], ...], ...] = ()
    hlog: str
    pyperf: str | None = None


class Derived(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A figure computed from cells launch by launch, in nanoseconds: for instance the cost of one bound call."""

    name: str
    title: str
    how: str
    per_launch_ns: tuple[float, ...]
    median_ns: float


class CostReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """cost.json. `curve_ns` of a cell holds (fraction of requests at or below, nanoseconds), for percentile plots."""

    schema: str = COST_SCHEMA
    complete: bool
    why_incomplete: str = ""
    run: RunIdentity
    runtime: RuntimeIdentity
    baseline: RuntimeIdentity
    environment: dict[str, Any]
    launches: int
    order: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    cells: tuple[Cell, ...]
    derived: tuple[Derived, ...]

    def cell(self, scenario: str, mode: str) -> Cell | None:
        return next((each for each in self.cells if (each.scenario, each.mode) == (scenario, mode)), None)


def write_text(path: Path, text: str) -> None:
    """Write whole or not at all. Raises `ReportFileError` when the folder or the disk does not take it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", suffix=PARTIAL, delete=False
        ) as stream:
            partial = Path(stream.name)
            try:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())  # before it has its name: a power cut must not leave the name alone
                partial.chmod(0o644)
                partial.replace(path)
            except BaseException:
                partial.unlink(missing_ok=True)
                raise
        _sync_folder(path.parent)
    except OSError as error:
        raise ReportFileError(
            f"{path} cannot be written: {error.strerror or error}", remedy="give --report a folder with room in it"
        ) from error


def _sync_folder(folder: Path) -> None:
    """Make the names in it last, so that files come to be in the order in which they were written."""
    with contextlib.suppress(OSError):  # the file is whole either way, and not every file system syncs folders
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_report(path: Path, report: msgspec.Struct) -> None:
    """Write a report as indented JSON. Raises `ReportFileError`."""
    write_text(path, msgspec.json.format(msgspec.json.encode(report), indent=1).decode() + "\n")


def read_conformance(path: Path) -> ConformanceReport:
    """Raises `ReportFileError` for a file that is missing, damaged or of another version."""
    return read_report(path, ConformanceReport, CONFORMANCE_SCHEMA)


def read_cost(path: Path) -> CostReport:
    """Raises `ReportFileError` for a file that is missing, damaged or of another version."""
    return read_report(path, CostReport, COST_SCHEMA)


def read_report(path: Path, kind: type[ReportT], schema: str) -> ReportT:
    """The report of that type. Raises `ReportFileError` as the readers above do."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ReportFileError(
            f"{path} cannot be read: {error.strerror}", expected=f"a file with schema {schema!r}"
        ) from error
    try:
        found = msgspec.json.decode(raw, type=dict[str, Any]).get("schema")
    except msgspec.DecodeError as error:
        raise ReportFileError(
            f"{path} is damaged: {error}", expected=f"a file with schema {schema!r}", remedy="run the suite again"
        ) from error
    if found != schema:
        raise ReportFileError(
            f"{path} has schema {found!r}", expected=repr(schema), remedy="read it with the isomark that wrote it"
        )
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise ReportFileError(f"{path} does not follow {schema!r}: {error}", remedy="run the suite again") from error
