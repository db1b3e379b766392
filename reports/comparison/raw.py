"""The raw files of a bundle, read whole: what was measured, what was judged, and what the command knew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.about_results import ABOUT_FILE, AboutReport, read_about
from harness.comparison_results import Role, Source
from harness.errors import ReportFileError
from harness.interleaved_results import InterleavedReport, MeasuredSubject, read_interleaved
from harness.load_results import LoadReport, read_load
from harness.results import ConformanceReport, read_conformance

LOAD_FOLDER, INTERLEAVED_FILE = "load", "interleaved.json"
CONFORMANCE_PATH = "conformance/{slug}/conformance.json"


@dataclass(frozen=True, kw_only=True)
class Raw:
    """`sources` with paths relative to the bundle, each with its `loads`; `judged` by the subject's name."""

    about: AboutReport
    interleaved: InterleavedReport
    sources: tuple[Source, ...]
    loads: tuple[LoadReport, ...]
    judged: Mapping[str, ConformanceReport]
    judged_in: Mapping[str, str]

    @property
    def measured(self) -> tuple[tuple[Source, LoadReport], ...]:
        return tuple(zip(self.sources, self.loads, strict=True))

    @property
    def subjects(self) -> tuple[MeasuredSubject, ...]:
        return self.interleaved.subjects

    def named(self, *roles: Role) -> tuple[str, ...]:
        """The names of the subjects in these roles, in the file's order."""
        return tuple(each.name for each in self.subjects if each.role in roles)


def read_raw(folder: Path) -> Raw:
    """Raises `ReportFileError` for a file that is missing, damaged, of another version, or at odds with the others."""
    about = read_about(folder / ABOUT_FILE)
    interleaved = read_interleaved(folder / LOAD_FOLDER / INTERLEAVED_FILE)
    sources = tuple(
        Source(scenario=each.scenario, subject=each.subject, path=_inside(each.path)) for each in interleaved.sources
    )
    loads = tuple(read_load(folder / each.path) for each in sources)
    _check(interleaved, sources, loads)
    judged_in = _judged_in(folder, interleaved)
    return Raw(
        about=about,
        interleaved=interleaved,
        sources=sources,
        loads=loads,
        judged={name: read_conformance(folder / path) for name, path in judged_in.items()},
        judged_in=judged_in,
    )


def _inside(path: str) -> str:
    """The path relative to the bundle. Raises `ReportFileError` for one that would leave the load's folder."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts:
        raise ReportFileError(
            f"{INTERLEAVED_FILE} names {path!r}, which lies outside its folder", expected="a path below it"
        )
    return str(PurePosixPath(LOAD_FOLDER, *parts))


def _check(interleaved: InterleavedReport, sources: tuple[Source, ...], loads: tuple[LoadReport, ...]) -> None:
    names = [each.name for each in interleaved.subjects]
    for name in names:
        if names.count(name) > 1:
            raise ReportFileError(f"{INTERLEAVED_FILE} has two subjects {name!r}", expected="each name once")
    seen = set()
    for source, load in zip(sources, loads, strict=True):
        if source.subject not in names:
            raise ReportFileError(
                f"{INTERLEAVED_FILE} has a source of {source.subject!r}, which is none of its subjects",
                expected=", ".join(names),
            )
        if load.scenario != source.scenario:
            raise ReportFileError(
                f"{source.path} is of the scenario {load.scenario!r}", expected=f"{source.scenario!r}, as listed"
            )
        if (source.scenario, source.subject) in seen:
            raise ReportFileError(
                f"{INTERLEAVED_FILE} lists {source.scenario} of {source.subject!r} twice", expected="one load.json"
            )
        seen.add((source.scenario, source.subject))


def _judged_in(folder: Path, interleaved: InterleavedReport) -> dict[str, str]:
    """Where each subject's promises were judged: each runtime was once, though it may take part as several subjects."""
    found: dict[str, str] = {}
    of_runtime: dict[str, str] = {}
    for each in interleaved.subjects:
        path = CONFORMANCE_PATH.format(slug=each.slug)
        if (folder / path).exists():
            found[each.name] = of_runtime[each.specification] = path
    for each in interleaved.subjects:
        if each.specification in of_runtime:
            found.setdefault(each.name, of_runtime[each.specification])
    return found
