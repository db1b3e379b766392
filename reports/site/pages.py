"""The site's own pages, by their address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.comparison_results import Role
from harness.fault_matrix.text import sentence as faults_sentence
from reports.quantities import counted, moment
from reports.run_diff import page as diff_page
from reports.site import runs
from reports.site.diffs import Diff, evidence
from reports.site.matrix import matrix, verdict_slug
from reports.site.navigation import newest_with_faults, places
from reports.site.newest import newest
from reports.site.nights import Night, Published
from reports.site.trend import setting_numbers, trends
from reports.site_frame import FEED_FILE, framed

_RECENT = 5
_TRENDS_IN_FRONT = 4


@dataclass(frozen=True, kw_only=True)
class Run:
    """A line of the list of runs. `diff`: the page that compares it with the run before it; empty for the first."""

    name: str
    address: str
    started: str
    when: str
    verdicts: tuple[tuple[str, str, str], ...]
    complete: bool
    profile: str
    launches: int
    setting: int
    commit: str
    dirty: bool
    diff: str
    changes: str


@dataclass(frozen=True, kw_only=True)
class Link:
    text: str
    address: str


def pages(published: Published, diffs: Sequence[Diff]) -> Iterator[tuple[str, str]]:
    """(Address, HTML) of each; the same nights give the same bytes."""
    navigation = places(published)
    before = neighbours(published.nights, diffs)
    listed = _runs(published, before)
    drawn, found = trends(published), matrix(published)
    nights = f"{counted(len(published.nights), 'night')}, {published.nights[0].name} to {published.newest.name}"
    common = {"nights": nights, "left_out": published.left_out}

    values = {
        "title": "isomark: which promises of the isolate model runtimes keep, and what they cost",
        "matrix": found,
        "verdict_slug": verdict_slug,
        "night": published.newest,
        "run": listed[0],
        "newest": newest(published.newest),
        "trends": drawn[:_TRENDS_IN_FRONT],
        "faults": _faults(published),
        "runs": listed[:_RECENT],
        "feed_file": FEED_FILE,
    }
    yield "index.html", framed("site_index.html.jinja", values | common, address="index.html", navigation=navigation)

    promises = sum(len(group.lines) for group in found.groups)
    values = {"title": "isomark: every promise, every runtime", "matrix": found, "promises": promises}
    yield "matrix.html", framed("site_matrix.html.jinja", values | common, address="matrix.html", navigation=navigation)

    values = {"title": "isomark: trend", "trends": drawn, "settings": _settings(published)}
    yield "trend.html", framed("site_trend.html.jinja", values | common, address="trend.html", navigation=navigation)

    nearby = {id(diff) for diff in before.values()}
    example = [night.name for night in published.nights[-2:]]
    values = {
        "title": "isomark: all runs",
        "runs": listed,
        "all_pairs": tuple(
            Link(text=f"{diff.was.name} to {diff.now.name}", address=diff.address)
            for diff in diffs
            if id(diff) not in nearby
        ),
        "example": example if len(example) == 2 else [*example, "YYYY-MM-DD"],
    }
    yield "runs.html", framed("site_runs.html.jinja", values | common, address="runs.html", navigation=navigation)

    addresses = {night.name: runs.address_of(night) for night in published.nights}
    evidences = {night.name: evidence(night) for night in published.nights}
    for diff in diffs:
        page = diff_page.render(
            diff.report,
            address=diff.address,
            navigation=navigation,
            runs=addresses,
            evidence=evidences[diff.now.name],
        )
        yield diff.address, page


def neighbours(nights: Sequence[Night], diffs: Sequence[Diff]) -> Mapping[str, Diff]:
    """The diff of each night from the one before it, by the night's name."""
    place = {night.name: number for number, night in enumerate(nights)}
    return {diff.now.name: diff for diff in diffs if place[diff.now.name] == place[diff.was.name] + 1}


def _runs(published: Published, before: Mapping[str, Diff]) -> list[Run]:
    """Newest first."""
    settings = setting_numbers(published.nights)
    return [_run(night, settings[night.name], before.get(night.name)) for night in reversed(published.nights)]


def _run(night: Night, setting: int, diff: Diff | None) -> Run:
    report = night.bundle.comparison
    return Run(
        name=night.name,
        address=runs.address_of(night),
        started=report.run.started,
        when=moment(report.run.started),
        verdicts=tuple(
            (each.name, each.verdict.value, verdict_slug(each.verdict))
            for each in report.subjects
            if each.role is Role.RUNTIME and each.verdict
        ),
        complete=report.complete,
        profile=report.run.profile,
        launches=report.launches,
        setting=setting,
        commit=report.run.commit[:12],
        dirty=report.run.dirty,
        diff=diff.address if diff else "",
        changes=diff_page.sentence(diff.report) if diff else "",
    )


def _settings(published: Published) -> str:
    count = len(set(setting_numbers(published.nights).values()))
    if count == 1:
        return "All nights ran in the same circumstances."
    return (
        f"The nights ran in {count} different circumstances (machine, profile, what stands beside the runtimes): where "
        "these change a line has a gap, for a figure that changed there may be theirs."
    )


def _faults(published: Published) -> Link | None:
    """The newest fault matrix in one sentence, and where it is."""
    name = newest_with_faults(published)
    night = next((each for each in published.nights if each.name == name), None)
    if night is None or night.bundle.faults is None:
        return None
    return Link(text=f"{faults_sentence(night.bundle.faults)}.", address=f"faults/{name}/faults.html")
