"""Why the page should be believed: what kills the tests, controls, machine, programs, and what is not in a figure."""

from __future__ import annotations

from dataclasses import dataclass

from harness.comparison_results import ComparisonReport, Role
from harness.fault_matrix.report import FILE_NAME as FAULTS_FILE
from harness.fault_matrix.report import Outcome
from harness.fault_matrix.text import sentence
from harness.rows import ReasonCode
from reports import provenance
from reports.comparison_page import subjects as who
from reports.comparison_page.material import Material
from reports.faults_page import FILE_NAME as FAULTS_PAGE
from reports.quantities import counted

_ROLES = {
    Role.RUNTIME: "under test",
    Role.REPEAT: "the same again, for the noise",
    Role.BASELINE: "container baseline",
    Role.FLOOR: "plain process, the floor",
}


@dataclass(frozen=True, kw_only=True)
class KillMatrix:
    """`alive`: (name, requirement, what became of it) of the faults that no test killed. `page` may be empty."""

    sentence: str
    alive: tuple[tuple[str, str, str], ...]
    unproven: str
    page: str


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program that was measured, with all that pins it down."""

    name: str
    role: str
    version: str
    facts: tuple[tuple[str, str], ...]


def kill_matrix(material: Material) -> KillMatrix | None:
    """None without a faults.json in the bundle, or with one that cannot be read."""
    faults = material.faults
    if faults is None:
        return None
    alive = [each for each in faults.faults if not each.killed and each.outcome is not Outcome.LEFT_OUT]
    return KillMatrix(
        sentence=sentence(faults) + ".",
        alive=tuple((each.name, each.requirement, each.outcome.value) for each in alive),
        unproven=", ".join(faults.unproven),
        page=f"./{FAULTS_PAGE}" if material.there(FAULTS_PAGE) else "",
    )


def kill_matrix_missing(material: Material) -> str:
    """Why no kill matrix is shown."""
    problem = material.problems.get(FAULTS_FILE)
    return (
        f"{problem}."
        if problem
        else "This bundle has no faults.json: whether the tests can fail was not shown with it."
    )


def controls(material: Material) -> str:
    """How the controls fared, over all subjects judged."""
    failed = {
        subject: count
        for subject, report in material.judged.items()
        if (count := sum(row.reason_code is ReasonCode.CONTROL_FAILED for row in report.rows))
    }
    if not material.judged:
        return "No conformance report could be read, so nothing is known of its controls."
    if not failed:
        return f"No control failed, on {who.listed(list(material.judged))}."
    words = who.listed([f"{counted(count, 'control')} on {subject}" for subject, count in failed.items()])
    return f"{words} failed; the rows they belong to are inconclusive."


def warnings(material: Material) -> tuple[str, ...]:
    """What limits these results, the damage to the bundle first."""
    report = material.report
    found = [f"{words}." for path, words in material.problems.items() if path != FAULTS_FILE]
    if report.run.dirty:
        found.append("The suite had uncommitted changes: the commit alone does not reproduce this report.")
    return (*found, *report.warnings)


def programs(report: ComparisonReport) -> tuple[Program, ...]:
    return tuple(
        Program(
            name=each.name,
            role=_ROLES[each.role],
            version=f"{each.runtime.name} {each.runtime.version}",
            facts=(*each.runtime.settings.items(), *each.runtime.identity.items()),
        )
        for each in report.subjects
    )


def environment(report: ComparisonReport) -> tuple[provenance.EnvironmentLine, ...]:
    """Before and after the measurement."""
    return provenance.facts(report.environment, report.environment_after)
