"""From the record of a run to load.json and the raw files beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness import SPECIFICATION, __version__
from harness.load_results import LoadReport, LoadWarning, Pinning
from harness.results import RunIdentity, RuntimeIdentity, write_report, write_text
from loadgen.scenarios import cells, doubts, runner
from loadgen.scenarios.placement import Placement
from loadgen.scenarios.record import Record

LOAD_FILE = "load.json"


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What a report says beside figures. `command` repeats the run, its seed included; see `RunIdentity`."""

    runtime: RuntimeIdentity
    baseline: RuntimeIdentity | None
    environment: Mapping[str, object]
    busy_share: float
    commit: str
    dirty: bool
    started: str
    duration_s: float
    command: str
    profile: str


def report_of(record: Record, settings: runner.Settings, about: Circumstances) -> tuple[LoadReport, dict[str, str]]:
    """The report of one scenario on one runtime, and its raw files by name. The same arguments give the same bytes."""
    found = [cells.cell(settings.scenario.name, plan, record) for plan in record.plan.cells]
    warnings: list[LoadWarning] = list(doubts.of_run(record, settings.placement, about.busy_share))
    warnings += [each for cell, _ in found for each in doubts.of_cell(cell, record)]
    report = LoadReport(
        complete=not record.why_incomplete,
        why_incomplete=record.why_incomplete,
        scenario=settings.scenario.name,
        about=settings.scenario.about,
        run=RunIdentity(
            suite_version=__version__,
            specification=SPECIFICATION,
            commit=about.commit,
            dirty=about.dirty,
            started=about.started,
            duration_s=about.duration_s,
            command=about.command,
            profile=about.profile,
            seed=settings.seed,
        ),
        runtime=about.runtime,
        baseline=about.baseline,
        environment=dict(about.environment),
        pinning=pinning_of(settings.placement),
        launches=record.launches,
        order=tuple(record.order),
        warnings=tuple(warnings),
        cells=tuple(cell for cell, _ in found),
        derived=tuple(settings.scenario.derive(record, record.plan)),
    )
    return report, {name: text for _, files in found for name, text in files.items()}


def pinning_of(placement: Placement) -> Pinning:
    """The same as the report has it."""
    return Pinning(
        generator_cpus=tuple(sorted(placement.generator)),
        target_cpus=tuple(sorted(placement.target)),
        apart=placement.apart,
        words=str(placement),
    )


def without_figures(report: LoadReport) -> bool:
    """Whether there is no cell at all, or one that had its turn and gave nothing, be it the generator's figures."""
    return not report.cells or any(isinstance(warning, doubts.NO_FIGURES) for warning in report.warnings)


def write(folder: Path, report: LoadReport, files: Mapping[str, str]) -> None:
    """The raw files first: a load.json never names a file that is not there. Raises `ReportFileError`."""
    for name, text in files.items():
        write_text(folder / name, text)
    write_report(folder / LOAD_FILE, report)
