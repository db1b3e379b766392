"""The stage that takes longest: the cost of all runtimes, measured in turn by the load generator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from harness import environment
from harness.comparison_plan import ComparisonPlan
from harness.errors import ReportFileError
from harness.interleaved_results import (
    INTERLEAVED_FILE,
    JOURNAL_FILE,
    MACHINE,
    InterleavedReport,
    MeasuredSubject,
    read_interleaved,
)
from harness.load_results import Pinning
from harness.results import RunIdentity

_LAUNCH = b'"kind":"launch"'


class _Head(msgspec.Struct):
    """The part of the journal's first line that says how much there is to do, and where it was begun."""

    launches: int
    subjects: tuple[Any, ...]
    extents: dict[str, Any]
    environment: dict[str, Any] = {}


def problem(folder: Path) -> str:
    """Why the load is not whole; empty when it is."""
    path = folder / INTERLEAVED_FILE
    if not path.exists():
        return f"it left no {INTERLEAVED_FILE}"
    try:
        report = read_interleaved(path)
    except ReportFileError as error:
        return error.happened
    return "" if report.complete else report.why_incomplete


def goes_on_here(folder: Path) -> bool:
    """Whether this machine is the one that the journal was begun on. Where there is none yet, any is."""
    try:
        *lines, _torn = (folder / JOURNAL_FILE).read_bytes().split(b"\n")
    except FileNotFoundError:
        return True
    except OSError:
        return False
    if not lines:  # not even the head is whole: the load begins anew
        return True
    try:
        before = msgspec.json.decode(lines[0], type=_Head).environment
        for line in lines[1:]:
            msgspec.json.decode(line)
    except msgspec.MsgspecError:
        return False
    now = environment.capture()
    return all(before.get(name) == now.get(name) for name in MACHINE)


def nothing_measured(plan: ComparisonPlan, why: str) -> InterleavedReport:
    """What stands for a load that never began, so that a page can be made of the promises alone. Never complete."""
    machine = environment.capture()
    return InterleavedReport(
        complete=False,
        why_incomplete=why,
        run=RunIdentity(
            suite_version=plan.suite_version,
            specification=plan.specification,
            commit=plan.commit,
            dirty=plan.dirty,
            started=plan.started,
            duration_s=0.0,
            command=plan.command,
            profile=plan.profile,
            seed=plan.seed,
        ),
        environment=machine,
        environment_after=machine,
        pinning=Pinning(generator_cpus=(), target_cpus=(), apart=False, words="nothing was measured"),
        subjects=tuple(
            MeasuredSubject(
                name=each.name,
                slug=each.slug,
                role=each.role,
                specification=each.specification,
                runtime=each.runtime,
            )
            for each in plan.subjects
        ),
        sources=(),
        launches=0,
        order=(),
    )


def launches_done(folder: Path) -> tuple[int, int | None]:
    """Launches measured by now, and how many it will be; None before that is known."""
    try:
        head, *lines = (folder / JOURNAL_FILE).read_bytes().split(b"\n")
    except OSError:
        return 0, None
    try:
        planned = msgspec.json.decode(head, type=_Head)
    except msgspec.DecodeError:  # not whole yet
        return 0, None
    total = planned.launches * len(planned.subjects) * len(planned.extents)
    return sum(_LAUNCH in line[:64] for line in lines[:-1]), total
