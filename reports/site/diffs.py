"""Which runs are compared on the site: each with the one before it, and every pair while there are few."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from harness.diff_results import DiffReport
from reports import promises
from reports.run_diff import difference
from reports.site.nights import Night

FEW = 6
"""Up to so many nights, all pairs have a page."""


@dataclass(frozen=True, kw_only=True)
class Diff:
    """Two nights, the older first. `address`: of the page, from the root of the site."""

    was: Night
    now: Night
    report: DiffReport

    @property
    def address(self) -> str:
        return address_of(self.was, self.now)


def address_of(was: Night, now: Night) -> str:
    return f"diffs/{was.name}_{now.name}.html"


def compared(nights: Sequence[Night]) -> tuple[Diff, ...]:
    """Neighbours in the order of the nights, then the other pairs if there are few nights."""
    pairs = list(pairwise(nights))
    if len(nights) <= FEW:
        neighbours = {(was.name, now.name) for was, now in pairs}
        pairs += [(was, now) for was, now in combinations(nights, 2) if (was.name, now.name) not in neighbours]
    return tuple(Diff(was=was, now=now, report=difference(was.bundle, now.bundle)) for was, now in pairs)


def evidence(night: Night) -> Mapping[tuple[str, str, str], str]:
    """Where each row's evidence is, by subject, requirement and test, from the root of the site."""
    found = {}
    for subject, report in night.bundle.judged:
        page = f"runs/{night.name}/{subject.conformance.removesuffix('.json')}.html"
        for area in promises.areas(report):
            for requirement in area.requirements:
                for test in requirement.tests:
                    found[subject.name, requirement.id, test.name] = f"{page}#{test.anchor}"
    return found
