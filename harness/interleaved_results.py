"""interleaved.json: how several runtimes were measured in turn, launch by launch, and where their load.json lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from harness.comparison_results import Excluded, Role, Source
from harness.load_results import Pinning
from harness.results import RunIdentity, RuntimeIdentity, read_report

INTERLEAVED_SCHEMA = "isomark/interleaved/1"
INTERLEAVED_FILE = "interleaved.json"

JOURNAL_SCHEMA = "isomark/journal/1"
JOURNAL_FILE = "journal.jsonl"
"""Each launch as it was measured: what everything else is computed from."""

THROWN_OUT_SHARE = 0.25
"""Of the turns of a cell: so many may be thrown out because the generator fell behind in them, though they were done
again. With more of them the cell is the generator's, and has no figures."""

MACHINE = ("cpu", "cores", "cores_usable", "memory_bytes", "kernel", "architecture", "python")
"""Of the environment: what launches of one run must have in common."""


class MeasuredSubject(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One of the runtimes that took turns. `specification`: as given on the command line."""

    name: str
    slug: str
    role: Role
    specification: str
    runtime: RuntimeIdentity


class InterleavedReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`launches`: rounds measured to their end; in each, every subject was launched once for every scenario.

    `order`: a line per round, as it ran, drawn from `run.seed`. Paths of `sources` are relative to this file.
    """

    schema: str = INTERLEAVED_SCHEMA
    complete: bool
    why_incomplete: str = ""
    run: RunIdentity
    environment: dict[str, Any]
    environment_after: dict[str, Any]
    pinning: Pinning
    subjects: tuple[MeasuredSubject, ...]
    sources: tuple[Source, ...]
    launches: int
    order: tuple[str, ...]
    excluded: tuple[Excluded, ...] = ()


def read_interleaved(path: Path) -> InterleavedReport:
    """Raises `ReportFileError` for a file that is missing, damaged or of another version."""
    return read_report(path, InterleavedReport, INTERLEAVED_SCHEMA)
