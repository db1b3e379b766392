"""The command lines of a comparison's children. Paths are relative where they can be: they end up in the report."""

from __future__ import annotations

import sys
from pathlib import Path

from harness.comparison_plan import ComparisonPlan, PlannedSubject
from harness.features import ConformanceClass
from harness.toolchain import CHECKOUT
from reports.compare.folder import CONFORMANCE_FOLDER, LOAD_FOLDER

WORKERS, WITHOUT_LIMITS = 2, 3
"""Tests side by side. More would take processor time from each other's rows on limits, of which some have none."""

_NOT_NEEDED = ("hypothesispytest", "anyio")
"""Plugins of pytest that other packages bring along: to import them takes longer than all else at the start."""


def conformance(plan: ComparisonPlan, subject: PlannedSubject, folder: Path) -> list[str]:
    """Judge one runtime."""
    workers = WORKERS if ConformanceClass.RESOURCES in subject.runtime.classes else WITHOUT_LIMITS
    return [
        sys.executable,
        "-m",
        "pytest",
        "conformance",
        "-n",
        str(workers),
        *(word for plugin in _NOT_NEEDED for word in ("-p", f"no:{plugin}")),
        f"--runtime={subject.specification}",
        f"--profile={plan.profile}",
        f"--report={as_given(folder / CONFORMANCE_FOLDER / subject.slug)}",
    ]


def load(plan: ComparisonPlan, folder: Path, *, resume: bool) -> list[str]:
    """Measure all of them in turn."""
    launches = [] if plan.launches is None else [f"--launches={plan.launches}"]
    return [
        isomark(),
        "bench",
        "interleaved",
        *(f"--subject={each.name}={each.role.value}={each.specification}" for each in plan.subjects),
        f"--profile={plan.profile}",
        f"--seed={plan.seed}",
        *launches,
        "--out",
        as_given(folder / LOAD_FOLDER),
        *(["--resume"] if resume else []),
    ]


def isomark() -> str:
    """The command itself, of the environment that this process runs in."""
    return str(Path(sys.executable).with_name("isomark"))


def as_given(folder: Path) -> str:
    """A path that works in another checkout, where it lies in this one."""
    folder = folder.resolve()
    return str(folder.relative_to(CHECKOUT)) if folder.is_relative_to(CHECKOUT) else str(folder)
