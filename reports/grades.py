"""Grades of claims beside words for promises: what stands for the same, and the worst of several limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.comparison_results import Claim, Grade
from reports.promises import Outcome

STANDS_FOR: Mapping[Grade, Outcome] = {
    Grade.NOT_KEPT: Outcome.BROKEN,
    Grade.NOT_SHOWN: Outcome.INCONCLUSIVE,
    Grade.KEPT: Outcome.KEPT,
    Grade.NOT_MEASURED: Outcome.NOT_RUN,
}
"""The worst first."""


def slug(grade: Grade) -> str:
    """The style of what it stands for."""
    return STANDS_FOR[grade].slug


def worst(claims: Iterable[Claim]) -> tuple[Grade, str]:
    """Of a requirement's limits the worst grade, and how many of several were kept. Of none: not measured."""
    grades = [each.grade for each in claims] or [Grade.NOT_MEASURED]
    several = f"{grades.count(Grade.KEPT)} of {len(grades)} limits kept" if len(grades) > 1 else ""
    return next(grade for grade in STANDS_FOR if grade in grades), several
