"""What a run leaves behind: interleaved.json, and for each pair a load.json with its raw files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.comparison_results import Source
from harness.errors import ReportFileError
from harness.interleaved_results import INTERLEAVED_FILE, InterleavedReport
from harness.load_results import LoadReport
from harness.results import RunIdentity, write_report
from loadgen.interleaved.course import Course
from loadgen.interleaved.extents import EXTENTS
from loadgen.interleaved.messages import End, Head
from loadgen.interleaved.pairs import Pair
from loadgen.scenarios import report
from loadgen.scenarios.report import LOAD_FILE, Circumstances

_RAW = (".hlog", ".hgrm")


def clear(folder: Path) -> None:
    """Take away what an earlier run left, which must not stand for this one. Raises `ReportFileError`."""
    try:
        (folder / INTERLEAVED_FILE).unlink(missing_ok=True)
        for scenario in EXTENTS:
            for place in (folder / scenario).glob("*/"):
                for path in place.iterdir():
                    if path.name == LOAD_FILE or path.suffix in _RAW:
                        path.unlink()
                with contextlib.suppress(OSError):  # somebody else's file is in it
                    place.rmdir()
    except OSError as error:
        raise ReportFileError(
            f"--out={folder} cannot be written to: {error.strerror}", remedy="name a folder you may write to"
        ) from error


def load_reports(course: Course, head: Head, why: str) -> Iterator[tuple[Pair, LoadReport, dict[str, str]]]:
    """Each pair's report and raw files. `why`: what cut the run short; empty when it is whole."""
    for pair in course.pairs:
        why_not = pair.why_over() or why
        record = pair.judged()
        if record.launches < pair.launches:
            record.why_incomplete = (
                f"{record.launches} of {pair.launches} launches were measured to their end: {why_not}"
            )
        about = Circumstances(
            runtime=pair.subject.about.runtime,
            baseline=None,
            environment=head.environment,
            busy_share=head.busy_share,
            commit=head.commit,
            dirty=head.dirty,
            started=head.started,
            duration_s=round(sum(pair.lengths_s.values()), 1),
            command=head.command,
            profile=head.profile,
        )
        yield pair, *report.report_of(record, pair.settings, about)


def interleaved_report(course: Course, head: Head, end: End, why: str) -> InterleavedReport:
    """The report of the whole run."""
    rounds = course.rounds_done()
    return InterleavedReport(
        complete=not why,
        why_incomplete=f"{rounds} of {course.launches} rounds were measured to their end: {why}" if why else "",
        run=RunIdentity(
            suite_version=head.suite_version,
            specification=head.specification,
            commit=head.commit,
            dirty=head.dirty,
            started=head.started,
            duration_s=end.duration_s,
            command=head.command,
            profile=head.profile,
            seed=head.seed,
        ),
        environment=head.environment,
        environment_after=end.environment_after,
        pinning=report.pinning_of(head.placement),
        subjects=head.subjects,
        sources=tuple(
            Source(scenario=pair.scenario, subject=pair.subject.about.name, path=f"{pair.name}/{LOAD_FILE}")
            for pair in course.pairs
        ),
        launches=rounds,
        order=tuple(_order(course)),
        excluded=tuple(each for pair in course.pairs for each in pair.excluded()),
    )


def _order(course: Course) -> Iterator[str]:
    for number in range(1, course.launches + 1):
        ran = [pair.name for pair in course.round(number) if number in pair.lengths_s or pair.attempts(number)]
        if ran:
            yield f"round {number}: " + " ".join(ran)


def write(folder: Path, course: Course, head: Head, end: End, why: str) -> tuple[InterleavedReport, list[LoadReport]]:
    """The load.json files first: an interleaved.json never names one that is not there. Raises `ReportFileError`."""
    loads: list[LoadReport] = []
    for pair, load, files in load_reports(course, head, why):
        report.write(folder / pair.name, load, files)
        loads.append(load)
    whole = interleaved_report(course, head, end, why)
    write_report(folder / INTERLEAVED_FILE, whole)
    return whole, loads


def without_figures(course: Course, loads: Sequence[LoadReport]) -> bool:
    """Whether a pair ended early, or a cell of one has no figures; single turns that were thrown out do not count."""
    return any(pair.why_over() for pair in course.pairs) or any(map(report.without_figures, loads))


def environment_and_time(head: Head, *, now_epoch_s: float, environment: dict[str, Any]) -> End:
    """What is said at the end of a run."""
    return End(duration_s=round(max(0.0, now_epoch_s - head.started_epoch_s), 1), environment_after=environment)
