"""What a run has counted so far. Written by the engine's thread alone; others get copies, made between two polls."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from harness.histograms.histogram import index_of
from loadgen.engine.pieces import Packing, Piece, Pieces, histogram, new_counts
from loadgen.engine.tally import Interval, Tally

MOST_WORDS = 64
"""A body check may answer with so many words of its own; more are counted as `other`."""

OTHER = "other"

NEVER_NS = 1 << 62
"""Later than any time of CLOCK_MONOTONIC."""


@dataclass(kw_only=True)
class Scalars:
    """All that is counted apart from latencies."""

    requests: int = 0
    drained: int = 0
    carried_over: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    warm_up: int = 0
    warm_up_errors: Counter[str] = field(default_factory=Counter)
    scheduled: int = 0
    late: int = 0
    behind: int = 0
    censored: int = 0
    dropped: int = 0
    connects: int = 0
    reconnects: int = 0
    bytes_received: int = 0
    engine_ns: int = 0
    cpu_ns: int = 0
    spun_ns: int = 0

    def copy(self) -> Scalars:
        values = {**vars(self), "errors": Counter(self.errors), "warm_up_errors": Counter(self.warm_up_errors)}
        return Scalars(**values)

    def since(self, earlier: Scalars) -> Scalars:
        return Scalars(**{name: value - vars(earlier)[name] for name, value in vars(self).items()})


@dataclass(frozen=True, kw_only=True)
class Excerpt:
    """What `tally` needs, free of anything the engine's thread still writes to."""

    scalars: Scalars
    pieces: tuple[Piece, ...]
    max_late_ns: int
    until_ns: int
    epoch_ns: int


@dataclass(frozen=True, kw_only=True)
class _Roll:
    """An interval that has ended, and whose lists are being emptied."""

    start_ns: int
    end_ns: int
    measured: bool
    drained: bool
    response: Packing
    service: Packing


