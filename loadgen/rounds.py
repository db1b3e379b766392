"""One launch, measured: the modes take turns, round after round, and what comes of each sample is counted.

Round 0 is the warm-up: its right answers are discarded as such, and a cell that gives none is not timed at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from loadgen.connection import Connections
from loadgen.messages import ProcessStarted, Turn
from loadgen.probes import Nonces, Probe, Sample, probe_for

WARM_UP = "warm-up"

Observer = Callable[[str, Sample], None]


@dataclass(kw_only=True)
class Tally:
    """The counts of one cell in one launch."""

    samples_ns: list[int] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    discarded: Counter[str] = field(default_factory=Counter)


class Rounds:
    """`take_turn` is called over and over until it returns False. `observe` hears of every single sample."""

    def __init__(
        self,
        turns: Sequence[Turn],
        *,
        launch: int,
        connections: Connections,
        nonces: Nonces,
        start: Callable[[], ProcessStarted],
        observe: Observer,
    ) -> None:
        self._turns = tuple(turns)
        self._probes: tuple[Probe, ...] = tuple(
            probe_for(turn, launch=launch, connections=connections, nonces=nonces, start=start) for turn in turns
        )
        self._observe = observe
        self._last_round = max(len(turn.counts) for turn in turns) - 1
        self._round = 0
        self._place = 0
        self._untimed: set[str] = set()
        self.tallies = {turn.cell: Tally() for turn in turns}
        self.current = self._turns[0].cell

    @property
    def untimed(self) -> tuple[str, ...]:
        """Cells none of whose warm-up answers was right, in the order of their turns."""
        return tuple(turn.cell for turn in self._turns if turn.cell in self._untimed)

    def take_turn(self) -> bool:
        """Let the next mode have its turn; whether there is another one after it.

        Raises `Gone` when nothing accepts connections there; `current` then names the cell.
        """
        turn, probe = self._turns[self._place], self._probes[self._place]
        self.current = turn.cell
        wanted = turn.counts[self._round] if self._round < len(turn.counts) else 0
        if turn.cell not in self._untimed:
            right = [self._take(turn.cell, probe) for _ in range(wanted)]
            if self._round == 0 and wanted and not any(right):
                self._untimed.add(turn.cell)
        self._place += 1
        if self._place == len(self._turns):
            self._place, self._round = 0, self._round + 1
        return self._round <= self._last_round

    def _take(self, cell: str, probe: Probe) -> bool:
        sample = probe.take()
        tally = self.tallies[cell]
        if sample.error is not None:
            tally.errors[sample.error] += 1
        elif self._round == 0:
            tally.discarded[WARM_UP] += 1
        elif sample.discarded is not None:
            tally.discarded[sample.discarded] += 1
        else:
            tally.samples_ns.append(sample.elapsed_ns)
        self._observe(cell, sample)
        return sample.error is None
