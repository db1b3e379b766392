"""What a claim is graded by: the series of a comparison, and the files they were read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.comparison_results import Excluded, Role, Series
from harness.load_results import LoadReport
from reports.comparison.wording import point_of


@dataclass(frozen=True, kw_only=True)
class Pick:
    """One figure of a subject. `modes` is a pattern, as of file names; of several, `furthest` has the largest number.

    `cells`: the modes whose absence explains why there is none; the same pattern, unless the figure is of several.
    """

    scenario: str
    modes: str
    quantity: str
    furthest: bool = False
    cells: str = ""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """`paths` and `loads`: of scenario and subject. `statements`: of requirements, where a subject was judged.

    `graded`: the performance requirements of the catalogue that the subjects were judged by.
    """

    series: tuple[Series, ...]
    roles: Mapping[str, Role]
    paths: Mapping[tuple[str, str], str]
    loads: Mapping[tuple[str, str], LoadReport]
    excluded: tuple[Excluded, ...]
    statements: Mapping[str, str]
    graded: tuple[str, ...]
    baseline_missing: str

    def subjects(self, role: Role) -> tuple[str, ...]:
        return tuple(name for name, own in self.roles.items() if own is role)

    def find(self, pick: Pick, subject: str) -> Series | None:
        """The series picked, None where nothing was measured. Of modes with numbers the least, or the furthest."""
        found = [
            each
            for each in self.series
            if (each.scenario, each.subject, each.quantity) == (pick.scenario, subject, pick.quantity)
            and fnmatchcase(each.mode, pick.modes)
        ]
        if not found:
            return None
        choose = max if pick.furthest else min
        return choose(found, key=lambda each: point_of(each.mode) or 0.0)

    def why_missing(self, pick: Pick, subject: str) -> str:
        """Why there is no such series, as far as the measurement says; empty when it does not."""
        wanted = pick.cells or pick.modes
        for each in self.excluded:
            if (each.subject, each.scenario) == (subject, pick.scenario):
                parts = [part.strip() for part in each.what.split(",")]
                if any(fnmatchcase(part, wanted) or part == pick.quantity for part in parts):
                    return each.why
        return ""

    def sources(self, *series: Series) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.paths[each.scenario, each.subject] for each in series))
