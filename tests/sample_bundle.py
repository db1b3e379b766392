"""A whole bundle from invented but consistent data: everything a page, an export or a check may read.

For tests only. The figures are plausible and nobody measured them.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from harness.about_results import ABOUT_FILE, AboutReport
from harness.comparison_results import ComparisonReport, Excluded, Role, Source, read_comparison
from harness.fault_matrix.report import Broken, FaultResult, FaultsReport, Outcome, PlainRun
from harness.interleaved_results import JOURNAL_SCHEMA, InterleavedReport, MeasuredSubject
from harness.results import ConformanceReport, RunIdentity, RuntimeIdentity
from harness.rows import Status
from reports import comparison, conformance_page
from tests.sample_conformance import CATALOGUE, CLAIMED, judged
from tests.sample_load import NATURES, SCENARIOS, Measured, cells_of
from tests.sample_load_files import PINNING, journal_line, load_files

NO_ENGINE = "no container engine answered on this machine"
CUT_SHORT = "interrupted (Ctrl-C) in round {}"
SEED, DATE, LAUNCHES = 20261124, "2026-11-24", 10

_VERSIONS = {"reference": "7.0.1", "workerd": "1.20261117.1", "container": "24.19.0", "node": "24.19.0"}
_COMMIT = "7d78a41c0ffee7d78a41c0ffee7d78a41c0ffee0"


def write(
    folder: Path,
    *,
    baseline: bool = True,
    complete: bool = True,
    seed: int = SEED,
    launches: int = LAUNCHES,
    date: str = DATE,
    runtimes: tuple[str, ...] = ("reference", "workerd"),
    factor: float = 1.0,
    faults: bool = False,
) -> ComparisonReport:
    """Write a bundle into the folder, all but what is made from it (page, exports, manifest), and return its report.

    `runtimes`: of `sample_load.NATURES`; the first of them is measured twice. `complete=False`: it was cut short four
    rounds before its end. `factor` multiplies the times of all but the floor, for a night slower than another.
    `faults`: with a faults.json. The same arguments give the same bytes.
    """
    for path, text in _texts(baseline, complete, seed, launches, date, runtimes, factor, faults):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return read_comparison(folder / "comparison.json")


@cache
def _texts(
    baseline: bool,
    complete: bool,
    seed: int,
    launches: int,
    date: str,
    runtimes: tuple[str, ...],
    factor: float,
    faults: bool,
) -> tuple[tuple[str, str], ...]:
    """(path, text) of every file; kept, because tests ask for the same few bundles again and again."""
    subjects = tuple(_subjects(runtimes, baseline, factor))
    begun = datetime.fromisoformat(f"{date}T02:30:00").replace(tzinfo=UTC)
    finished = launches if complete else max(1, launches - 4)
    why = "" if complete else CUT_SHORT.format(finished + 1)
    files = dict(_measured(subjects, begun, seed, finished, why))
    files |= dict(_judged(subjects, begun))
    files[ABOUT_FILE] = _json(_about(runtimes, baseline, begun, why))
    if faults:
        files["faults.json"] = _json(_faults(begun))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        files["comparison.json"] = _json(comparison.compute(folder))
    return tuple(files.items())


def _subjects(runtimes: tuple[str, ...], baseline: bool, factor: float) -> Iterator[Measured]:
    for name in runtimes:
        yield _subject(name, Role.RUNTIME, name, factor)
    yield _subject(f"{runtimes[0]} again", Role.REPEAT, runtimes[0], factor)
    if baseline:
        yield _subject("container", Role.BASELINE, "container", factor)
    yield _subject("node", Role.FLOOR, "node", 1.0)


def _subject(name: str, role: Role, nature: str, factor: float) -> Measured:
    assert nature in NATURES
    runtime = RuntimeIdentity(
        name=nature,
        version=_VERSIONS[nature],
        classes=tuple(each.value for each in CLAIMED[nature]),
        features=("vars",) if nature in {"container", "node"} else ("isolates-on-demand", "service-bindings", "vars"),
        identity={"binary_sha256": "9c1e" * 16},
    )
    slug = re.sub(r"[^A-Za-z0-9]+", "-", name)
    return Measured(
        name=name, slug=slug, role=role, specification=nature, nature=nature, runtime=runtime, factor=factor
    )


def _measured(
    subjects: tuple[Measured, ...], begun: datetime, seed: int, launches: int, why: str
) -> Iterator[tuple[str, str]]:
    chosen = " ".join(f"'--subject={each.name}={each.role}={each.specification}'" for each in subjects)
    run = _run(
        begun + timedelta(seconds=110),
        f"isomark bench interleaved {chosen} --profile=quick --seed={seed} --out out/report/load",
        seed=seed,
        duration_s=412.6,
    )
    measured = {each.slug: cells_of(each, seed=seed, launches=launches) for each in subjects}
    for subject in subjects:
        found = load_files(
            subject,
            measured[subject.slug],
            run=run,
            environment=_environment(0.11),
            launches=launches,
            why_incomplete=why,
        )
        yield from ((f"load/{path}", text) for path, text in found)
    rounds, journal = [], []
    for launch in range(launches):
        turns = [(scenario, each) for scenario in SCENARIOS for each in subjects]
        Random(f"{seed}/{launch}").shuffle(turns)  # noqa: S311
        rounds.append(f"round {launch + 1}: {' '.join(f'{scenario}/{each.slug}' for scenario, each in turns)}")
        journal += [journal_line(each, scenario, measured[each.slug][scenario], launch) for scenario, each in turns]
    report = InterleavedReport(
        complete=not why,
        why_incomplete=why,
        run=run,
        environment=_environment(0.11),
        environment_after=_environment(1.04),
        pinning=PINNING,
        subjects=tuple(
            MeasuredSubject(
                name=each.name, slug=each.slug, role=each.role, specification=each.specification, runtime=each.runtime
            )
            for each in subjects
        ),
        sources=tuple(
            Source(scenario=scenario, subject=each.name, path=f"{scenario}/{each.slug}/load.json")
            for scenario in SCENARIOS
            for each in subjects
        ),
        launches=launches,
        order=tuple(rounds),
        excluded=tuple(
            Excluded(
                subject=each.name,
                scenario="concurrency",
                what="compute-1000",
                why="its answers were wrong before anything was timed: status 503",
            )
            for each in subjects
            if each.role is Role.BASELINE
        ),
    )
    yield "load/interleaved.json", _json(report)
    yield "load/journal.jsonl", "".join(f"{_line(each)}\n" for each in _journal(report, journal))


def _journal(report: InterleavedReport, launches: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """As the load generator leaves it, but for what nothing is computed from."""
    about = msgspec.to_builtins(report)
    head = {name: value for name, value in about["run"].items() if name != "duration_s"}
    of_the_report = {"subjects": about["subjects"], "environment": report.environment}
    much = {"launches": report.launches, "extents": {name: {} for name in SCENARIOS}}
    yield {"kind": "head", "schema": JOURNAL_SCHEMA, **much, **head, **of_the_report}
    yield from launches
    if report.complete:
        ending = {"duration_s": report.run.duration_s, "environment_after": report.environment_after}
        yield {"kind": "end", **ending}


def _line(line: dict[str, Any]) -> str:
    return msgspec.json.encode(line).decode()


def _judged(subjects: tuple[Measured, ...], begun: datetime) -> Iterator[tuple[str, str]]:
    for place, each in enumerate(each for each in subjects if each.role is not Role.REPEAT):
        command = f"pytest conformance --runtime={each.specification} --report=out/report/conformance/{each.slug}"
        run = _run(begun + timedelta(seconds=25 * place), command, seed=4_711 + place, duration_s=24.2)
        report = judged(each.nature, runtime=each.runtime, run=run, environment=_environment(0.4))
        yield f"conformance/{each.slug}/conformance.json", _json(report)
        yield f"conformance/{each.slug}/conformance.html", _page(report)
        yield (
            f"conformance/{each.slug}/junit.xml",
            f'<testsuites><testsuite tests="{len(report.rows)}"/></testsuites>\n',
        )


@cache
def _page_of(text: str) -> str:
    return conformance_page.render(msgspec.json.decode(text, type=ConformanceReport))


def _page(report: ConformanceReport) -> str:
    return _page_of(_json(report))


def _about(runtimes: tuple[str, ...], baseline: bool, begun: datetime, why: str) -> AboutReport:
    return AboutReport(
        command=f"isomark compare --runtime={','.join(runtimes)} --baseline=container --report=out/report",
        baseline_missing="" if baseline else NO_ENGINE,
        profile="quick",
        started=_iso(begun),
        duration_s=541.9,
        suite_version="0.1.0",
        specification=CATALOGUE.edition,
        commit=_COMMIT,
        dirty=False,
        complete=not why,
        why_incomplete=why,
    )


def _faults(begun: datetime) -> FaultsReport:
    faults = tuple(
        FaultResult(
            name=name,
            requirement=each.id,
            outcome=Outcome.KILLED,
            killed=True,
            killed_by=(_broken(each.id),),
            tests=(_broken(each.id).test,),
            rows_run=60,
            duration_s=9.5,
        )
        for each in CATALOGUE.requirement
        if each.requirement_class.value in {"core", "resources"}
        for name in each.faults
    )
    survivor = FaultResult(
        name="counter-shared", requirement="ISO-1", outcome=Outcome.SURVIVED, killed=False, rows_run=1, duration_s=2.0
    )
    return FaultsReport(
        proven=False,
        complete=True,
        run=_run(begun - timedelta(hours=1), "isomark faults --area=ISO,MEM,CPU --report=out/faults", duration_s=600.0),
        runtime=_subject("reference", Role.RUNTIME, "reference", 1.0).runtime,
        environment=_environment(0.4),
        areas=CATALOGUE.areas,
        rows="area",
        requirements={each.id: each.statement for each in CATALOGUE.requirement},
        plain=PlainRun(rows=251, duration_s=70.2),
        faults=(*faults, survivor),
        unproven=("CPU-8",),
    )


def _broken(requirement: str) -> Broken:
    test = f"conformance/test_{requirement[:3].lower()}.py::test_{requirement.lower().replace('-', '_')}"
    return Broken(
        requirement=requirement, test=test, plain=Status.PASS, status=Status.FAIL, reason="expected one, saw two"
    )


def _run(started: datetime, command: str, *, duration_s: float, seed: int | None = None) -> RunIdentity:
    return RunIdentity(
        suite_version="0.1.0",
        specification=CATALOGUE.edition,
        commit=_COMMIT,
        dirty=False,
        started=_iso(started),
        duration_s=duration_s,
        command=command,
        profile="quick",
        seed=seed,
    )


def _environment(load_average: float) -> dict[str, Any]:
    return {
        "cpu": "Example CPU at 2.9 GHz",
        "cores": 2,
        "cores_usable": 2,
        "governor": "performance",
        "memory_bytes": 8_323_178_496,
        "cgroup_limits": {"memory_max": "max", "cpu_max": "max 100000"},
        "kernel": "6.1.0",
        "system": "Debian GNU/Linux 12 (bookworm)",
        "architecture": "x86_64",
        "load_average_1min": load_average,
        "steal_ticks": 12,
        "python": "3.11.2",
        "packages": {"httpx": "0.28.1", "pytest": "9.0.1"},
        "continuous_integration": False,
    }


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(report: msgspec.Struct) -> str:
    return msgspec.json.format(msgspec.json.encode(report), indent=1).decode() + "\n"
