"""Who is compared: in which order, under which words, and drawn how, the same everywhere on the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.comparison_results import ComparisonReport, Role, Subject
from reports.evidence import visible
from reports.plot_frame import Style

ROLES = {
    Role.RUNTIME: "",
    Role.REPEAT: "the same again, for the noise",
    Role.BASELINE: "the container baseline",
    Role.FLOOR: "a plain process, the floor under any container",
}

SHORT_ROLES = {Role.RUNTIME: "", Role.REPEAT: "again", Role.BASELINE: "the container", Role.FLOOR: "the floor"}

# Orange is the container's and grey the floor's, so that the runtimes share what is left.
_RUNTIMES = (Style(colour=0, dash=0), Style(colour=2, dash=3), Style(colour=3, dash=4), Style(colour=4, dash=5))
_OTHERS = {
    Role.REPEAT: Style(colour=0, dash=2),
    Role.BASELINE: Style(colour=1, dash=1),
    Role.FLOOR: Style(colour=5, dash=2),
}


def styles(report: ComparisonReport) -> Mapping[str, Style]:
    """A style for each subject, by name."""
    found = {}
    runtimes = 0
    for subject in report.subjects:
        if subject.role is Role.RUNTIME:
            found[subject.name] = _RUNTIMES[runtimes % len(_RUNTIMES)]
            runtimes += 1
        else:
            found[subject.name] = _OTHERS[subject.role]
    return found


def of_role(report: ComparisonReport, *roles: Role) -> list[Subject]:
    return [subject for subject in report.subjects if subject.role in roles]


def runtimes(report: ComparisonReport) -> list[Subject]:
    return of_role(report, Role.RUNTIME)


def drawn(report: ComparisonReport) -> list[Subject]:
    """Those with a line in every plot. The repeated runtime would lie on itself: it is in the tables."""
    return [subject for subject in report.subjects if subject.role is not Role.REPEAT]


def beside(report: ComparisonReport) -> list[Subject]:
    """What the runtimes stand beside: the container, then the floor."""
    return of_role(report, Role.BASELINE) + of_role(report, Role.FLOOR)


def stand_in(report: ComparisonReport) -> Subject | None:
    """What the runtimes are compared with: the container, or the floor where there is none."""
    return next(iter(beside(report)), None)


def label(name: str) -> str:
    """A name as text of a plot, which no template escapes or makes visible."""
    return visible(name)


def listed(names: Sequence[str]) -> str:
    """ "one", "one and two", "one, two and three"."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
