"""`isomark bench SCENARIO`: measure, write load.json and the raw files, print a table."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time
from dataclasses import dataclass, replace

import msgspec

from harness import SPECIFICATION, __version__, environment
from harness.errors import UsageError
from harness.load_results import LoadReport, LoadWarning, Pinning
from harness.recorder import runtime_identity
from harness.registry import RuntimeSpecification, resolve
from harness.results import RunIdentity, RuntimeIdentity, write_report, write_text
from loadgen import output_folder
from loadgen.progress_line import progress_line
from loadgen.scenarios import cells, doubts, registry, runner, table
from loadgen.scenarios.extent import Extent
from loadgen.scenarios.model import Scenario
from loadgen.scenarios.placement import Placement, place
from loadgen.scenarios.record import Record

LOAD_FILE = "load.json"

MOST_LAUNCHES = 1_000

NOT_ALL_TIMED = 1


def run(arguments: argparse.Namespace) -> int:
    """Exit codes: 0, 1 when a cell gave no right answer or there is none, 130 after Ctrl-C, else the error's own.

    What was measured before a run is cut short is written all the same. Raises `UsageError`, `UnknownRuntimeError`,
    `ToolchainError` or `ReportFileError` before anything is measured.
    """
    scenario = registry.named(arguments.scenario)
    return run_scenario(scenario, extent_of(scenario, arguments), arguments)


def extent_of(scenario: Scenario, arguments: argparse.Namespace) -> Extent:
    """The profile's, but for what the command line says. Raises `UsageError`."""
    extent = scenario.extents[arguments.profile]
    if arguments.launches is not None:
        if not 1 <= arguments.launches <= MOST_LAUNCHES:
            raise UsageError(f"--launches={arguments.launches} is out of range", expected=f"1 to {MOST_LAUNCHES}")
        extent = replace(extent, launches=arguments.launches)
    if arguments.rates is not None:
        if not extent.rates_rps:
            raise UsageError(f"--rates has no meaning: {scenario.name} has no open loop")
        extent = replace(extent, rates_rps=_rates(arguments.rates))
    return extent


def run_scenario(scenario: Scenario, extent: Extent, arguments: argparse.Namespace) -> int:
    """The same with an extent that is no profile's."""
    if arguments.out is None:
        raise UsageError("isomark bench has nowhere to write to", expected="--out=DIR")
    settings = runner.Settings(
        scenario=scenario,
        runtime=resolve(arguments.runtime),
        baseline=resolve(arguments.baseline) if scenario.has_baseline else None,
        extent=extent,
        placement=place(os.sched_getaffinity(0)),
        seed=secrets.randbelow(1 << 31) if arguments.seed is None else arguments.seed,
    )
    settings.plan()  # refuses what cannot be, before anything is touched
    output_folder.prepare(arguments.out, LOAD_FILE)
    about = _About(
        runtime=runtime_identity(settings.runtime, RuntimeSpecification.parse(arguments.runtime).settings),
        baseline=None
        if settings.baseline is None
        else runtime_identity(settings.baseline, RuntimeSpecification.parse(arguments.baseline).settings),
        environment=environment.capture(),
        busy_share=environment.busy_share(),
        started=environment.now_utc(),
        profile=arguments.profile,
        seed_given=arguments.seed is not None,
    )
    with progress_line() as progress:
        record = runner.measure(settings, progress=progress)
    report, files = report_of(record, settings, about)
    # The raw files first: a load.json never names a file that is not there.
    for name, text in files.items():
        write_text(arguments.out / name, text)
    write_report(arguments.out / LOAD_FILE, report)
    print(msgspec.json.encode(report).decode() if arguments.format == "json" else table.render(report), flush=True)
    if record.ended_by is not None:
        print(f"isomark bench: {record.ended_by}", file=sys.stderr)
    return record.exit_code or (NOT_ALL_TIMED if _without_figures(report) else 0)


@dataclass(frozen=True, kw_only=True)
class _About:
    """What the report says of the circumstances."""

    runtime: RuntimeIdentity
    baseline: RuntimeIdentity | None
    environment: dict[str, object]
    busy_share: float
    started: str
    profile: str
    seed_given: bool


def report_of(record: Record, settings: runner.Settings, about: _About) -> tuple[LoadReport, dict[str, str]]:
    """The report, and its raw files by name."""
    found = [cells.cell(settings.scenario.name, plan, record) for plan in record.plan.cells]
    warnings: list[LoadWarning] = list(doubts.of_run(record, settings.placement, about.busy_share))
    warnings += [each for cell, _ in found for each in doubts.of_cell(cell, record)]
    commit, dirty = environment.commit()
    command = environment.command_line()
    report = LoadReport(
        complete=not record.why_incomplete,
        why_incomplete=record.why_incomplete,
        scenario=settings.scenario.name,
        about=settings.scenario.about,
        run=RunIdentity(
            suite_version=__version__,
            specification=SPECIFICATION,
            commit=commit,
            dirty=dirty,
            started=about.started,
            duration_s=round(time.monotonic() - record.started, 1),
            command=command if about.seed_given else f"{command} --seed={settings.seed}",
            profile=about.profile,
            seed=settings.seed,
        ),
        runtime=about.runtime,
        baseline=about.baseline,
        environment=about.environment,
        pinning=_pinning(settings.placement),
        launches=record.launches,
        order=tuple(record.order),
        warnings=tuple(warnings),
        cells=tuple(cell for cell, _ in found),
        derived=tuple(settings.scenario.derive(record, record.plan)),
    )
    return report, {name: text for _, files in found for name, text in files.items()}


def _pinning(placement: Placement) -> Pinning:
    return Pinning(
        generator_cpus=tuple(sorted(placement.generator)),
        target_cpus=tuple(sorted(placement.target)),
        apart=placement.apart,
        words=str(placement),
    )


def _without_figures(report: LoadReport) -> bool:
    """Whether there is no cell at all, or one that had its turn and gave nothing, be it the generator's figures."""
    return not report.cells or any(isinstance(warning, doubts.NO_FIGURES) for warning in report.warnings)


def _rates(text: str) -> tuple[float, ...]:
    try:
        return tuple(dict.fromkeys(float(word) for word in text.split(",")))
    except ValueError:
        raise UsageError(f"--rates={text} is no list of rates", expected="numbers like 100,500") from None
