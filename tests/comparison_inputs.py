"""Small bundles for the tests of `reports.comparison`: raw files with just the cells a test is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.about_results import AboutReport
from harness.comparison_results import ComparisonReport, Excluded, Role, Series, Source
from harness.interleaved_results import InterleavedReport, MeasuredSubject
from harness.load_results import LoadCell, LoadDerived, LoadFigures, LoadReport, LoadWarning, Pinning, Point
from harness.results import ConformanceReport, RunIdentity, RuntimeIdentity, write_report
from harness.rows import ReasonCode, Row, Status
from harness.verdict import Verdict
from reports.comparison import compute
from tests.statistics_samples import Truth

PINNING = Pinning(generator_cpus=(1,), target_cpus=(0,), apart=True, words="apart")
ENVIRONMENT: dict[str, Any] = {
    "cpu": "Example CPU",
    "cores": 2,
    "cores_usable": 2,
    "governor": "performance",
    "architecture": "x86_64",
    "cgroup_limits": {"memory_max": "max"},
    "memory_bytes": 8_323_178_496,
    "kernel": "6.1.0",
    "python": "3.11.2",
    "load_average_1min": 0.1,
    "steal_ticks": 3,
}
MS, US = 1e6, 1e3
STATEMENTS = {
    "ISO-8": "Cold start of an isolate is under 5 ms, many under 3 ms",
    "GLB-2": "It is live everywhere within seconds",
    "XYZ-1": "A promise of cost that nobody wrote a rule for",
}


def spread(center: float, launches: int = 10, *, noise: float = 0.01, seed: int = 1) -> list[float]:
    """Values of launches around a center, the same for the same arguments."""
    return Truth(seed).launches(launches, center=center, noise=noise)


def a_run(**changes: Any) -> RunIdentity:
    values: dict[str, Any] = {
        "suite_version": "0.1.0",
        "specification": "2026-02",
        "commit": "0" * 40,
        "dirty": False,
        "started": "2026-11-24T02:30:00Z",
        "duration_s": 60.0,
        "command": "isomark bench interleaved",
        "profile": "full",
        "seed": 7,
    }
    return RunIdentity(**(values | changes))


def a_row(requirement: str, status: Status = Status.PASS, **changes: Any) -> Row:
    values: dict[str, Any] = {
        "requirement": requirement,
        "area": requirement.partition("-")[0],
        "requirement_class": "core",
        "level": "must",
        "statement": STATEMENTS.get(requirement, f"What {requirement} promises"),
        "test": f"conformance/test_a.py::test_{requirement}",
        "status": status,
        "reason_code": ReasonCode.PROMISE_KEPT if status is Status.PASS else ReasonCode.PROMISE_BROKEN,
    }
    return Row(**(values | changes))


def a_cost_row(requirement: str) -> Row:
    changes = {"requirement_class": "cost", "level": "performance", "test": "", "reason_code": ReasonCode.NO_TEST}
    return a_row(requirement, Status.NO_TEST, **changes)


@dataclass(kw_only=True)
class Subject:
    """A subject and what was measured of it. `rows`: None for one that was not judged."""

    name: str
    role: Role
    version: str = "1.0"
    cells: dict[str, list[LoadCell]] = field(default_factory=dict)
    derived: dict[str, list[LoadDerived]] = field(default_factory=dict)
    warnings: dict[str, list[LoadWarning]] = field(default_factory=dict)
    rows: tuple[Row, ...] | None = ()
    specification: str = ""

    @property
    def slug(self) -> str:
        return self.name.replace(" ", "-")

    def cell(
        self,
        scenario: str,
        mode: str,
        p50_ns: Sequence[float] = (),
        *,
        p99_ns: Sequence[float] = (),
        rps: Sequence[float] = (),
        observed: Mapping[str, Sequence[float]] | None = None,
        **changes: Any,
    ) -> Subject:
        """A cell with a value per launch; p99 is twice the median and throughput 100/s unless told."""
        medians = tuple(map(round, p50_ns))
        figures = LoadFigures(
            response_ns={"p50": medians[0] if medians else 0},
            service_ns={},
            throughput_rps=100.0,
            per_launch_p50_ns=medians,
            per_launch_p99_ns=tuple(map(round, p99_ns)) or tuple(2 * each for each in medians),
            per_launch_throughput_rps=tuple(rps) or (100.0,) * len(medians),
            curve_ns=changes.pop("curve_ns", ()),
        )
        values: dict[str, Any] = {
            "scenario": scenario,
            "mode": mode,
            "title": mode,
            "what": "requests",
            "verified": "status 200",
            "loop": "closed",
            "connections": 1,
            "point": Point(name="n", value=1),
            "count": 200 * len(medians),
            "scheduled": 200 * len(medians),
            "figures": figures if medians else None,
            "observed": {name: tuple(each) for name, each in (observed or {}).items()},
        }
        self.cells.setdefault(scenario, []).append(LoadCell(**(values | changes)))
        return self

    def derive(self, scenario: str, name: str, values: Sequence[float], unit: str = "us") -> Subject:
        found = LoadDerived(
            name=name,
            title=name,
            how="so",
            unit=unit,
            per_launch=tuple(values),
            median=sorted(values)[len(values) // 2],
        )
        self.derived.setdefault(scenario, []).append(found)
        return self

    def warn(self, scenario: str, warning: LoadWarning) -> Subject:
        self.warnings.setdefault(scenario, []).append(warning)
        return self

    @property
    def runtime(self) -> RuntimeIdentity:
        name = self.specification.partition(",")[0] or self.name.removesuffix(" again")
        return RuntimeIdentity(name=name, version=self.version, classes=(), features=())

    @property
    def scenarios(self) -> list[str]:
        return list(dict.fromkeys((*self.cells, *self.derived, *self.warnings)))


def runtime(name: str = "workerd") -> Subject:
    return Subject(name=name, role=Role.RUNTIME)


def repeat(name: str = "workerd again") -> Subject:
    return Subject(name=name, role=Role.REPEAT, rows=None)


def container() -> Subject:
    return Subject(name="container", role=Role.BASELINE)


def node() -> Subject:
    return Subject(name="node", role=Role.FLOOR)


def write(
    folder: Path,
    *subjects: Subject,
    launches: int = 10,
    excluded: tuple[Excluded, ...] = (),
    about: Mapping[str, Any] | None = None,
    environment: Mapping[str, Any] | None = None,
    seed: int = 7,
) -> Path:
    """Write the raw files of a bundle, and give its folder back."""
    run = a_run(seed=seed)
    facts = ENVIRONMENT | dict(environment or {})
    sources = []
    for each in subjects:
        for scenario in each.scenarios:
            path = f"{scenario}/{each.slug}/load.json"
            report = LoadReport(
                complete=True,
                scenario=scenario,
                about="",
                run=run,
                runtime=each.runtime,
                environment=facts,
                pinning=PINNING,
                launches=launches,
                order=(),
                warnings=tuple(each.warnings.get(scenario, ())),
                cells=tuple(each.cells.get(scenario, ())),
                derived=tuple(each.derived.get(scenario, ())),
            )
            write_report(folder / "load" / path, report)
            sources.append(Source(scenario=scenario, subject=each.name, path=path))
        if each.rows is not None:
            write_report(folder / "conformance" / each.slug / "conformance.json", _judged(each, run))
    interleaved = InterleavedReport(
        complete=True,
        run=run,
        environment=facts,
        environment_after=facts,
        pinning=PINNING,
        subjects=tuple(
            MeasuredSubject(
                name=each.name,
                slug=each.slug,
                role=each.role,
                specification=each.specification or each.runtime.name,
                runtime=each.runtime,
            )
            for each in subjects
        ),
        sources=tuple(sources),
        launches=launches,
        order=("round 1: so",),
        excluded=excluded,
    )
    write_report(folder / "load" / "interleaved.json", interleaved)
    write_report(folder / "about.json", an_about(**(about or {})))
    return folder


def computed(folder: Path, *subjects: Subject, **how: Any) -> ComparisonReport:
    """The report of a bundle of these subjects."""
    return compute(write(folder, *subjects, **how))


def the_series(report: ComparisonReport, subject: str, mode: str, quantity: str) -> Series:
    (found,) = [each for each in report.series if (each.subject, each.mode, each.quantity) == (subject, mode, quantity)]
    return found


def an_about(**changes: Any) -> AboutReport:
    values: dict[str, Any] = {
        "command": "isomark compare",
        "profile": "full",
        "started": "2026-11-24T02:30:00Z",
        "duration_s": 90.0,
        "suite_version": "0.1.0",
        "specification": "2026-02",
        "commit": "1" * 40,
        "dirty": True,
    }
    return AboutReport(**(values | changes))


def _judged(subject: Subject, run: RunIdentity) -> ConformanceReport:
    return ConformanceReport(
        verdict=Verdict.PARTIALLY_CONFORMANT,
        complete=True,
        as_expected=True,
        classes={},
        areas={},
        run=run,
        runtime=subject.runtime,
        environment={},
        rows=subject.rows or (),
    )
