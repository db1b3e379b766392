"""Between the record of a launch and its line in the journal: the one can be made from the other exactly."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from harness.errors import ReportFileError
from loadgen.engine import Tally
from loadgen.interleaved.messages import CellMessage, LaunchDone, TurnMessage
from loadgen.scenarios.model import Taken
from loadgen.scenarios.record import Entry, Record


def line_of(part: Record, before: Record, *, scenario: str, subject: str, number: int, length_s: float) -> LaunchDone:
    """Of the record of one launch. `before`: the record it is to be taken into."""
    left_out = {mode: why for mode, why in part.plan.left_out.items() if mode not in before.plan.left_out}
    starts_s = [entry.start_s for cell in part.cells.values() for entry in cell.entries]
    return LaunchDone(
        scenario=scenario,
        subject=subject,
        number=number,
        start_s=min(starts_s, default=0.0),
        length_s=length_s,
        order=tuple(part.order),
        cells={
            mode: CellMessage(
                turns=tuple(map(_turn, cell.entries)),
                refused=cell.refused,
                stopped=cell.stopped,
                repeated=cell.repeated,
            )
            for mode, cell in part.cells.items()
        },
        left_out=left_out,
        repeats=part.repeats,
    )


def record_of(line: LaunchDone, before: Record) -> Record:
    """The record of that launch again. Raises `ReportFileError` when it does not fit, or a histogram is damaged."""
    part = before.for_one_launch()
    try:
        for mode, cell in line.cells.items():
            kept = part.cells[mode]
            kept.entries = [_entry(turn, line.number) for turn in cell.turns]
            kept.refused, kept.stopped, kept.repeated = cell.refused, cell.stopped, cell.repeated
    except (KeyError, ValueError) as error:
        raise ReportFileError(
            f"the journal's launch {line.number} of {line.subject} in {line.scenario} is damaged: {error}",
            remedy="begin again without --resume",
        ) from error
    part.leave_out(line.left_out)
    part.repeats, part.order = line.repeats, list(line.order)
    return part


def _turn(entry: Entry) -> TurnMessage:
    taken = entry.taken
    return TurnMessage(
        start_s=entry.start_s,
        length_s=entry.length_s,
        # Its intervals, which no figure of a scenario is made from, would be most of the file.
        tally=replace(taken.tally, intervals=[]).to_message(),
        discarded=dict(taken.discarded),
        saturated=taken.saturated,
        saturation=taken.saturation,
        observed=taken.observed,
    )


def _entry(turn: TurnMessage, launch: int) -> Entry:
    taken = Taken(
        tally=Tally.from_message(turn.tally),
        discarded=Counter(turn.discarded),
        saturated=turn.saturated,
        saturation=turn.saturation,
        observed=dict(turn.observed),
    )
    return Entry(launch=launch, start_s=turn.start_s, length_s=turn.length_s, taken=taken)
