"""`isomark bench SCENARIO`: measure, write load.json and the raw files, print a table."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time
from dataclasses import replace

import msgspec

from harness import environment
from harness.errors import UsageError
from harness.recorder import runtime_identity
from harness.registry import RuntimeSpecification, resolve
from harness.results import RuntimeIdentity
from harness.runtime import Runtime
from loadgen import output_folder
from loadgen.progress_line import progress_line
from loadgen.scenarios import registry, report, runner, table
from loadgen.scenarios.extent import Extent
from loadgen.scenarios.model import Scenario
from loadgen.scenarios.placement import place

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
    output_folder.prepare(arguments.out, report.LOAD_FILE)
    runtime, baseline = _identity(settings.runtime, arguments.runtime), None
    if settings.baseline is not None:
        baseline = _identity(settings.baseline, arguments.baseline)
    machine, busy_share, started = environment.capture(), environment.busy_share(), environment.now_utc()
    with progress_line() as progress:
        record = runner.measure(settings, progress=progress)
    commit, dirty = environment.commit()
    command = environment.command_line()
    about = report.Circumstances(
        runtime=runtime,
        baseline=baseline,
        environment=machine,
        busy_share=busy_share,
        commit=commit,
        dirty=dirty,
        started=started,
        duration_s=round(time.monotonic() - record.started, 1),
        command=command if arguments.seed is not None else f"{command} --seed={settings.seed}",
        profile=arguments.profile,
    )
    found, files = report.report_of(record, settings, about)
    report.write(arguments.out, found, files)
    print(msgspec.json.encode(found).decode() if arguments.format == "json" else table.render(found), flush=True)
    if record.ended_by is not None:
        print(f"isomark bench: {record.ended_by}", file=sys.stderr)
    return record.exit_code or (NOT_ALL_TIMED if report.without_figures(found) else 0)


def _identity(runtime: Runtime, specification: str) -> RuntimeIdentity:
    return runtime_identity(runtime, RuntimeSpecification.parse(specification).settings)


def _rates(text: str) -> tuple[float, ...]:
    try:
        return tuple(dict.fromkeys(float(word) for word in text.split(",")))
    except ValueError:
        raise UsageError(f"--rates={text} is no list of rates", expected="numbers like 100,500") from None
