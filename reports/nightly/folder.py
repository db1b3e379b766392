"""The folder of a night: hidden while the night is being made, renamed into its place when it is whole."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from harness import __version__, environment
from harness.comparison_plan import PLAN_FILE, read_plan
from harness.errors import ReportFileError
from harness.night_results import NIGHT_FILE, NightReport, read_night
from harness.redaction import command_without_machine_paths
from harness.results import write_report
from reports.compare import load_stage
from reports.compare.folder import LOAD_FOLDER
from reports.nightly.adapters import as_planned, present
from reports.nightly.asked import AskedNight, Stage

_UNFINISHED = ".unfinished"


def work_folder(published: Path, name: str) -> Path:
    """Where the night of that name is made."""
    return published / f".{name}{_UNFINISHED}"


def unfinished_night(asked: AskedNight, today: date) -> NightReport | None:
    """The night that was cut short today or yesterday and is the same as the one asked for; None when there is none.

    An older one stays where it is: its figures would be of two different days. So does one that was begun with other
    runtimes or on another machine, which its comparison would refuse to go on with.
    """
    commit, dirty = environment.commit()
    recent = {f"{today - timedelta(days=days)}" for days in (0, 1)}
    found = []
    for path in asked.published.glob(f".*{_UNFINISHED}"):
        try:
            night = read_night(path / NIGHT_FILE)
        except ReportFileError:
            continue  # killed before it began, or not ours
        same = (
            path == work_folder(asked.published, night.name)
            and night.name[: len("2026-02-01")] in recent
            and (night.commit, night.suite_version) == (commit, __version__)
            and (night.profile, night.launches, night.baseline) == (asked.profile, asked.launches, asked.baseline)
            and (night.threshold, night.chosen) == (asked.threshold, tuple(map(str, asked.stages)))
            and (not asked.runtimes or night.runtimes == asked.runtimes)
        )
        if same:
            found.append(night)
    newest_first = sorted(found, key=lambda night: night.started, reverse=True)
    return next((night for night in newest_first if _goes_on(asked, night, dirty=dirty)), None)


def _goes_on(asked: AskedNight, night: NightReport, *, dirty: bool) -> bool:
    """Whether what the night has measured can be gone on with: by the same code, of the same things, here."""
    folder = work_folder(asked.published, night.name)
    if not (folder / PLAN_FILE).exists():
        return True
    try:
        plan = read_plan(folder / PLAN_FILE)
    except ReportFileError:
        return False
    if plan.dirty is not dirty:
        return False
    if night.ended(Stage.COMPARE) is not None:
        return True
    return as_planned(plan, asked) and load_stage.goes_on_here(folder / LOAD_FOLDER)


def new_night(asked: AskedNight, today: date) -> NightReport:
    """Begin a night: find out what can run, and make its folder. Raises the `IsomarkError` of `present`, and
    `ReportFileError`."""
    found = present(asked)
    commit, _ = environment.commit()
    night = NightReport(
        name=_free_name(asked.published, today),
        command=_command(asked),
        started=environment.now_utc(),
        suite_version=__version__,
        commit=commit,
        profile=asked.profile,
        launches=asked.launches,
        threshold=asked.threshold,
        baseline=asked.baseline,
        runtimes=found.runtimes,
        left_out=found.left_out,
        chosen=tuple(str(each) for each in asked.stages),
    )
    write_night(asked.published, night)
    return night


def write_night(published: Path, night: NightReport) -> None:
    """Raises `ReportFileError`."""
    write_report(work_folder(published, night.name) / NIGHT_FILE, night)


def publish(published: Path, night: NightReport) -> Path:
    """Put the finished night into its place, at once and whole, and say where. Raises `ReportFileError`."""
    place = published / night.name
    try:
        if place.exists():
            raise ReportFileError(f"{place} is there already", remedy="nothing was lost: the night is beside it")
        work_folder(published, night.name).rename(place)
    except OSError as error:
        raise ReportFileError(f"{place} cannot be made: {error.strerror}") from error
    return place


def today_utc() -> date:
    return datetime.now(UTC).date()


def _free_name(published: Path, today: date) -> str:
    """The day, with a number from the second night of it on. A night that never got finished keeps its name."""
    number = 1
    while True:
        name = f"{today}" if number == 1 else f"{today}-{number}"
        if not (published / name).exists() and not work_folder(published, name).exists():
            return name
        number += 1


def _command(asked: AskedNight) -> str:
    words = ["isomark", "nightly", f"--published={asked.published}", f"--profile={asked.profile}"]
    if asked.runtimes:
        words.append("--runtimes=" + ",".join(asked.runtimes))
    words += [f"--baseline={asked.baseline}", f"--threshold={asked.threshold:g}"]
    if asked.launches is not None:
        words.append(f"--launches={asked.launches}")
    chosen = [str(each) for each in asked.stages if each is not Stage.GATE]
    return command_without_machine_paths([*words, "--only=" + ",".join(chosen)])
