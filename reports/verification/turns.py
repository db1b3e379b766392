"""Everything a load.json counts, computed again from the journal's turns; and the histogram logs held against them.

Throughput and observed values, memory above all, have no histogram: they are found here or nowhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from statistics import fmean
from typing import Any

import msgspec

from harness.errors import ReportFileError
from harness.histograms.histogram import LatencyHistogram
from harness.interleaved_results import INTERLEAVED_FILE, JOURNAL_FILE, THROWN_OUT_SHARE, InterleavedReport
from harness.load_results import LoadCell, LoadReport
from reports.comparison.raw import LOAD_FOLDER, LOAD_PATH, read_raw
from reports.verification import histograms
from reports.verification.differences import Difference, between
from reports.verification.journal import Journal, Launch, Turn, read

JOURNAL = f"{LOAD_FOLDER}/{JOURNAL_FILE}"

_Found = Iterator[tuple[str, str, str]]


def check(folder: Path) -> Iterator[Difference]:
    """What the files of the load say otherwise than its journal. Raises `ReportFileError` for one of no use."""
    raw = read_raw(folder)
    if not raw.sources:
        return  # nothing was measured
    journal = read(folder / JOURNAL)
    path = f"{LOAD_FOLDER}/{INTERLEAVED_FILE}"
    yield from _told(path, _run(raw.interleaved, journal))
    measured = {(source.scenario, PurePosixPath(source.path).parent.name): load for source, load in raw.measured}
    for scenario, slug in sorted(journal.launches.keys() - measured.keys()):
        yield Difference(file=path, field="sources", was="without it", should_be=f"with {scenario}/{slug} ({JOURNAL})")
    for (scenario, slug), load in measured.items():
        file = LOAD_PATH.format(scenario=scenario, slug=slug)
        launches = journal.launches.get((scenario, slug), ())
        yield from _told(file, _load(load, launches))
        yield from _logs(folder, file, load, launches)


def _told(file: str, found: _Found) -> Iterator[Difference]:
    for field, was, should_be in found:
        yield Difference(file=file, field=field, was=was, should_be=f"{should_be} ({JOURNAL})")


def _run(report: InterleavedReport, journal: Journal) -> _Found:
    """What the journal's first and last line say of the run, and the order of its launches.

    How long a run took that was cut short, and the machine then, the journal does not know.
    """
    head, end = journal.head, journal.end
    stated = msgspec.to_builtins(report)
    of_the_run = ("seed", "profile", "suite_version", "specification", "commit", "dirty", "command", "started")
    computed: dict[str, Any] = {
        "run": stated["run"] | {name: getattr(head, name) for name in of_the_run},
        "subjects": list(head.subjects),
        "environment": head.environment,
        "order": list(journal.rounds),
        "complete": end is not None,
    }
    if end is not None:
        computed["run"]["duration_s"] = end.duration_s
        computed["environment_after"] = end.environment_after
    yield from _between(stated, computed, "")


def _load(load: LoadReport, launches: Sequence[Launch]) -> _Found:
    yield from between(load.launches, len(launches), "launches")
    yield from between(list(load.order), [each for launch in launches for each in launch.order], "order")
    left_out = {mode for launch in launches for mode in launch.left_out}
    measured = {mode for launch in launches for mode, cell in launch.cells.items() if cell.turns}
    for mode in sorted(measured - left_out - {cell.mode for cell in load.cells}):
        yield f"cells[{mode}]", "nothing", "a cell"
    for cell in load.cells:
        kept = _kept(cell.mode, launches)
        yield from _between(msgspec.to_builtins(cell), _counts(kept), f"cells[{cell.mode}]")
        figures = cell.generator_figures if cell.saturated else cell.figures
        timed = _timed(cell.mode, launches, kept)
        if timed != (figures is not None):
            yield f"cells[{cell.mode}].figures", "there" if figures else "nothing", "there" if timed else "nothing"
        elif figures is not None:
            yield from _between(msgspec.to_builtins(figures), _rates(kept), f"cells[{cell.mode}].figures")


def _kept(mode: str, launches: Iterable[Launch]) -> list[list[Turn]]:
    """The turns of that mode, launch by launch, without those that the generator fell behind in if they are few."""
    found = [list(launch.cells[mode].turns) for launch in launches if mode in launch.cells]
    behind = sum(turn.saturated for part in found for turn in part)
    if behind <= THROWN_OUT_SHARE * sum(map(len, found)):
        found = [[turn for turn in part if not turn.saturated] for part in found]
    return found


def _timed(mode: str, launches: Sequence[Launch], kept: Sequence[list[Turn]]) -> bool:
    """Whether there was a right answer, and none refused at the end."""
    refused = next((launch.cells[mode].refused for launch in reversed(launches) if mode in launch.cells), "")
    return not refused and any(map(_answered, kept))


def _answered(turns: Iterable[Turn]) -> bool:
    return any(len(turn.tally.service.unpacked()) for turn in turns)


def _counts(kept: Sequence[list[Turn]]) -> dict[str, Any]:
    turns = [turn for part in kept for turn in part]
    tallies = [turn.tally for turn in turns]
    summed = ("scheduled", "warm_up", "late", "behind")
    return {
        "turns": len(turns),
        "count": sum(tally.requests for tally in tallies),
        **{name: sum(getattr(tally, name) for tally in tallies) for name in summed},
        "censored": sum(tally.censored + tally.dropped for tally in tallies),
        "out_of_range": sum(tally.response.out_of_range for tally in tallies),
        "errors": _added(tally.errors for tally in tallies),
        "warm_up_errors": _added(tally.warm_up_errors for tally in tallies),
        "discarded": _added(turn.discarded for turn in turns),
        "saturated": any(turn.saturated for turn in turns),
        "observed": _observed(kept),
    }


def _added(parts: Iterable[dict[str, int]]) -> dict[str, int]:
    return dict(sum(map(Counter, parts), Counter()))


def _observed(kept: Iterable[list[Turn]]) -> dict[str, list[float]]:
    """By name a value for each launch that has one: the mean over its turns."""
    found: dict[str, list[float]] = {}
    for part in filter(_answered, kept):
        for name in dict.fromkeys(name for turn in part for name in turn.observed):
            found.setdefault(name, []).append(fmean(turn.observed[name] for turn in part if name in turn.observed))
    return found


def _rates(kept: Sequence[list[Turn]]) -> dict[str, Any]:
    return {
        "throughput_rps": _rate_rps(turn for part in kept for turn in part),
        "per_launch_throughput_rps": [_rate_rps(part) for part in kept if _answered(part)],
    }


def _rate_rps(turns: Iterable[Turn]) -> float:
    tallies = [turn.tally for turn in turns]
    wall_ns = sum(tally.wall_ns for tally in tallies)
    return round(sum(tally.in_time for tally in tallies) * 1e9 / wall_ns, 3) if wall_ns else 0.0


def _between(stated: dict[str, Any], computed: dict[str, Any], place: str) -> _Found:
    """Of what is stated, only what is computed."""
    yield from between({name: stated.get(name, ...) for name in computed}, computed, place)


def _logs(folder: Path, file: str, load: LoadReport, launches: Sequence[Launch]) -> Iterator[Difference]:
    """Each launch of a histogram log is the sum of that launch's turns."""
    for cell in load.cells:
        parts = [part for part in _kept(cell.mode, launches) if _answered(part)]
        for name in (each for each in cell.files if each.endswith(".hlog")):
            try:
                series = histograms.logged((folder / file).parent, name, cell)
            except ReportFileError:
                continue  # said where load.json is held against it
            yield from _told((PurePosixPath(file).parent / name).as_posix(), _log(series, cell, parts))


def _log(series: dict[str, list[LatencyHistogram]], cell: LoadCell, parts: Sequence[list[Turn]]) -> _Found:
    for kind, logged in series.items():
        what = cell.mode if kind == histograms.BOTH else f"{cell.mode}/{kind}"
        yield from between(len(logged), len(parts), f"{what}, launches")
        for number, (one, part) in enumerate(zip(logged, parts, strict=False), 1):
            packed = (turn.tally.service if kind == histograms.SERVICE else turn.tally.response for turn in part)
            whole = LatencyHistogram.merged(each.unpacked() for each in packed)
            if one.by_slot() != whole.by_slot():
                yield f"{what}, launch {number}", _words(one), _words(whole)


def _words(histogram: LatencyHistogram) -> str:
    if not histogram:
        return "empty"
    low, middle, high = histogram.values_at((0.0, 0.5, 1.0))
    return f"{len(histogram)} answers from {low} to {high} ns, median {middle}"
