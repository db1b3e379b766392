"""faults.html: which test noticed which fault, what else broke, and what was not looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.fault_matrix.judging import never_failed, short
from harness.fault_matrix.report import FILE_NAME as FAULTS_FILE
from harness.fault_matrix.report import Broken, FaultResult, FaultsReport, Outcome, PlainRun
from harness.fault_matrix.text import sentence
from harness.results import write_text
from reports import provenance
from reports.evidence import relative
from reports.page import fill
from reports.quantities import counted, moment

FILE_NAME = "faults.html"

_REASON_CHARACTERS = 400

_LOOKED_AT = {
    "area": "After its own tests, each fault was tried on rows of the other requirements of these areas.",
    "all": "After its own tests, each fault was tried on other rows of the whole suite.",
    "requirement": "Each fault was tried on the tests of its own requirement alone; nothing else was looked at.",
}

_SLUGS = {Outcome.KILLED: "kept", Outcome.SURVIVED: "broken", Outcome.UNDECIDED: "inconclusive"}


@dataclass(frozen=True, kw_only=True)
class Noticed:
    """A test that broke: its function, its requirement, from what to what, and what it saw."""

    test: str
    requirement: str
    change: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Line:
    """A fault. `consequences` says what the runtime declares to fall with it and why, `fell` what did."""

    anchor: str
    name: str
    requirement: str
    statement: str
    word: str
    slug: str
    facts: str
    detail: str
    killed_by: tuple[Noticed, ...]
    collateral: tuple[Noticed, ...]
    collateral_words: str
    falls_with_it: str
    consequences: str
    fell: tuple[Noticed, ...]
    unsteady: tuple[Noticed, ...]
    unreached: str
    problem: str


@dataclass(frozen=True, kw_only=True)
class Area:
    """The faults of one area."""

    name: str
    in_words: str
    lines: tuple[Line, ...]


def export(report: FaultsReport, folder: Path) -> Path:
    """Write the page into the folder and say where it is. Raises `ReportFileError` when the folder does not take it."""
    path = folder / FILE_NAME
    write_text(path, render(report))
    return path


def render(report: FaultsReport) -> str:
    """The page as HTML. The same report gives the same bytes."""
    plain = report.plain
    unsteady = sum(len(each.unsteady) for each in report.faults)
    cut_short = sum(bool(each.problem) for each in report.faults)
    values = {
        "title": f"{report.runtime.name} {report.runtime.version}: faults",
        "report": report,
        "when": moment(report.run.started),
        "commit": provenance.identity(report.run),
        "sentence": sentence(report) + ".",
        "looked_at": _LOOKED_AT[report.rows],
        "areas": tuple(_areas(report)),
        "unproven": tuple((each, report.requirements.get(each, "")) for each in report.unproven),
        "never_failed": tuple((requirement, short(test)) for requirement, test in never_failed(report.faults)),
        "left_out": tuple(
            (row.requirement, short(row.test), f"{row.duration_ms / 1000:,.1f}") for row in plain.left_out
        )
        if plain
        else (),
        "unseen": _unseen(plain) if plain else "",
        "unsteady": counted(unsteady, "row") if unsteady else "",
        "cut_short": counted(cut_short, "run") if cut_short else "",
        "broken_without": tuple(map(_noticed, plain.broken)) if plain else (),
        "environment": _environment(report),
        "commands": (provenance.Command(what="Matrix", text=report.run.command),),
        "files": provenance.files(None, [FAULTS_FILE]),
    }
    return fill("faults.html.jinja", values)


def _unseen(plain: PlainRun) -> str:
    """The requirements that nothing was looked at of."""
    return ", ".join(dict.fromkeys(row.requirement for row in plain.left_out if row.requirement not in plain.looked_at))


def _areas(report: FaultsReport) -> Iterable[Area]:
    left_out = {row.test for row in report.plain.left_out} if report.plain else set()
    for area, name in report.areas.items():
        mine = [each for each in report.faults if each.requirement.partition("-")[0] == area]
        killed = sum(each.killed for each in mine)
        lines = tuple(_line(each, report.requirements, left_out) for each in mine)
        if mine:
            yield Area(name=name, in_words=f"{killed} of {counted(len(mine), 'fault')} killed", lines=lines)


def _line(found: FaultResult, statements: Mapping[str, str], left_out: set[str]) -> Line:
    unreached = sum(test not in left_out for test in found.not_run)
    word = f"killed by {len(found.killed_by)} of {len(found.tests)}" if found.killed else found.outcome.value
    return Line(
        anchor=f"fault-{found.name}",
        name=found.name,
        requirement=found.requirement,
        statement=statements.get(found.requirement, ""),
        word=word,
        slug=_SLUGS.get(found.outcome, ""),
        facts=f"{counted(found.rows_run, 'row')} in {found.duration_s:,.1f} s" if found.rows_run else "not run",
        detail=relative(found.detail),
        killed_by=tuple(map(_noticed, found.killed_by)),
        collateral=tuple(map(_noticed, found.collateral)),
        collateral_words=_collateral_words(found),
        falls_with_it=", ".join(found.also),
        consequences=", ".join(f"{each} (held)" if each in found.spared else each for each in found.also)
        + (f": {found.why}" if found.why else ""),
        fell=tuple(map(_noticed, found.consequences)),
        unsteady=tuple(map(_noticed, found.unsteady)),
        unreached=counted(unreached, "row") if unreached else "",
        problem=relative(found.problem),
    )


def _collateral_words(found: FaultResult) -> str:
    others = found.rows_run - len(found.tests)
    if found.collateral:
        return counted(len(found.collateral), "row")
    return f"none in {counted(others, 'row')}" if others > 0 else "not looked at"


def _noticed(broken: Broken) -> Noticed:
    reason = relative(broken.reason).partition("\n")[0]
    same = broken.plain is broken.status
    return Noticed(
        test=short(broken.test),
        requirement=broken.requirement,
        change=broken.status.value if same else f"{broken.plain.value} became {broken.status.value}",
        reason=reason if len(reason) <= _REASON_CHARACTERS else f"{reason[:_REASON_CHARACTERS]} ...",
    )


def _environment(report: FaultsReport) -> tuple[tuple[str, str], ...]:
    """What ran where; what is nested, such as the versions of packages, is in faults.json."""
    runtime = report.runtime
    programs = {"runtime": f"{runtime.name} {runtime.version}"} | runtime.identity | runtime.settings
    return (*programs.items(), *_plain_facts(report.environment.items()))


def _plain_facts(items: Iterable[tuple[str, Any]]) -> Iterable[tuple[str, str]]:
    for name, value in items:
        if isinstance(value, bool):
            yield name, "yes" if value else "no"
        elif isinstance(value, int):
            yield name, f"{value:,}"
        elif isinstance(value, str | float):
            yield name, str(value)
