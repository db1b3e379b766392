"""The promises of all subjects side by side: by class, by area, and each of them with the way to its evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

from harness.comparison_results import Claim, Subject
from harness.results import ConformanceReport
from harness.verdict import ClassVerdict, Verdict
from reports import grades, promises
from reports.comparison_page import claims
from reports.comparison_page.material import Material, judgeable
from reports.conformance_page import FILE_NAME as CONFORMANCE_PAGE
from reports.promises import Area, Outcome, Requirement


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A subject whose promises were looked at. `page`: the address of its own page; empty when it is not there."""

    name: str
    page: str
    claims: tuple[Claim, ...]


@dataclass(frozen=True, kw_only=True)
class ClassLine:
    """A conformance class: (verdict, its slug, what it rests on) for each subject judged."""

    name: str
    verdicts: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """An area of one subject."""

    counts: Mapping[Outcome, int]
    in_words: str


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What became of a promise, or the grade of a claim, with the way to its evidence."""

    value: str
    slug: str
    address: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Promise:
    """A requirement and how each subject stands to it; None where it has no row."""

    id: str
    level: str
    statement: str
    standings: tuple[Standing | None, ...]


@dataclass(frozen=True, kw_only=True)
class AreaLine:
    anchor: str
    name: str
    outcomes: tuple[Outcomes | None, ...]
    promises: tuple[Promise, ...]


@dataclass(frozen=True, kw_only=True)
class Surprise:
    subject: str
    id: str
    statement: str
    outcome: Outcome
    expectation: str
    address: str


@dataclass(frozen=True, kw_only=True)
class SideBySide:
    subjects: tuple[Judged, ...]
    classes: tuple[ClassLine, ...]
    areas: tuple[AreaLine, ...]
    surprises: tuple[Surprise, ...]
    missing: tuple[str, ...]


def side_by_side(material: Material) -> SideBySide:
    """All that was judged and could be read; `missing` says of whom it could not."""
    subjects = [each for each in material.report.subjects if each.name in material.judged]
    judged = [
        Judged(name=each.name, page=_page(material, each), claims=tuple(_claims(material, each))) for each in subjects
    ]
    reports = [material.judged[each.name] for each in subjects]
    areas = [{area.anchor: area for area in promises.areas(report)} for report in reports]
    return SideBySide(
        subjects=tuple(judged),
        classes=_classes(reports),
        areas=tuple(_area(anchor, areas, judged) for anchor in dict.fromkeys(key for found in areas for key in found)),
        surprises=tuple(_surprises(areas, judged)),
        missing=tuple(
            f"{each.name}: {material.problems[each.conformance]}."
            for each in judgeable(material.report.subjects)
            if each.conformance in material.problems
        ),
    )


def _claims(material: Material, subject: Subject) -> Iterator[Claim]:
    return (each for each in material.report.claims if each.subject == subject.name)


def _page(material: Material, subject: Subject) -> str:
    """The page that the conformance suite made beside its conformance.json."""
    path = str(PurePosixPath(subject.conformance).with_name(CONFORMANCE_PAGE))
    return "./" + quote(path) if material.there(path) else ""


def _classes(reports: list[ConformanceReport]) -> tuple[ClassLine, ...]:
    names = dict.fromkeys(name for report in reports for name in report.classes)
    return tuple(
        ClassLine(name=name, verdicts=tuple(_verdict(report.classes.get(name)) for report in reports)) for name in names
    )


def _verdict(found: ClassVerdict | None) -> tuple[str, str, str]:
    if found is None:
        return "not judged", "not-claimed", ""
    slug = found.verdict.value.replace(" ", "-")
    if found.verdict is Verdict.NOT_CLAIMED:
        return found.verdict.value, slug, ""
    tested = len(found.kept) + len(found.broken) + len(found.unsupported) + len(found.undecided)
    return found.verdict.value, slug, f"{len(found.kept)} of {tested} kept"


def _area(anchor: str, areas: list[dict[str, Area]], judged: list[Judged]) -> AreaLine:
    mine = [found.get(anchor) for found in areas]
    name = next(area.name for area in mine if area)
    requirements = [{each.id: each for each in area.requirements} if area else {} for area in mine]
    ids = dict.fromkeys(identity for found in requirements for identity in found)
    return AreaLine(
        anchor=f"promises-{anchor}",
        name=name,
        outcomes=tuple(Outcomes(counts=area.counts, in_words=area.in_words) if area else None for area in mine),
        promises=tuple(_promise([found.get(identity) for found in requirements], judged) for identity in ids),
    )


def _promise(found: list[Requirement | None], judged: list[Judged]) -> Promise:
    one = next(each for each in found if each)
    return Promise(
        id=one.id,
        level=one.level,
        statement=one.statement,
        standings=tuple(_standing(each, who) if each else None for each, who in zip(found, judged, strict=True)),
    )


def _standing(requirement: Requirement, judged: Judged) -> Standing:
    """Of a claim on cost the worst of its limits: measurements grade it, no test."""
    if requirement.level == promises.GRADED:
        grade, several = grades.worst(each for each in judged.claims if each.requirement == requirement.id)
        return Standing(value=grade.value, slug=grades.slug(grade), address=f"#{claims.ANCHOR}", note=several)
    address = f"{judged.page}#{requirement.anchor}" if judged.page else ""
    return Standing(value=requirement.outcome.value, slug=requirement.outcome.slug, address=address)


def _surprises(areas: list[dict[str, Area]], judged: list[Judged]) -> list[Surprise]:
    return [
        Surprise(
            subject=who.name,
            id=requirement.id,
            statement=requirement.statement,
            outcome=test.outcome,
            expectation=test.expectation,
            address=f"{who.page}#{test.anchor}" if who.page else "",
        )
        for found, who in zip(areas, judged, strict=True)
        for requirement, test in promises.surprises(found.values())
    ]
