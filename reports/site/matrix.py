"""Runtimes across, promises down, a word in every cell, and evidence behind every word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from harness.comparison_results import Claim, Role, Subject
from harness.results import ConformanceReport
from harness.verdict import Verdict
from reports import conformance_page, grades, promises
from reports.comparison_page import claims
from reports.promises import Area, Outcome, Requirement
from reports.quantities import counted
from reports.site.nights import Night, Published

ROLES = {
    Role.RUNTIME: "",
    Role.REPEAT: "",
    Role.BASELINE: "container baseline",
    Role.FLOOR: "plain process, the floor",
}

_WORST_FIRST = (Outcome.BROKEN, Outcome.INCONCLUSIVE, Outcome.UNSUPPORTED, Outcome.KEPT, Outcome.NOT_RUN)


@dataclass(frozen=True, kw_only=True)
class Column:
    """A subject as it was judged last. `address`: its conformance page, from the root of the site."""

    name: str
    version: str
    role: str
    night: str
    newest: bool
    verdict: Verdict
    address: str


@dataclass(frozen=True, kw_only=True)
class Cell:
    """`word` is what became of it, `note` how it is made up, `address` where the evidence is; both may be empty.

    `rank` is what a column sorts by: the worst first, what says nothing last.
    """

    word: str
    slug: str
    rank: int
    note: str = ""
    address: str = ""
    surprising: bool = False


@dataclass(frozen=True, kw_only=True)
class AreaLine:
    """An area of the front page's matrix."""

    anchor: str
    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, kw_only=True)
class RequirementLine:
    id: str
    level: str
    statement: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, kw_only=True)
class AreaGroup:
    """An area of the whole matrix, with its requirements."""

    anchor: str
    name: str
    lines: tuple[RequirementLine, ...]


@dataclass(frozen=True, kw_only=True)
class Matrix:
    columns: tuple[Column, ...]
    areas: tuple[AreaLine, ...]
    groups: tuple[AreaGroup, ...]


@dataclass(frozen=True, kw_only=True)
class _Judged:
    """A subject with the night that judged it last, and what that night says of it."""

    night: Night
    subject: Subject
    report: ConformanceReport
    areas: Mapping[str, Area]
    claims: Mapping[str, tuple[Claim, ...]]


NOTHING = Cell(word="not judged", slug="not-run", rank=len(Outcome))


def matrix(published: Published) -> Matrix:
    """Every subject that was ever judged, in the newest night's order, then those of earlier nights."""
    judged = tuple(_newest_of_each(published))
    order = dict.fromkeys(anchor for each in judged for anchor in each.areas)
    return Matrix(
        columns=tuple(_column(each, published.newest) for each in judged),
        areas=tuple(_area_line(anchor, judged) for anchor in order),
        groups=tuple(_group(anchor, judged) for anchor in order),
    )


def verdict_slug(verdict: Verdict | str) -> str:
    return str(verdict).replace(" ", "-")


def _newest_of_each(published: Published) -> Iterable[_Judged]:
    seen: set[str] = set()
    for night in reversed(published.nights):
        for subject, report in night.bundle.judged:
            if subject.name not in seen:
                seen.add(subject.name)
                yield _Judged(
                    night=night,
                    subject=subject,
                    report=report,
                    areas={area.anchor: area for area in promises.areas(report)},
                    claims=_claims(night, subject),
                )


def _claims(night: Night, subject: Subject) -> Mapping[str, tuple[Claim, ...]]:
    """By requirement: each of its limits is a claim of its own."""
    found: dict[str, tuple[Claim, ...]] = {}
    for claim in night.bundle.comparison.claims:
        if claim.subject == subject.name:
            found[claim.requirement] = (*found.get(claim.requirement, ()), claim)
    return found


def _column(judged: _Judged, newest: Night) -> Column:
    return Column(
        name=judged.subject.name,
        version=judged.subject.runtime.version,
        role=ROLES[judged.subject.role],
        night=judged.night.name,
        newest=judged.night is newest,
        verdict=judged.report.verdict,
        address=_page(judged),
    )


def _page(judged: _Judged) -> str:
    folder = PurePosixPath("runs", judged.night.name, judged.subject.conformance).parent
    return f"{folder}/{conformance_page.FILE_NAME}"


def _area_line(anchor: str, judged: Sequence[_Judged]) -> AreaLine:
    name = next(each.areas[anchor].name for each in judged if anchor in each.areas)
    cells = tuple(_area_cell(each.areas[anchor]) if anchor in each.areas else NOTHING for each in judged)
    return AreaLine(anchor=anchor, name=name, cells=cells)


def _area_cell(area: Area) -> Cell:
    """The worst of its promises; what has no test yet weighs nothing beside one that has."""
    tested = sum(count for outcome, count in area.counts.items() if outcome is not Outcome.NO_TEST)
    outcome = next((each for each in _WORST_FIRST if area.counts[each]), Outcome.NO_TEST)
    # No promises at all: an area of measured claims alone.
    if not area.promises:
        return Cell(word="measured", slug="not-run", rank=len(Outcome), note=counted(area.graded, "claim about cost"))
    note = "" if outcome is Outcome.NO_TEST else f"{area.counts[Outcome.KEPT]} of {tested} kept"
    return Cell(word=outcome.value, slug=outcome.slug, rank=_rank(outcome), note=note)


def _rank(outcome: Outcome) -> int:
    return (*_WORST_FIRST, Outcome.NO_TEST).index(outcome)


def _group(anchor: str, judged: Sequence[_Judged]) -> AreaGroup:
    by_id = [
        {each.id: each for each in one.areas[anchor].requirements} if anchor in one.areas else {} for one in judged
    ]
    lines = []
    for identity in dict.fromkeys(each for one in by_id for each in one):
        either = next(one[identity] for one in by_id if identity in one)
        cells = tuple(
            _cell(one, found[identity]) if identity in found else NOTHING
            for one, found in zip(judged, by_id, strict=True)
        )
        lines.append(RequirementLine(id=identity, level=either.level, statement=either.statement, cells=cells))
    name = next(one.areas[anchor].name for one in judged if anchor in one.areas)
    return AreaGroup(anchor=anchor, name=name, lines=tuple(lines))


def _cell(judged: _Judged, requirement: Requirement) -> Cell:
    if requirement.level == promises.GRADED:
        return _claim_cell(judged, judged.claims.get(requirement.id, ()))
    worst = next((test for test in requirement.tests if test.outcome is requirement.outcome), None)
    anchor = worst.anchor if worst and not worst.untested else requirement.anchor
    return Cell(
        word=requirement.outcome.value,
        slug=requirement.outcome.slug,
        rank=_rank(requirement.outcome),
        address=f"{_page(judged)}#{anchor}",
        surprising=requirement.surprising,
    )


def _claim_cell(judged: _Judged, limits: Sequence[Claim]) -> Cell:
    """The worst of its limits."""
    grade, several = grades.worst(limits)
    return Cell(
        word=grade.value,
        slug=grades.slug(grade),
        rank=_rank(grades.STANDS_FOR[grade]),
        note=several,
        address=f"runs/{judged.night.name}/index.html#{claims.ANCHOR}",
    )
