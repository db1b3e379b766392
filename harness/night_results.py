"""night.json and gate.json: what a night ran, and whether it is slower than the nights before it.

night.json lies in the night's folder from the first moment on; with it, a night that was cut short goes on.
"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from harness.comparison_plan import StageEnd
from harness.results import read_report

NIGHT_SCHEMA = "isomark/night/1"
NIGHT_FILE = "night.json"
GATE_SCHEMA = "isomark/gate/1"
GATE_FILE = "gate.json"

_NIGHT = re.compile(r"(\d{4}-\d{2}-\d{2})(?:-([1-9]\d*))?")


class LeftOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something that was not used, and why not."""

    name: str
    why: str


class NightReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`runtimes`: specifications of those under test; `left_out`: adapters that cannot run here. Times are UTC.

    `chosen`: the stages this night is made of, in their order; `stages`: those that are over.
    """

    schema: str = NIGHT_SCHEMA
    name: str
    command: str
    started: str
    suite_version: str
    commit: str
    profile: str
    launches: int | None = None
    threshold: float
    baseline: str
    runtimes: tuple[str, ...]
    left_out: tuple[LeftOut, ...] = ()
    chosen: tuple[str, ...]
    stages: tuple[StageEnd, ...] = ()

    def ended(self, stage: str) -> StageEnd | None:
        return next((each for each in self.stages if each.name == stage), None)


class GateFinding(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One figure of a runtime held against the nights before. `ratio` above 1 is worse, whatever the quantity.

    `outcome`: "passed", "failed", or why nothing can be said. `nights`: of those before, how many count.
    """

    subject: str
    scenario: str
    mode: str
    quantity: str
    unit: str
    outcome: str
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    nights: int
    launches: int
    words: str


class GateReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """gate.json. `passed`: no figure is shown to be worse by more than `threshold`; `words` say what the gate found.

    `against`: nights before, oldest first, that were made under the same circumstances; `left_out`: the others.
    """

    schema: str = GATE_SCHEMA
    passed: bool
    words: str
    threshold: float
    against: tuple[str, ...]
    left_out: tuple[LeftOut, ...] = ()
    findings: tuple[GateFinding, ...] = ()

    def failed(self) -> tuple[GateFinding, ...]:
        return tuple(each for each in self.findings if each.outcome == "failed")


def read_night(path: Path) -> NightReport:
    """Raises `ReportFileError` for a file that is missing, damaged or of another version."""
    return read_report(path, NightReport, NIGHT_SCHEMA)


def read_gate(path: Path) -> GateReport:
    """Raises `ReportFileError` for a file that is missing, damaged or of another version."""
    return read_report(path, GateReport, GATE_SCHEMA)


def nights(published: Path) -> tuple[Path, ...]:
    """The folders of published nights, oldest first: `2026-02-01`, and `2026-02-01-2` for the second of a day.

    What is still being made has a hidden name, and is none of them.
    """
    found = []
    for path in published.iterdir() if published.is_dir() else ():
        match = _NIGHT.fullmatch(path.name)
        if match and path.is_dir():
            found.append((match[1], int(match[2] or 1), path))
    return tuple(path for *_, path in sorted(found))
