"""One subject in one scenario: what is measured, what came of it so far, and whether it goes on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from statistics import fmean

from harness.comparison_results import Excluded
from harness.errors import ReportFileError
from harness.interleaved_results import THROWN_OUT_SHARE
from loadgen.interleaved import keeping
from loadgen.interleaved.messages import Head, LaunchDone, LaunchFailed
from loadgen.interleaved.subjects import Subject
from loadgen.scenarios import registry, runner
from loadgen.scenarios.record import Entry, Record

ATTEMPTS = 2
"""At one launch; when the last one fails, the pair is out of the rounds that follow."""


@dataclass(kw_only=True)
class Pair:
    """`lengths_s`: of each launch that was measured, by its number, which is that of its round."""

    subject: Subject
    settings: runner.Settings
    record: Record
    lengths_s: dict[int, float] = field(default_factory=dict)
    failures: list[LaunchFailed] = field(default_factory=list)

    @property
    def scenario(self) -> str:
        return self.settings.scenario.name

    @property
    def launches(self) -> int:
        return self.settings.extent.launches

    @property
    def name(self) -> str:
        """As `order` has it."""
        return f"{self.scenario}/{self.subject.slug}"

    def wants(self, number: int) -> bool:
        """Whether that launch is still to be made."""
        return number not in self.lengths_s and not self.why_over()

    def left(self) -> int:
        """Launches still to be made."""
        return 0 if self.why_over() else self.launches - len(self.lengths_s)

    def attempts(self, number: int) -> int:
        """Failed ones at that launch."""
        return sum(failure.number == number for failure in self.failures)

    def why_over(self) -> str:
        """Why no more launches follow before all are made; empty when they do."""
        if self.failures and self.failures[-1].attempt == ATTEMPTS:
            return self.failures[-1].why
        if not self.record.plan.cells:
            return next(iter(self.record.plan.left_out.values()), "it has nothing to measure")
        refused = [self.record.cells[cell.mode].refused for cell in self.record.plan.cells]
        return refused[0] if all(refused) else ""

    def mean_s(self) -> float | None:
        """Of a launch."""
        return fmean(self.lengths_s.values()) if self.lengths_s else None

    def take_in(self, line: LaunchDone, part: Record) -> None:
        """Add a launch that was measured to its end."""
        self.record.take_in(part)
        self.lengths_s[line.number] = line.length_s

    def thrown_out(self) -> list[tuple[str, Entry]]:
        """Turns, by their mode, in which the generator fell behind, of cells that can do without them."""
        found = []
        for mode, cell in self.record.cells.items():
            behind = [entry for entry in cell.entries if entry.taken.saturated]
            if len(behind) <= THROWN_OUT_SHARE * len(cell.entries):
                found += [(mode, entry) for entry in behind]
        return found

    def judged(self) -> Record:
        """The record without what is thrown out."""
        out = {id(entry) for _, entry in self.thrown_out()}
        cells = {
            mode: replace(cell, entries=[entry for entry in cell.entries if id(entry) not in out])
            for mode, cell in self.record.cells.items()
        }
        found = replace(self.record)
        found.cells = cells
        return found

    def excluded(self) -> list[Excluded]:
        """What was to be measured of it and is in no figure."""
        found = [self._excluded(f"launch {each.number}, attempt {each.attempt}", each.why) for each in self.failures]
        found += [
            self._excluded(f"{mode} in launch {entry.launch}", entry.taken.saturation)
            for mode, entry in self.thrown_out()
        ]
        why = self.why_over()
        if why and not self.lengths_s:
            found.append(self._excluded("every launch", why))
        elif why and len(self.lengths_s) < self.launches:
            found.append(self._excluded(f"launches {max(self.lengths_s) + 1} to {self.launches}", why))
        return found

    def _excluded(self, what: str, why: str) -> Excluded:
        return Excluded(subject=self.subject.about.name, scenario=self.scenario, what=what, why=why)


def pairs_of(head: Head, subjects: tuple[Subject, ...], *, started: float) -> dict[tuple[str, str], Pair]:
    """By scenario and slug, in the order of the head. `started`: the run's begin by the monotonic clock.

    Raises `UsageError` for an extent that a scenario cannot have.
    """
    found = {}
    for scenario, extent in head.extents.items():
        for subject in subjects:
            settings = runner.Settings(
                scenario=registry.named(scenario),
                runtime=subject.runtime,
                baseline=None,
                extent=extent,
                placement=head.placement,
                seed=head.seed,
                is_process=subject.is_process,
            )
            record = Record(plan=settings.plan(), started_epoch_s=head.started_epoch_s, started=started)
            found[scenario, subject.slug] = Pair(subject=subject, settings=settings, record=record)
    return found


def recall(pair: Pair, line: LaunchDone | LaunchFailed) -> None:
    """Take in a line of the journal. Raises `ReportFileError` for one that is damaged, or there twice."""
    if isinstance(line, LaunchFailed):
        pair.failures.append(line)
        return
    if line.number in pair.lengths_s:
        raise ReportFileError(
            f"the journal has launch {line.number} of {line.subject} in {line.scenario} twice",
            remedy="begin again without --resume",
        )
    pair.take_in(line, keeping.record_of(line, pair.record))
