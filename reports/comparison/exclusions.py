"""What was to be measured and has no figures, and what limits those that there are."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto
from typing import assert_never

from harness import load_results as results
from harness.comparison_results import Excluded
from harness.load_results import LoadCell, LoadReport, LoadWarning
from reports.comparison.figures import FEW_FOR_P99, answers_of
from reports.comparison.raw import Raw
from reports.comparison.wording import launches_words, mode_words
from reports.quantities import counted


def excluded_of(raw: Raw) -> tuple[Excluded, ...]:
    """What the measurement left out, then cells without figures. Each once, in the order of the files."""
    found = [*raw.interleaved.excluded]
    for source, load in raw.measured:
        found += [
            Excluded(subject=source.subject, scenario=source.scenario, what=what, why=why)
            for what, why in (*_cells_of(load), *_left_out_of(load))
        ]
    seen: dict[tuple[str, str, str], Excluded] = {}
    for each in found:
        seen.setdefault((each.subject, each.scenario, each.what), each)
    return tuple(seen.values())


def _cells_of(load: LoadReport) -> Iterator[tuple[str, str]]:
    for cell in load.cells:
        if cell.saturated:
            yield cell.mode, f"the load generator could not keep up, so its figures are its own: {cell.saturation}"
        elif cell.figures is None:
            yield cell.mode, cell.not_timed or "no answer was right and of its kind"


def _left_out_of(load: LoadReport) -> Iterator[tuple[str, str]]:
    for warning in load.warnings:
        if isinstance(warning, results.LeftOut):
            modes = ", ".join(warning.modes)
            words = warning.words.removeprefix(modes)
            for verb in (" is not measured: ", " are not measured: "):
                words = words.removeprefix(verb)
            yield modes, words


def warnings_of(raw: Raw) -> tuple[str, ...]:
    """Each sentence once. What limits a whole run is said without naming the files it is in, the rest with."""
    found: dict[str, None] = {}
    for subject in raw.subjects:
        judged = raw.judged.get(subject.name)
        if judged is None:
            found[f"{subject.name}: its promises were not judged, so no figure of it could be marked"] = None
        elif not judged.complete:
            found[f"{subject.name}: judging its promises was cut short: {judged.why_incomplete}"] = None
    for source, load in raw.measured:
        where = f"{source.scenario}, {source.subject}"
        if not load.complete:
            found[f"{where}: cut short: {load.why_incomplete}"] = None
        for warning in load.warnings:
            match _place_of(warning):
                case _Said.OF_THE_RUN:
                    found[warning.words] = None
                case _Said.OF_THE_CELL:
                    found[f"{where}: {warning.words}"] = None
                case _Said.AS_EXCLUDED:
                    pass
        for cell in load.cells:
            for words in _of_cell(cell, load):
                found[f"{where}: {words}"] = None
    found.update(dict.fromkeys(_few_for_p99(raw)))
    return tuple(found)


class _Said(Enum):
    """Where a warning of a load.json is told in a comparison."""

    OF_THE_RUN = auto()
    OF_THE_CELL = auto()
    AS_EXCLUDED = auto()


def _place_of(warning: LoadWarning) -> _Said:
    match warning:
        case results.TooFewLaunches() | results.BusyMachine() | results.NotApart():
            return _Said.OF_THE_RUN
        case results.WrongAnswers() | results.Unanswered() | results.BeyondRange() | results.Repeated():
            return _Said.OF_THE_CELL
        case results.LeftOut() | results.NotVerified() | results.NothingTimed() | results.GeneratorSaturated():
            return _Said.AS_EXCLUDED
        case results.Stopped():
            return _Said.AS_EXCLUDED
        case _:
            assert_never(warning)


def _of_cell(cell: LoadCell, load: LoadReport) -> Iterator[str]:
    """A launch that gave no right answer is missing from the figures, and a reader must know."""
    if cell.figures is not None and len(cell.figures.per_launch_p50_ns) < load.launches:
        yield (
            f"{mode_words(load.scenario, cell.mode)}: {len(cell.figures.per_launch_p50_ns)} of "
            f"{launches_words(load.launches)} gave a figure"
        )


def _few_for_p99(raw: Raw) -> Iterator[str]:
    """One sentence for a scenario, about the cell with the fewest."""
    answers = answers_of(raw)
    for scenario in dict.fromkeys(source.scenario for source in raw.sources):
        found = ((count, mode, subject) for (name, mode, subject), count in answers.items() if name == scenario)
        fewest = min(found, default=None)
        if fewest is not None and fewest[0] < FEW_FOR_P99:
            count, mode, subject = fewest
            yield (
                f"{scenario}: a launch has {counted(round(count), 'answer')} at the least "
                f"({subject}, {mode_words(scenario, mode)}); "
                f"of fewer than {FEW_FOR_P99} the 99th percentile is the slowest, or nearly"
            )
