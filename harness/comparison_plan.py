"""plan.json: what a comparison set out to do, and which of its stages are over. With it, one cut short goes on.

It lies in the folder of the comparison from the first moment on, and marks the folder as one.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from harness.comparison_results import Role
from harness.results import RuntimeIdentity, read_report

PLAN_SCHEMA = "isomark/plan/1"
PLAN_FILE = "plan.json"


class PlannedSubject(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One of the runtimes to be compared. `runtime`: what it was when the comparison began."""

    name: str
    slug: str
    role: Role
    specification: str
    runtime: RuntimeIdentity


class StageEnd(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A stage that is over, and the exit code of the child that did it. `problem`: why it left nothing to use."""

    name: str
    exit_code: int
    duration_s: float
    problem: str = ""


class ComparisonPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`baseline`: as asked for; `baseline_missing`: why there is none. `launches`: None for the profile's own number.

    `spent_s`: seconds of attempts at stages that are not over yet. `finished`: every stage is.
    """

    schema: str = PLAN_SCHEMA
    command: str
    started: str
    suite_version: str
    specification: str
    commit: str
    dirty: bool
    profile: str
    seed: int
    launches: int | None = None
    baseline: str
    baseline_missing: str = ""
    subjects: tuple[PlannedSubject, ...]
    stages: tuple[StageEnd, ...] = ()
    spent_s: float = 0.0
    finished: bool = False

    def ended(self, stage: str) -> StageEnd | None:
        return next((each for each in self.stages if each.name == stage), None)

    def duration_s(self) -> float:
        """Of all stages together."""
        return round(sum(stage.duration_s for stage in self.stages) + self.spent_s, 1)


def read_plan(path: Path) -> ComparisonPlan:
    """Raises `ReportFileError` for a file that is missing, damaged or of another version."""
    return read_report(path, ComparisonPlan, PLAN_SCHEMA)
