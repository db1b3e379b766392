"""The claims on cost: what was promised, how far it is kept, and by which figure that was decided."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from harness.comparison_results import Claim
from reports import grades
from reports.comparison_page.material import Material, is_inside
from reports.evidence import Link, file_link
from reports.key_figures import range_in, value_in

ANCHOR = "claims"
"""Where they are on the page."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One subject's grade, and by which figure."""

    subject: str
    grade: str
    slug: str
    figure: str
    interval: str
    launches: str
    why: str
    sources: tuple[Link, ...]


@dataclass(frozen=True, kw_only=True)
class Graded:
    """A limit that a claim of the catalogue sets, and a row for each subject that was held against it.

    `statement` is empty where the claim sets several and this is not the first.
    """

    id: str
    statement: str
    rule: str
    rows: tuple[Row, ...]


def graded(material: Material) -> tuple[Graded, ...]:
    """In the order of the report, which is the catalogue's."""
    found: dict[tuple[str, str], list[Claim]] = {}
    for claim in material.report.claims:
        found.setdefault((claim.requirement, claim.rule), []).append(claim)
    first = dict(reversed(found))
    return tuple(
        Graded(
            id=identity,
            statement=claims[0].statement if first[identity] == rule else "",
            rule=rule,
            rows=tuple(map(_row, claims)),
        )
        for (identity, rule), claims in found.items()
    )


def _row(claim: Claim) -> Row:
    interval = "" if claim.low is None or claim.high is None else range_in(claim.low, claim.high, claim.unit)
    return Row(
        subject=claim.subject or "nobody",
        grade=claim.grade.value,
        slug=grades.slug(claim.grade),
        figure="" if claim.value is None else value_in(claim.value, claim.unit),
        interval=interval,
        launches=f"{claim.launches:,}" if claim.launches else "",
        why=claim.why,
        sources=tuple(map(_source, filter(is_inside, claim.sources))),
    )


def _source(path: str) -> Link:
    """A file, under the name of its folders: every one of them is a load.json."""
    return Link(text="/".join(PurePosixPath(path).parts[1:-1]) or path, address=file_link(path).address)
