"""What limits a result, as the typed warnings of load.json."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from harness import load_results as results
from harness.histograms.histogram import HIGHEST_NS
from harness.load_results import LoadCell, LoadWarning
from loadgen.caveats import BUSY_SHARE
from loadgen.profiles import LAUNCHES_FOR_A_VERDICT
from loadgen.scenarios.placement import Placement
from loadgen.scenarios.record import Record

NO_FIGURES = (results.NotVerified, results.NothingTimed)
"""A cell was to be timed and could not be."""


def of_run(record: Record, placement: Placement, busy_share: float) -> Iterator[LoadWarning]:
    """Of the run as a whole. `busy_share`: of the machine's CPU time, with nothing of the run started."""
    if record.launches < LAUNCHES_FOR_A_VERDICT:
        yield results.TooFewLaunches(
            launches=record.launches,
            needed=LAUNCHES_FOR_A_VERDICT,
            words=f"too few launches for a verdict: {record.launches}, where {LAUNCHES_FOR_A_VERDICT} are needed",
        )
    if busy_share > BUSY_SHARE:
        yield results.BusyMachine(
            busy_share=round(busy_share, 3),
            words=f"the machine was not idle: {busy_share:.0%} of its CPU time was in use before the start",
        )
    if not placement.apart:
        yield results.NotApart(
            generator_cpus=tuple(sorted(placement.generator)),
            target_cpus=tuple(sorted(placement.target)),
            words=str(placement),
        )
    for why, group in itertools.groupby(record.plan.left_out, key=record.plan.left_out.__getitem__):
        modes = tuple(group)
        verb = "is" if len(modes) == 1 else "are"
        yield results.LeftOut(modes=modes, words=f"{', '.join(modes)} {verb} not measured: {why}")


def of_cell(cell: LoadCell, record: Record) -> Iterator[LoadWarning]:
    """Of one cell."""
    mode, kept = cell.mode, record.cells[cell.mode]
    if kept.stopped:
        yield results.Stopped(mode=mode, words=f"{mode}: {kept.stopped}")
    if kept.refused:
        yield results.NotVerified(mode=mode, words=f"{mode}: {kept.refused}")
    elif cell.figures is None and cell.generator_figures is None and cell.turns:
        reasons = {**cell.errors, **cell.discarded}
        words = f"{mode} has no figure: no answer was right and of its kind ({_listed(reasons) or 'none came'})"
        yield results.NothingTimed(mode=mode, reasons=reasons, words=words)
    elif cell.errors:
        words = f"{mode} had errors, which are in no percentile: {_listed(cell.errors)}"
        yield results.WrongAnswers(mode=mode, errors=cell.errors, words=words)
    if cell.saturated:
        yield results.GeneratorSaturated(mode=mode, words=f"{mode}: {cell.saturation}")
    if kept.repeated:
        turns = "1 turn was" if kept.repeated == 1 else f"{kept.repeated} turns were"
        words = f"{mode}: {turns} thrown out and done again, because the generator fell behind"
        yield results.Repeated(mode=mode, turns=kept.repeated, words=words)
    if cell.censored:
        yield results.Unanswered(
            mode=mode,
            unanswered=cell.censored,
            scheduled=cell.scheduled,
            words=f"{mode}: {cell.censored} of {cell.scheduled} requests had no answer at the end of their turn; "
            "the percentiles would be worse with them",
        )
    if cell.out_of_range:
        yield results.BeyondRange(
            mode=mode,
            answers=cell.out_of_range,
            words=f"{mode}: {cell.out_of_range} of {cell.count} right answers took more than {HIGHEST_NS / 1e9:g} s, "
            "which no histogram holds; the percentiles would be worse with them",
        )


def _listed(reasons: dict[str, int]) -> str:
    return ", ".join(f"{count} x {reason}" for reason, count in reasons.items())
