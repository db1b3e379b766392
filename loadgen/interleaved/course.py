"""The course of a run: round after round, each pair of a subject and a scenario launched once in each."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from harness.errors import IsomarkError, ReportFileError
from harness.redaction import without_machine_paths
from loadgen.interleaved import keeping, order
from loadgen.interleaved.journal import Journal
from loadgen.interleaved.messages import LaunchFailed
from loadgen.interleaved.pairs import ATTEMPTS, Pair
from loadgen.progress_line import Bar
from loadgen.scenarios import runner
from loadgen.scenarios.placement import Placement, on

_EXHAUSTED = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""What the machine has no more of. It says nothing about the runtime whose launch came upon it."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """`pairs`: all there are, in an order that does not change; those that were measured before know it."""

    pairs: Sequence[Pair]
    seed: int
    launches: int
    placement: Placement

    def round(self, number: int) -> list[Pair]:
        """All pairs in the order of that round."""
        return order.of_round(self.pairs, self.seed, number)

    def done(self) -> int:
        """Launches that need not be made any more."""
        return self.total() - sum(pair.left() for pair in self.pairs)

    def total(self) -> int:
        return len(self.pairs) * self.launches

    def rounds_done(self) -> int:
        """How many rounds were measured to their end, from the first one on."""
        open_pairs = [pair for pair in self.pairs if not pair.why_over()] or self.pairs
        whole = (all(number in pair.lengths_s for pair in open_pairs) for number in range(1, self.launches + 1))
        return next((number for number, is_whole in enumerate(whole) if not is_whole), self.launches)

    def left_s(self) -> float | None:
        """What the rest will take, if each pair takes as long as before; None as long as nothing was measured."""
        known = [mean_s for pair in self.pairs if (mean_s := pair.mean_s()) is not None]
        if not known:
            return None
        return sum(pair.left() * (pair.mean_s() or fmean(known)) for pair in self.pairs)


def follow(course: Course, journal: Journal, show: Bar) -> None:
    """Measure what is not measured yet, each launch into the journal as it ends.

    A launch that fails is told there, never raised. Raises `ReportFileError` when the journal cannot be written or the
    machine has no room for another launch, and `KeyboardInterrupt`; the launch that was under way is lost then, and no
    other.
    """
    with on(course.placement.generator):
        for number in range(1, course.launches + 1):
            for pair in course.round(number):
                while pair.wants(number):
                    what = f"round {number} of {course.launches}: {pair.scenario}, {pair.subject.about.name}"
                    show(what, done=course.done(), left_s=course.left_s())
                    _launch(pair, number, course.seed, journal)


def _launch(pair: Pair, number: int, seed: int, journal: Journal) -> None:
    """One attempt. The journal has it before the pair does: what is not in there did not happen."""
    part, begun = pair.record.for_one_launch(), time.monotonic()
    try:
        runner.launch(pair.settings, part, number, order.of_turns(seed, pair.scenario, pair.subject.slug, number))
    except Exception as error:  # noqa: BLE001 - whatever an adapter raises: the other pairs go on
        _require_room(error)
        attempt = min(pair.attempts(number) + 1, ATTEMPTS)
        failed = LaunchFailed(
            scenario=pair.scenario, subject=pair.subject.slug, number=number, attempt=attempt, why=_words(error)
        )
        journal.write(failed)
        pair.failures.append(failed)
        return
    line = keeping.line_of(
        part,
        pair.record,
        scenario=pair.scenario,
        subject=pair.subject.slug,
        number=number,
        length_s=time.monotonic() - begun,
    )
    journal.write(line)
    pair.take_in(line, part)


def _require_room(error: BaseException | None) -> None:
    """Raises `ReportFileError` where the launch failed for want of room: every other would too."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _EXHAUSTED:
            raise ReportFileError(
                f"nothing more can be launched: {os.strerror(error.errno)}",
                expected="room for a launch's own files and processes",
                remedy="make room and go on with --resume; every launch that was finished is kept",
            ) from error
        error = error.__cause__


def _words(error: Exception) -> str:
    words = error.happened if isinstance(error, IsomarkError) else f"{type(error).__name__}: {error}"
    return str(without_machine_paths(words))
