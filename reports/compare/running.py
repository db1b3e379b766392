"""A comparison from its beginning to its page: promises, cost, and what is made of both.

After each stage the plan is written, so that whatever ends the comparison, the stages that are over stay over.
"""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from harness.about_results import ABOUT_FILE, AboutReport
from harness.comparison_plan import ComparisonPlan, PlannedSubject, StageEnd
from harness.comparison_results import ComparisonReport, Role
from harness.errors import IsomarkError, ReportFileError
from harness.interleaved_results import INTERLEAVED_FILE, JOURNAL_FILE
from harness.results import write_report
from harness.toolchain import CHECKOUT
from reports import bundle
from reports.children import ChildEnd, run_logged
from reports.compare import commands, conformance_stage, load_stage
from reports.compare import folder as folders
from reports.compare.asked import MOST_SEED, Asked
from reports.compare.folder import LOAD_FOLDER
from reports.compare.subjects import once_each, parties
from reports.folder_lock import only_one
from reports.stage_progress import StageProgress

INTERRUPTED = 130
LOAD_STAGE = "load"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`report`: None when it was interrupted while the page was made; `problems` say what was not as it should be.

    `exit_code`: of the first stage that was not as it should be; 130 after an interrupt.
    """

    plan: ComparisonPlan
    report: ComparisonReport | None
    exit_code: int
    problems: tuple[str, ...]


def compare(asked: Asked, progress: StageProgress) -> Outcome:
    """Run, or go on with, the comparison that is asked for. What is finished is kept, whatever ends it.

    Raises the `IsomarkError` of a runtime that cannot be had, of a folder that cannot be used (`ReportFileError`), of a
    comparison that goes on there already (`AlreadyRunning`), and of a full disk, after which it can be resumed.
    """
    new = not asked.folder.exists()
    with only_one(asked.folder, "a comparison", named=False):
        try:
            plan = _planned(asked)
        except IsomarkError:
            if new:
                with suppress(OSError):  # something came to be in it
                    asked.folder.rmdir()
            raise
        if plan.baseline_missing:
            progress.say(f"container baseline not measured: {plan.baseline_missing}")
        return _Comparison(asked.folder, plan, progress).run()


def _planned(asked: Asked) -> ComparisonPlan:
    """The plan that goes on in the folder, or that of a new comparison; whoever takes part was seen to serve."""
    plan = folders.resumed_plan(asked) if asked.resume else None
    if plan is not None and any(each.role is Role.BASELINE for each in plan.subjects):
        asked = replace(asked, require_container=True)  # it was there when this comparison began
    found = parties(asked)
    if plan is None:
        seed = secrets.randbelow(MOST_SEED + 1) if asked.seed is None else asked.seed
        return folders.begun_plan(asked, found, seed)
    folders.check_still_the_same(plan, found.subjects)
    return plan


class _Comparison:
    def __init__(self, folder: Path, plan: ComparisonPlan, progress: StageProgress) -> None:
        self._folder = folder
        self._plan = plan
        self._progress = progress
        self._judged = once_each(plan.subjects)
        self._stages = len(self._judged) + 2  # the load, and the page
        self._begun = 0
        self._problems: list[str] = []
        self._codes: list[int] = []

    def run(self) -> Outcome:
        interrupted = False
        try:
            for subject in self._judged:
                self._conformance(subject)
            self._load()
        except KeyboardInterrupt:
            interrupted = True
            self._problems.append(f"interrupted during {self._now}")
        report = None
        try:
            report = self._concluded()
        except KeyboardInterrupt:  # once, or once more: what there is stays, and the page can be made at any time
            interrupted = True
            self._problems.append("interrupted while the page was made")
        code = INTERRUPTED if interrupted else next(filter(None, self._codes), 0)
        return Outcome(plan=self._plan, report=report, exit_code=code, problems=tuple(self._problems))

    def _conformance(self, subject: PlannedSubject) -> None:
        name = f"conformance of {subject.name}"
        self._begin(name)
        found = conformance_stage.judged(self._folder, self._plan, subject)
        ended = self._plan.ended(name)
        if found.kept:
            expected = conformance_stage.AS_EXPECTED if found.as_expected else conformance_stage.NOT_AS_EXPECTED
            self._codes.append(ended.exit_code if ended else expected)
            return
        total = conformance_stage.tests_in(self._plan.profile)
        command = commands.conformance(self._plan, subject, self._folder)
        with self._timed() as spent:
            end = self._child(
                name, command, lambda: self._progress.at(conformance_stage.tests_done(self._folder, subject), total)
            )
        found = conformance_stage.judged(self._folder, self._plan, subject)
        self._codes.append(end.exit_code or (0 if found.kept else ReportFileError.exit_code))
        if found.kept:
            self._finish(StageEnd(name=name, exit_code=end.exit_code, duration_s=spent()))
        else:
            self._complain(name, end, found.problem)

    def _load(self) -> None:
        self._begin("the load, all runtimes in turn")
        place = self._folder / LOAD_FOLDER
        ended = self._plan.ended(LOAD_STAGE)
        if ended and not load_stage.problem(place):
            self._codes.append(ended.exit_code)
            return
        command = commands.load(self._plan, self._folder, resume=(place / JOURNAL_FILE).exists())
        with self._timed() as spent:
            end = self._child(LOAD_STAGE, command, lambda: self._progress.at(*load_stage.launches_done(place)))
        problem = load_stage.problem(place)
        self._codes.append(end.exit_code or (ReportFileError.exit_code if problem else 0))
        if problem:
            self._complain(LOAD_STAGE, end, problem)
        else:
            self._finish(StageEnd(name=LOAD_STAGE, exit_code=end.exit_code, duration_s=spent()))

    def _concluded(self) -> ComparisonReport:
        """about.json, then all that is computed: of the promises alone where the load never began."""
        plan = self._plan
        finished = not self._problems
        if finished != plan.finished:
            self._keep(msgspec.structs.replace(plan, finished=finished))
        self._begin("the page")
        about = AboutReport(
            command=plan.command,
            baseline_missing=plan.baseline_missing,
            profile=plan.profile,
            started=plan.started,
            duration_s=self._plan.duration_s(),
            suite_version=plan.suite_version,
            specification=plan.specification,
            commit=plan.commit,
            dirty=plan.dirty,
            complete=finished,
            why_incomplete="; ".join(self._problems),
        )
        write_report(self._folder / ABOUT_FILE, about)
        measured = self._folder / LOAD_FOLDER / INTERLEAVED_FILE
        if not measured.exists():
            write_report(measured, load_stage.nothing_measured(plan, about.why_incomplete))
        return bundle.build(self._folder)

    def _begin(self, words: str) -> None:
        self._now = words
        self._begun += 1
        self._progress.stage(words, number=self._begun, of=self._stages)

    def _child(self, name: str, command: list[str], meanwhile: Callable[[], None]) -> ChildEnd:
        """Raises `ReportFileError` when the child found the disk full or the folder gone: nothing more can be kept."""
        try:
            end = run_logged(name, command, folder=CHECKOUT, meanwhile=meanwhile)
        except OSError as error:
            raise IsomarkError(f"{name}: the child cannot be started: {error.strerror}") from error
        if end.exit_code == ReportFileError.exit_code:
            raise ReportFileError(
                f"{name}: its result could not be written",
                remedy=f"make room, then go on with --resume: what is finished in {self._folder} is kept",
                log_tail=end.last_words,
            )
        return end

    @contextmanager
    def _timed(self) -> Iterator[Callable[[], float]]:
        """What an attempt takes; one that is cut short is added to the plan."""
        started = time.monotonic()

        def spent() -> float:
            return math.ceil((time.monotonic() - started) * 10) / 10

        try:
            yield spent
        except KeyboardInterrupt:
            self._keep(msgspec.structs.replace(self._plan, spent_s=round(self._plan.spent_s + spent(), 1)))
            raise

    def _finish(self, end: StageEnd) -> None:
        others = tuple(each for each in self._plan.stages if each.name != end.name)
        self._keep(msgspec.structs.replace(self._plan, stages=(*others, end)))

    def _keep(self, plan: ComparisonPlan) -> None:
        folders.write_plan(self._folder, plan)
        self._plan = plan

    def _complain(self, name: str, end: ChildEnd, problem: str) -> None:
        words = f"{name} ended with exit code {end.exit_code}: {problem}"
        self._problems.append(words)
        self._progress.say(words)
        for line in end.last_words.splitlines():
            self._progress.say(f"    {line}")