class Books:
    """`response` and `service` are the lists the hot loops count in; a roll exchanges them for empty ones.

    Of a closed loop they are one list. Latencies are those of the measured part once `measure` was called; what was in
    the lists before was warm-up.
    """

    def __init__(self, *, closed: bool) -> None:
        self._closed = closed
        self._spare = [new_counts() for _ in range(2 if closed else 4)]
        self.service = self._spare.pop()
        self.response = self.service if closed else self._spare.pop()
        self.now = Scalars()
        self.measured_from_ns = 0
        """Requests due (closed loop: sent) before it are warm-up, whenever they end."""
        self._roll: _Roll | None = None
        self._at_roll = Scalars()
        self._taken = Scalars()
        self._all = self._untaken = Pieces()
        self._max_late_ns = self._untaken_late_ns = 0
        self._measuring = False
        self._until_ns = NEVER_NS
        """The end of the time that rates and shares are of."""
        self._rolled_ns = 0
        self._cpu_ns = 0
        self._epoch_ns = time.time_ns() - time.monotonic_ns()

    @property
    def packed(self) -> bool:
        """Whether what was rolled is fully counted in `now`."""
        return self._roll is None

    def right(self, due_ns: int, sent_ns: int, now_ns: int, size_bytes: int) -> None:
        """A right answer, counted the long way round."""
        self.now.bytes_received += size_bytes
        if due_ns < self.measured_from_ns:
            self.now.warm_up += 1
            self.now.carried_over += self._timing
            return
        self.service[index_of(now_ns - sent_ns)] += 1
        if not self._closed:
            self.response[index_of(now_ns - due_ns)] += 1

    def wrong(self, error: str, due_ns: int) -> None:
        """A request that got no right answer."""
        errors = self.now.errors
        if due_ns < self.measured_from_ns:
            self.now.warm_up += 1
            errors = self.now.warm_up_errors
        errors[error if error in errors or len(errors) < MOST_WORDS else OTHER] += 1

    def measure(self, now_ns: int) -> None:
        """End the warm-up: what the lists hold was part of it."""
        self.roll(now_ns)
        self._measuring = True
        self._cpu_ns = time.thread_time_ns()

    def stop_the_clock(self, now_ns: int) -> None:
        """End the time that rates and shares are of. What is answered later is counted, without its time and CPU.

        Does nothing before `measure` and after the first call.
        """
        if self._timing:
            self.roll(now_ns)
            self._until_ns = self._rolled_ns

    @property
    def _timing(self) -> bool:
        return self._measuring and self._until_ns == NEVER_NS

    def hot(self, scheduled: int, received_bytes: int, late: int, behind: int, worst_lag_ns: int, spun_ns: int) -> None:
        """What the open loop counted in local variables since the last call. Lateness in the warm-up is none."""
        now = self.now
        now.scheduled += scheduled
        now.bytes_received += received_bytes
        if self._measuring:
            now.late += late
            now.behind += behind
            self._max_late_ns = max(self._max_late_ns, worst_lag_ns)
            self._untaken_late_ns = max(self._untaken_late_ns, worst_lag_ns)
        if self._timing:
            now.spun_ns += spun_ns

    def roll(self, now_ns: int) -> None:
        """End an interval. Its latencies are counted in `now` when `step` or `finish` have gone through them."""
        self.finish()
        # The measured part begins at a time that was set, and may be rolled a little before it.
        now_ns = max(now_ns, self._rolled_ns)
        if self._timing:
            cpu_ns = time.thread_time_ns()
            self.now.cpu_ns += cpu_ns - self._cpu_ns
            self.now.engine_ns += now_ns - self._rolled_ns
            self._cpu_ns = cpu_ns
        service = Packing(self.service)
        response = service if self._closed else Packing(self.response)
        self._roll = _Roll(
            start_ns=self._rolled_ns,
            end_ns=now_ns,
            measured=self._measuring,
            drained=self._measuring and not self._timing,
            response=response,
            service=service,
        )
        self._at_roll = self.now.copy()
        self._rolled_ns = now_ns
        self.service = self._spare.pop()
        self.response = self.service if self._closed else self._spare.pop()

    def step(self) -> bool:
        """Some 20 us of what a roll left to do; whether there is more."""
        if self._roll is None:
            return self._all.step() or (self._untaken is not self._all and self._untaken.step())
        if not self._roll.service.step() and not self._roll.response.step():
            self._complete(self._roll)
        return True

    def finish(self) -> None:
        """All of what a roll left to count; takes milliseconds."""
        while self._roll is not None:
            self.step()

    def excerpt(self) -> Excerpt:
        """All there is, at the end, after `finish`."""
        return self._excerpt(self.now.copy(), self._all, self._max_late_ns)

    def take(self) -> Excerpt:
        """What came between the last take and the last roll, after `finish`."""
        taken = self._excerpt(self._at_roll.since(self._taken), self._untaken, self._untaken_late_ns)
        self._taken, self._untaken, self._untaken_late_ns = self._at_roll, Pieces(), 0
        return taken

    def _complete(self, roll: _Roll) -> None:
        total = roll.service.total
        for scalars in (self.now, self._at_roll):
            if roll.measured:
                scalars.requests += total
            else:
                scalars.warm_up += total
            if roll.drained:
                scalars.drained += total
            if self._closed:
                scalars.scheduled += total
        if roll.measured and (total or not roll.drained):
            piece = Piece(
                start_ns=roll.start_ns,
                end_ns=roll.end_ns,
                response=roll.response.chunks,
                service=roll.service.chunks,
            )
            self._all.append(piece)
            # Until something is taken, both are one: nothing is kept twice for nobody.
            if self._untaken is not self._all:
                self._untaken.append(piece)
        self._spare.append(roll.service.counts)
        if not self._closed:
            self._spare.append(roll.response.counts)
        self._roll = None

    def _excerpt(self, scalars: Scalars, pieces: Pieces, max_late_ns: int) -> Excerpt:
        return Excerpt(
            scalars=scalars,
            pieces=tuple(pieces),
            max_late_ns=max_late_ns,
            until_ns=self._until_ns,
            epoch_ns=self._epoch_ns,
        )


def tally(excerpt: Excerpt) -> Tally:
    """Add up an excerpt; takes milliseconds, in whatever thread asks for it."""
    pieces, epoch_ns, until_ns = excerpt.pieces, excerpt.epoch_ns, excerpt.until_ns
    timed = bool(pieces) and pieces[0].start_ns < until_ns
    return Tally(
        response=histogram(each.response for each in pieces),
        service=histogram(each.service for each in pieces),
        max_late_ns=excerpt.max_late_ns,
        started_ns=pieces[0].start_ns + epoch_ns if timed else 0,
        wall_ns=min(pieces[-1].end_ns, until_ns) - pieces[0].start_ns if timed else 0,
        intervals=[_interval(each, epoch_ns) for each in pieces],
        **vars(excerpt.scalars),
    )


def _interval(piece: Piece, epoch_ns: int) -> Interval:
    service = histogram([piece.service])
    return Interval(
        start_ns=piece.start_ns + epoch_ns,
        end_ns=piece.end_ns + epoch_ns,
        response=service if piece.response is piece.service else histogram([piece.response]),
        service=service,
    )
