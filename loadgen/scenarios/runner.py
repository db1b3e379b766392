"""Running a scenario: launch after launch, every mode verified, warmed up and timed in turns of a drawn order."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from harness.errors import IsomarkError
from harness.runtime import Runtime
from loadgen.engine import Tally
from loadgen.progress_line import Progress
from loadgen.scenarios.bench import Bench
from loadgen.scenarios.extent import Extent
from loadgen.scenarios.model import Plan, Scenario, Taken, Turn
from loadgen.scenarios.placement import Placement, on
from loadgen.scenarios.record import Entry, Record
from loadgen.scenarios.under_test import UnderTest

INTERRUPTED = 130

REPEATED_SHARE = 0.25
"""Of all turns: so many may be done again because the generator fell behind in them; the next marks its cell."""


TAKES_TOO_LONG = "it takes more time than this profile has"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What one run measures. `seed` decides every order there is.

    `baseline`: None where nothing is measured beside the runtime. `is_process`: see `UnderTest`.
    """

    scenario: Scenario
    runtime: Runtime
    baseline: Runtime | None
    extent: Extent
    placement: Placement
    seed: int
    is_process: bool = False

    def tested(self) -> UnderTest:
        return UnderTest(
            name=self.runtime.name,
            features=self.runtime.features(),
            has_baseline=self.baseline is not None,
            is_process=self.is_process,
        )

    def plan(self) -> Plan:
        plan = self.scenario.plan(self.tested(), self.extent)
        omitted = {cell.mode for cell in plan.cells} & set(self.extent.without)
        return plan.leaving_out(dict.fromkeys(sorted(omitted), TAKES_TOO_LONG))


def measure(settings: Settings, *, progress: Progress = lambda _what: None) -> Record:
    """Run all launches. What cuts a run short (a death, Ctrl-C) is told in the record, never raised."""
    record = Record(plan=settings.plan(), started_epoch_s=time.time(), started=time.monotonic())
    shuffle = random.Random(settings.seed)  # noqa: S311 - an order that can be repeated, not a secret
    try:
        with on(settings.placement.generator):
            for number in range(1, settings.extent.launches + 1 if record.plan.cells else 1):
                progress(f"{settings.scenario.name}: launch {number} of {settings.extent.launches}")
                launch(settings, record, number, shuffle)
                record.launches += 1
    except KeyboardInterrupt:
        record.why_incomplete, record.exit_code = _cut_short(record, settings, "interrupted"), INTERRUPTED
    except IsomarkError as error:
        record.why_incomplete, record.exit_code = _cut_short(record, settings, error.happened), error.exit_code
        record.ended_by = error
    return record


def _cut_short(record: Record, settings: Settings, happened: str) -> str:
    return f"{record.launches} of {settings.extent.launches} launches were measured to their end: {happened}"


def launch(settings: Settings, record: Record, number: int, shuffle: random.Random) -> None:
    """One launch, into `record`, by a thread that is on the generator's cores already.

    Raises what a launch raises, `RuntimeDied` when the runtime ends; what was measured before is in the record.
    """
    with ExitStack() as stack:
        bench = Bench(
            runtime=settings.runtime,
            tested=settings.tested(),
            baseline=settings.baseline,
            extent=settings.extent,
            placement=settings.placement,
            seed=settings.seed,
            number=number,
            stack=stack,
        )
        turns = settings.scenario.start(bench, record.plan)
        record.leave_out(bench.left_out)
        _verify(record, turns)
        bench.require_alive()
        _rounds(settings, record, bench, turns, shuffle)
        record.leave_out(bench.left_out)  # what only the turns themselves could tell


def _rounds(settings: Settings, record: Record, bench: Bench, turns: Sequence[Turn], shuffle: random.Random) -> None:
    for number_of_round in range(1, settings.extent.rounds + 1):
        order = list(turns)
        if not settings.scenario.in_order:
            shuffle.shuffle(order)
        record.order.append(f"launch {bench.number} round {number_of_round}: " + " ".join(_names(order)))
        for turn in order:
            again = not settings.scenario.in_order and record.repeats < _most_repeats(settings, turns)
            if _take(record, turn, bench, again=again):
                return


def _verify(record: Record, turns: Sequence[Turn]) -> None:
    """A mode whose answers are wrong is out for good: one launch that is right would not make it so."""
    for turn in turns:
        for mode, words in turn.verify().items():
            record.cells[mode].refused = record.cells[mode].refused or f"not timed: {words}"


def _names(turns: Sequence[Turn]) -> list[str]:
    return ["+".join(turn.modes) for turn in turns]


def _most_repeats(settings: Settings, turns: Sequence[Turn]) -> int:
    return math.ceil(REPEATED_SHARE * len(turns) * settings.extent.rounds * settings.extent.launches)


def _take(record: Record, turn: Turn, bench: Bench, *, again: bool) -> bool:
    """One turn, kept; whether the launch ends with it. `again`: a turn that is the generator's fault is repeated.

    Raises `RuntimeDied` when the runtime ended in it; then only the errors of that turn are kept.
    """
    if any(record.cells[mode].refused for mode in turn.modes):
        return False
    begun = time.monotonic()
    found = turn.take()
    behind = [mode for mode, taken in found.items() if taken.saturated]
    if behind and again and bench.alive():
        record.repeats += 1
        for mode in behind:
            record.cells[mode].repeated += 1
        begun = time.monotonic()
        found = turn.take()
    ended = time.monotonic()
    if not bench.alive():
        found = {mode: _errors_alone(taken) for mode, taken in found.items()}
    stop = _keep(record, found, bench.number, begun - record.started, ended - begun)
    bench.require_alive()
    return stop


def _errors_alone(taken: Taken) -> Taken:
    """What can be told of a turn in the middle of which the runtime ended."""
    tally = taken.tally
    return Taken(tally=Tally(scheduled=tally.scheduled, warm_up=tally.warm_up, errors=tally.errors))


def _keep(record: Record, found: Mapping[str, Taken], launch: int, start_s: float, length_s: float) -> bool:
    stop = False
    for mode, taken in found.items():
        cell = record.cells[mode]
        if taken.stop:
            stop, cell.stopped = True, taken.stop
        else:
            cell.entries.append(Entry(launch=launch, start_s=start_s, length_s=length_s, taken=taken))
    return stop
