"""faults.json: the fault matrix as values."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from harness.results import RunIdentity, RuntimeIdentity, write_text
from harness.rows import Status

FAULTS_SCHEMA = "isomark/faults/1"
FILE_NAME = "faults.json"


class Outcome(StrEnum):
    """What became of a fault."""

    KILLED = "killed"  # a test of its requirement broke that holds without the fault
    SURVIVED = "survived"  # every test of its requirement passed all the same
    UNDECIDED = "undecided"  # none broke, and not all passed: errors, failed controls, tests that were not reached
    LEFT_OUT = "left out"  # the tests of its requirement are in a longer profile
    NOT_RUN = "not run"  # the matrix was cut short before it


class Broken(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A row that came out worse than on the plain runtime."""

    requirement: str
    test: str
    plain: Status
    status: Status
    reason: str


class FaultResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One fault. `tests`: those of its requirement that were run. Test names are pytest's node ids.

    `killed_by`: tests of the requirement that broke. `also`: requirements the runtime declares to fall with it, `why`
    its reason, `consequences` their rows that did, `spared` those of which rows were run and none did. `collateral`:
    every other row that came out worse, and again when it was run once more by itself; `unsteady`: those that did not.
    `not_run`: rows that were not looked at for collateral. `detail`: what the tests did instead of killing it.
    `problem`: why the run was not whole; empty when it was.
    """

    name: str
    requirement: str
    outcome: Outcome
    killed: bool
    killed_by: tuple[Broken, ...] = ()
    collateral: tuple[Broken, ...] = ()
    unsteady: tuple[Broken, ...] = ()
    also: tuple[str, ...] = ()
    why: str = ""
    consequences: tuple[Broken, ...] = ()
    spared: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    not_run: tuple[str, ...] = ()
    rows_run: int = 0
    duration_s: float = 0.0
    detail: str = ""
    problem: str = ""

    @property
    def clean(self) -> bool:
        """Killed, by a whole run, without collateral; or left out, which the profile asked for."""
        killed = self.outcome is Outcome.KILLED and not self.collateral and not self.problem
        return killed or self.outcome is Outcome.LEFT_OUT


class LeftOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A row that is run only for faults of its own requirement, for what it took on the plain runtime."""

    requirement: str
    test: str
    duration_ms: float


class PlainRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The run without a fault. `broken`: rows that fail by themselves and so prove nothing.

    `looked_at`: requirements of which rows were run for every fault, to see whether they break beside it.
    """

    rows: int
    duration_s: float
    broken: tuple[Broken, ...] = ()
    looked_at: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


class FaultsReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """faults.json. `proven`: every fault killed without collateral, and a killed fault for every tested requirement.

    `unproven`: requirements with tests and no killed fault. `complete` is false when the matrix was cut short.
    `rows`: which rows were looked at for collateral ("area", "all", or "requirement": none).
    """

    schema: str = FAULTS_SCHEMA
    proven: bool
    complete: bool
    why_incomplete: str = ""
    run: RunIdentity
    runtime: RuntimeIdentity
    environment: dict[str, Any]
    areas: dict[str, str]
    rows: str
    requirements: dict[str, str]
    plain: PlainRun | None
    faults: tuple[FaultResult, ...]
    unproven: tuple[str, ...]


def write_faults(folder: Path, report: FaultsReport) -> None:
    """Write faults.json whole or not at all. Raises `ReportFileError`."""
    write_text(folder / FILE_NAME, msgspec.json.format(msgspec.json.encode(report), indent=1).decode() + "\n")
