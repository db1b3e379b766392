"""What a run has so far, turn by turn. Whatever cuts it short, what is here was measured to its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from harness.errors import IsomarkError
from harness.histograms.histogram import LatencyHistogram
from loadgen.engine import Tally
from loadgen.scenarios.model import Plan, Taken


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One turn of one mode. `start_s`: since the run began."""

    launch: int
    start_s: float
    length_s: float
    taken: Taken


@dataclass(kw_only=True)
class CellRecord:
    """`refused`: why nothing was timed. `repeated`: turns thrown out because the generator fell behind in them."""

    entries: list[Entry] = field(default_factory=list)
    refused: str = ""
    repeated: int = 0
    stopped: str = ""

    @property
    def saturated(self) -> bool:
        return any(entry.taken.saturated for entry in self.entries)

    @property
    def timed(self) -> bool:
        """Whether there is anything to show, be it the target's or the generator's."""
        return not self.refused and any(entry.taken.tally.service for entry in self.entries)

    def launches(self) -> list[list[Entry]]:
        """The turns of each launch that has a right answer, in the order of the launches."""
        numbers = sorted({entry.launch for entry in self.entries})
        parts = ([entry for entry in self.entries if entry.launch == number] for number in numbers)
        return [part for part in parts if any(entry.taken.tally.service for entry in part)]

    def total(self, name: str) -> int:
        """The sum of one of the tally's counts over all turns."""
        return sum(int(getattr(entry.taken.tally, name)) for entry in self.entries)

    def counter(self, name: str) -> Counter[str]:
        """The sum of `errors` or `warm_up_errors` of the tallies."""
        return sum((Counter(getattr(entry.taken.tally, name)) for entry in self.entries), Counter())

    def observed(self) -> dict[str, tuple[float, ...]]:
        """Values of other kinds: per launch, the mean over its turns."""
        names = list(dict.fromkeys(name for entry in self.entries for name in entry.taken.observed))
        return {
            name: tuple(
                fmean(entry.taken.observed[name] for entry in part if name in entry.taken.observed)
                for part in self.launches()
                if any(name in entry.taken.observed for entry in part)
            )
            for name in names
        }


@dataclass(kw_only=True)
class Record:
    """`why_incomplete` is empty as long as nothing cut the run short. `launches`: measured to their end.

    `repeats`: turns done twice because the generator fell behind.
    """

    plan: Plan
    started_epoch_s: float
    started: float
    cells: dict[str, CellRecord] = field(init=False)
    launches: int = 0
    repeats: int = 0
    order: list[str] = field(default_factory=list)
    why_incomplete: str = ""
    ended_by: IsomarkError | None = None
    exit_code: int = 0

    def __post_init__(self) -> None:
        self.cells = {cell.mode: CellRecord() for cell in self.plan.cells}

    def leave_out(self, left_out: Mapping[str, str]) -> None:
        """Take modes out of the plan: they cannot be had here."""
        self.plan = self.plan.leaving_out(left_out)

    def for_one_launch(self) -> Record:
        """An empty record for the next launch, which knows what this one says about launches to come."""
        part = Record(plan=self.plan, started_epoch_s=self.started_epoch_s, started=self.started, repeats=self.repeats)
        for mode, cell in self.cells.items():
            if mode in part.cells:
                part.cells[mode].refused = cell.refused
        return part

    def take_in(self, launch: Record) -> None:
        """Add the record of one launch, made by `for_one_launch` and measured to its end."""
        for mode, part in launch.cells.items():
            cell = self.cells[mode]
            cell.entries += part.entries
            cell.refused, cell.stopped = part.refused, part.stopped or cell.stopped
            cell.repeated += part.repeated
        self.leave_out(launch.plan.left_out)
        self.repeats = launch.repeats
        self.order += launch.order
        self.launches += 1

    def by_launch(self, mode: str, fraction: float) -> Mapping[int, int]:
        """See `model.Measured`."""
        cell = self.cells.get(mode)
        if cell is None or not cell.timed or cell.saturated:
            return {}
        return {part[0].launch: response(part).value_at(fraction) for part in cell.launches()}


def response(entries: Sequence[Entry]) -> LatencyHistogram:
    return LatencyHistogram.merged(entry.taken.tally.response for entry in entries)


def service(entries: Sequence[Entry]) -> LatencyHistogram:
    return LatencyHistogram.merged(entry.taken.tally.service for entry in entries)


def rate_rps(entries: Sequence[Entry]) -> float:
    """Right answers per second of the turns' own time; what lies between them, or after the load, does not count."""
    tallies: list[Tally] = [entry.taken.tally for entry in entries]
    wall_ns = sum(tally.wall_ns for tally in tallies)
    return sum(tally.timely for tally in tallies) * 1e9 / wall_ns if wall_ns else 0.0
