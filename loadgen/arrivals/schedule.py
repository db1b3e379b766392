"""What a schedule is, and how one is dealt to workers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Protocol

from harness.errors import UsageError

NS_PER_S = 1_000_000_000

MOST_RATE_RPS = 10_000_000.0
MOST_DURATION_S = 7 * 86_400.0


class Schedule(Protocol):
    """When requests are due. Immutable; msgspec writes and reads each kind, and `AnySchedule` all of them."""

    def due_ns(self, worker: int, workers: int) -> Iterator[int]:
        """This worker's share of the one global schedule: nanoseconds since the common start, never falling.

        Worker i of W gets the arrivals i, W + i, 2 W + i ...: together all of them, each once, whatever W is.
        """
        ...

    @property
    def duration_ns(self) -> int:
        """How long the schedule takes; every arrival is before it."""
        ...

    def total(self) -> int | None:
        """How many arrivals there are over all workers; None when only running it tells."""
        ...


def dealt(arrivals: Iterable[int], worker: int, workers: int) -> Iterator[int]:
    """Every `workers`th arrival from the one numbered `worker`."""
    return itertools.islice(arrivals, worker, None, workers)


def in_ns(seconds: float) -> int:
    return round(seconds * NS_PER_S)


def require(what: str, value: float, least: float, most: float) -> None:
    """Raises `UsageError` unless `least < value <= most`."""
    if not least < value <= most:
        raise UsageError(f"{what} {value:g} is out of range", expected=f"above {least:g}, at most {most:g}")


def require_rate(rate_rps: float) -> None:
    require("rate", rate_rps, 0, MOST_RATE_RPS)


def require_duration(seconds: float) -> None:
    require("duration", seconds, 0, MOST_DURATION_S)
