"""Counts by slot: the flat lists that the hot loops write to, and what is kept of them for each interval.

Taking in a whole list takes a millisecond, in which no request would be timed: so lists are exchanged at once, and
emptied and joined in steps of some 20 us.
"""

from __future__ import annotations

import operator
from array import array
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

from harness.histograms.histogram import LatencyHistogram

SLOTS = 43 << 10
"""Up to 2^52 ns, seven weeks: a hot loop that counts need not ask whether there is such a slot."""

MOST_PIECES = 64
"""A run keeps so many intervals; with more, the shortest neighbours are joined."""

_CHUNK = 1 << 10
_ZEROS = [0] * _CHUNK
_EMPTY_AT_ONCE = 8
_MOST_UINT = (1 << 32) - 1

Chunks = Mapping[int, "array[int]"]
"""By the first slot of each: 1,024 counts. Chunks of zeros are left out."""


def new_counts() -> list[int]:
    return [0] * SLOTS


class Packing:
    """Empties a list made by `new_counts`, step by step."""

    def __init__(self, counts: list[int]) -> None:
        self.counts = counts
        self.chunks: dict[int, array[int]] = {}
        self.total = 0
        self._place = 0

    def step(self) -> bool:
        """Go on to the next chunk in use; whether there may be more."""
        counts = self.counts
        for start in range(self._place, min(self._place + _EMPTY_AT_ONCE * _CHUNK, SLOTS), _CHUNK):
            self._place = start + _CHUNK
            chunk = counts[start : start + _CHUNK]
            if any(chunk):
                self.chunks[start] = array("I", chunk)
                self.total += sum(chunk)
                counts[start : start + _CHUNK] = _ZEROS
                break
        return self._place < SLOTS


@dataclass(frozen=True, kw_only=True)
class Piece:
    """The right answers that came from `start_ns` to `end_ns`. In a closed loop both counts are one object."""

    start_ns: int
    end_ns: int
    response: Chunks
    service: Chunks


class Pieces:
    """Pieces in the order of time: about `MOST_PIECES`, never twice as many."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self._joining: Iterator[None] | None = None

    def __iter__(self) -> Iterator[Piece]:
        return iter(self._pieces)

    def __len__(self) -> int:
        return len(self._pieces)

    def append(self, piece: Piece) -> None:
        self._pieces.append(piece)
        while len(self._pieces) >= 2 * MOST_PIECES:
            self.step()

    def step(self) -> bool:
        """Go on joining, if there are too many; whether there is more to do."""
        if self._joining is None:
            if len(self._pieces) <= MOST_PIECES:
                return False
            self._joining = self._join_shortest()
        try:
            next(self._joining)
        except StopIteration:
            self._joining = None
        return True

    def _join_shortest(self) -> Iterator[None]:
        # The oldest of equally short pairs: in the long run all are about as long.
        pairs = range(len(self._pieces) - 1)
        place = min(pairs, key=lambda each: self._pieces[each + 1].end_ns - self._pieces[each].start_ns)
        first, second = self._pieces[place : place + 2]
        response = yield from _added(first.response, second.response)
        service = response
        if first.response is not first.service or second.response is not second.service:
            service = yield from _added(first.service, second.service)
        self._pieces[place : place + 2] = [
            Piece(start_ns=first.start_ns, end_ns=second.end_ns, response=response, service=service)
        ]


def _added(first: Chunks, second: Chunks) -> Generator[None, None, dict[int, array[int]]]:
    sums = {}
    for start in first.keys() | second.keys():
        if start in first and start in second:
            counts = list(map(operator.add, first[start], second[start]))
            sums[start] = array("I" if max(counts) <= _MOST_UINT else "Q", counts)
            yield
        else:
            sums[start] = first[start] if start in first else second[start]
    return sums


def histogram(parts: Iterable[Chunks]) -> LatencyHistogram:
    """The sum of some counts."""
    sums: dict[int, Sequence[int]] = {}
    for part in parts:
        for start, chunk in part.items():
            sums[start] = list(map(operator.add, sums[start], chunk)) if start in sums else chunk
    used: dict[int, int] = {}
    for start, counts in sums.items():
        used.update(zip(compress(range(start, start + _CHUNK), counts), filter(None, counts), strict=True))
    return LatencyHistogram.from_counts(used)
