"""The raw files of a bundle, read whole: what was measured, what was judged, and what the command knew."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.about_results import ABOUT_FILE, AboutReport, read_about
from harness.comparison_results import Source
from harness.errors import ReportFileError
from harness.interleaved_results import INTERLEAVED_FILE, InterleavedReport, MeasuredSubject, read_interleaved
from harness.load_results import LoadReport, read_load
from harness.results import ConformanceReport, read_conformance

LOAD_FOLDER = "load"
CONFORMANCE_PATH = "conformance/{slug}/conformance.json"
LOAD_PATH = LOAD_FOLDER + "/{scenario}/{slug}/load.json"

_FOLDER_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
"""One folder, whatever is done with it: no separator, neither the folder itself nor the one above."""


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
    slugs = {each.name: _folder_name(each.slug) for each in interleaved.subjects}
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
        # What is verified are the files in these places: figures from any other would be held against nothing.
        place = LOAD_PATH.format(scenario=_folder_name(source.scenario), slug=slugs[source.subject])
        if source.path != place:
            raise ReportFileError(
                f"{INTERLEAVED_FILE} has {source.scenario} of {source.subject!r} in {source.path}", expected=place
            )
        seen.add((source.scenario, source.subject))


def _folder_name(name: str) -> str:
    """The same. Raises `ReportFileError` for what is not the name of one folder."""
    if not _FOLDER_NAME.fullmatch(name):
        raise ReportFileError(
            f"{INTERLEAVED_FILE} names the folder {name!r}", expected="letters, digits, dots, dashes and underscores"
        )
    return name


def _judged_in(folder: Path, interleaved: InterleavedReport) -> dict[str, str]:
    """Where each subject's promises were judged: each runtime was once, though it may take part as several subjects.

    Specifications alone do not tell runtimes apart: of a path in them only the last part is kept.
    """
    own = {each.name: CONFORMANCE_PATH.format(slug=each.slug) for each in interleaved.subjects}
    judged = [each for each in interleaved.subjects if (folder / own[each.name]).exists()]
    found = {}
    for each in interleaved.subjects:
        same = (other for other in judged if (other.specification, other.runtime) == (each.specification, each.runtime))
        first = each if each in judged else next(same, None)
        if first is not None:
            found[each.name] = own[first.name]
    return found
