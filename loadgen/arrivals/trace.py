"""Arrivals as they were recorded: a CSV file of times, replayed."""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from harness.errors import UsageError, did_you_mean
from loadgen.arrivals.schedule import MOST_DURATION_S, NS_PER_S, dealt

COLUMN = "time_s"

MOST_ARRIVALS = 10_000_000


class Trace(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="trace"):
    """Arrivals at given nanoseconds since the start, in rising order; equal ones are a burst."""

    times_ns: tuple[int, ...]

    def __post_init__(self) -> None:
        times = tuple(self.times_ns)
        msgspec.structs.force_setattr(self, "times_ns", times)
        if not times:
            raise UsageError("a trace of no arrivals", expected="at least one time")
        if times[0] < 0 or any(later < earlier for earlier, later in itertools.pairwise(times)):
            raise UsageError("the times of a trace fall", expected="rising ones, from 0")

    def due_ns(self, worker: int, workers: int) -> Iterator[int]:
        return dealt(self.times_ns, worker, workers)

    @property
    def duration_ns(self) -> int:
        """One nanosecond past the last arrival."""
        return self.times_ns[-1] + 1

    def total(self) -> int:
        return len(self.times_ns)


def read_trace(path: Path) -> Trace:
    """From a CSV file with one column of seconds, or with a header line and a column named `time_s` among others.

    Raises `UsageError`, with the line's number, for a file that cannot be read, a time that is no number, below 0,
    beyond seven days or smaller than the one before, and for more than ten million of them.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            times = tuple(_times(path, file))
    except OSError as error:
        raise UsageError(f"trace {path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"trace {path} is no CSV file: {error}", expected=f"a column {COLUMN} of seconds") from error
    if not times:
        raise UsageError(f"trace {path} holds no arrivals", expected=f"a column {COLUMN} of seconds")
    return Trace(times)


def _times(path: Path, lines: Iterable[str]) -> Iterator[int]:
    place, latest_ns, count = 0, 0, 0
    for number, row in _rows(path, lines):
        if not row or not any(cell.strip() for cell in row):
            continue
        if count == 0 and number == 1 and not _is_number(row[0]):
            place = _column(path, [cell.strip() for cell in row])
            continue
        if place >= len(row) or not _is_number(row[place]):
            found = repr(row[place]) if place < len(row) else f"only {len(row)} columns"
            raise UsageError(f"trace {path}, line {number}: {found}", expected="a time in seconds")
        at_ns = round(float(row[place]) * NS_PER_S)
        if not latest_ns <= at_ns <= MOST_DURATION_S * NS_PER_S:
            raise UsageError(
                f"trace {path}, line {number}: {row[place]} s", expected="rising times from 0 up to seven days"
            )
        count += 1
        if count > MOST_ARRIVALS:
            raise UsageError(f"trace {path} is too long", expected=f"at most {MOST_ARRIVALS} arrivals")
        latest_ns = at_ns
        yield at_ns


def _rows(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Each row, with the number of its last line."""
    rows = csv.reader(lines, strict=True)
    try:
        for row in rows:
            yield rows.line_num, row
    except csv.Error as error:
        raise UsageError(f"trace {path}, line {rows.line_num}: {error}", expected="a line of CSV") from error


def _column(path: Path, names: list[str]) -> int:
    if COLUMN in names:
        return names.index(COLUMN)
    near = did_you_mean(COLUMN, names)
    raise UsageError(f"trace {path}, line 1: no column {COLUMN}", expected=f"a column {COLUMN} of seconds", remedy=near)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
