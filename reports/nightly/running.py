"""A night from its beginning to the site: each stage once, whatever cuts the night short in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harness.comparison_plan import StageEnd
from harness.errors import IsomarkError, RegressionFound, ReportFileError
from harness.fault_matrix.report import FILE_NAME as FAULTS_FILE
from harness.night_results import GATE_FILE, NIGHT_FILE, GateReport, NightReport, read_gate
from harness.results import write_report
from harness.toolchain import CHECKOUT
from reports import bundle, site
from reports.children import run_logged
from reports.compare.asked import Asked
from reports.compare.running import INTERRUPTED, compare
from reports.folder_lock import only_one
from reports.nightly import commands
from reports.nightly import folder as folders
from reports.nightly.asked import AskedNight, Stage
from reports.nightly.gate import against_the_nights_before
from reports.stage_progress import StageProgress

FAULTS_PAGE = "faults.html"

_BESIDE = frozenset({NIGHT_FILE, GATE_FILE, FAULTS_FILE, FAULTS_PAGE})
"""What a night keeps in its folder beside the comparison's own files."""

_WORDS = {
    Stage.COMPARE: "the comparison",
    Stage.FAULTS: "the fault matrix",
    Stage.SOAK: "the soak",
    Stage.GATE: "the nights before",
}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`place`: where the night was published; None when it was not. `regression`: None when there is none."""

    night: NightReport
    place: Path | None
    exit_code: int
    gate: GateReport | None = None
    regression: RegressionFound | None = None
    problems: tuple[str, ...] = ()


def run(asked: AskedNight, progress: StageProgress) -> Outcome:
    """Run a night, or go on with the one that was cut short. A regression does not keep it from being published.

    Raises `AlreadyRunning` at once when another night is being made there, and the `IsomarkError` of whatever makes
    going on senseless: no runtime, a folder that cannot be used, a full disk. What is finished is kept then too.
    """
    with only_one(asked.published, "a nightly run"):
        night = folders.unfinished_night(asked, folders.today_utc())
        if night is None:
            night = folders.new_night(asked, folders.today_utc())
        else:
            progress.say(f"going on with the night {night.name}, which was cut short")
        for each in night.left_out:
            progress.say(f"left out, since it cannot run here: {each.name} ({each.why})")
        return _Night(asked, night, progress).run()


class _Night:
    def __init__(self, asked: AskedNight, night: NightReport, progress: StageProgress) -> None:
        self._asked = asked
        self._night = night
        self._progress = progress
        self._folder = folders.work_folder(asked.published, night.name)
        self._chosen = [Stage(each) for each in night.chosen]
        self._problems: list[str] = []

    def run(self) -> Outcome:
        work: Mapping[Stage, Callable[[], StageEnd | None]] = {
            Stage.COMPARE: self._compare,
            Stage.FAULTS: self._faults,
            Stage.SOAK: self._soak,
            Stage.GATE: self._gate,
        }
        now, place = "", None
        try:
            for stage in self._chosen:
                now = _WORDS[stage]
                if self._night.ended(stage) is None:
                    self._begin(stage)
                    end = work[stage]()
                    if end is None:
                        return self._unpublished()
                    self._finish(end)
            now = "the page"
            place = self._published()
            now = "the site"
            for each in site.build(self._asked.published, self._asked.site):
                self._progress.say(f"not on the site: {each.name} ({each.why})")
        except KeyboardInterrupt:
            self._problems.append(f"interrupted during {now}")
            return self._ended(place, INTERRUPTED)
        return self._concluded(place)

    def _compare(self) -> StageEnd | None:
        """None when it did not come to its end."""
        asked = Asked(
            runtimes=self._night.runtimes,
            baseline=self._night.baseline,
            profile=self._night.profile,
            launches=self._night.launches,
            folder=self._folder,
            resume=True,
            require_container=self._asked.require_container,
            beside=_BESIDE,
        )
        outcome = compare(asked, _Within(self._progress, len(self._chosen)))
        self._problems += outcome.problems
        self._code = outcome.exit_code
        if outcome.report is None or not outcome.report.complete:
            return None
        return StageEnd(name=Stage.COMPARE, exit_code=outcome.exit_code, duration_s=outcome.plan.duration_s())

    def _faults(self) -> StageEnd:
        end = self._child(Stage.FAULTS, commands.faults(self._folder, self._night.profile))
        left = (self._folder / FAULTS_FILE).exists()
        return msgspec.structs.replace(end, problem="" if left else f"it left no {FAULTS_FILE}")

    def _soak(self) -> StageEnd:
        return self._child(Stage.SOAK, commands.soak(), commands.SOAK_ENVIRONMENT)

    def _gate(self) -> StageEnd:
        started = time.monotonic()
        found = against_the_nights_before(self._asked.published, self._folder, threshold=self._night.threshold)
        write_report(self._folder / GATE_FILE, found)
        code = 0 if found.passed else RegressionFound.exit_code
        return StageEnd(name=Stage.GATE, exit_code=code, duration_s=round(time.monotonic() - started, 1))

    def _begin(self, stage: Stage) -> None:
        self._progress.stage(_WORDS[stage], number=self._chosen.index(stage) + 1, of=len(self._chosen))

    def _finish(self, end: StageEnd) -> None:
        night = msgspec.structs.replace(self._night, stages=(*self._night.stages, end))
        folders.write_night(self._asked.published, night)
        self._night = night

    def _child(self, stage: Stage, command: list[str], environment: Mapping[str, str] | None = None) -> StageEnd:
        """Raises `ReportFileError` when the child could not write its result: the stage is done again next time."""
        started = time.monotonic()
        try:
            end = run_logged(stage, command, folder=CHECKOUT, environment=environment)
        except OSError as error:
            raise IsomarkError(f"{_WORDS[stage]} cannot be started: {error.strerror}") from error
        if end.exit_code == ReportFileError.exit_code:
            raise ReportFileError(
                f"{_WORDS[stage]} could not write its result",
                remedy="make room and run the night again: it goes on with what is finished",
                log_tail=end.last_words,
            )
        if end.exit_code:
            self._progress.say(f"{_WORDS[stage]} ended with exit code {end.exit_code}")
            for line in end.last_words.splitlines():
                self._progress.say(f"    {line}")
        return StageEnd(name=stage, exit_code=end.exit_code, duration_s=round(time.monotonic() - started, 1))

    def _published(self) -> Path:
        """Everything computed anew, with what came after the comparison; then the folder gets its name."""
        bundle.build(self._folder)
        return folders.publish(self._asked.published, self._night)

    def _unpublished(self) -> Outcome:
        """The comparison is not whole: nothing to keep for ever, everything to go on with."""
        if self._code != INTERRUPTED:
            self._problems.append("the night is not published: its comparison is not whole")
        return self._ended(None, self._code or ReportFileError.exit_code)

    def _concluded(self, place: Path) -> Outcome:
        gate = read_gate(place / GATE_FILE)
        return self._ended(place, next((each.exit_code for each in self._night.stages if each.exit_code), 0), gate)

    def _ended(self, place: Path | None, code: int, gate: GateReport | None = None) -> Outcome:
        return Outcome(
            night=self._night,
            place=place,
            exit_code=code,
            gate=gate,
            regression=_regression(gate) if gate and not gate.passed else None,
            problems=tuple(self._problems),
        )


class _Within:
    """The progress of the comparison as that of the night's first stage."""

    def __init__(self, whole: StageProgress, stages: int) -> None:
        self._whole = whole
        self._stages = stages

    def stage(self, words: str, *, number: int, of: int) -> None:
        self._whole.stage(f"{_WORDS[Stage.COMPARE]}, {number} of {of}: {words}", number=1, of=self._stages)

    def at(self, done: int, total: int | None) -> None:
        self._whole.at(done, total)

    def say(self, words: str) -> None:
        self._whole.say(words)


def _regression(gate: GateReport) -> RegressionFound:
    return RegressionFound(
        gate.words.removesuffix(".") + "".join(f"\n    {each.words}" for each in gate.failed()),
        expected=f"no figure worse by more than a factor of {gate.threshold:g}, beyond doubt",
        remedy="look at the trend pages, and at what changed since the nights before",
    )
