"""The schedules that a formula gives. Rates are arrivals per second over all workers."""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Iterator
from fractions import Fraction

import msgspec

from loadgen.arrivals.schedule import (
    MOST_DURATION_S,
    MOST_RATE_RPS,
    NS_PER_S,
    dealt,
    in_ns,
    require,
    require_duration,
    require_rate,
)

MOST_BURST = 1_000_000


class Constant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="constant"):
    """Arrival k is due at k / rate, exactly, rounded down to a nanosecond."""

    rate_rps: float
    duration_s: float

    def __post_init__(self) -> None:
        require_rate(self.rate_rps)
        require_duration(self.duration_s)

    def due_ns(self, worker: int, workers: int) -> Iterator[int]:
        scale, divisor = _period(self.rate_rps)
        return (index * scale // divisor for index in range(worker, self.total(), workers))

    @property
    def duration_ns(self) -> int:
        return in_ns(self.duration_s)

    def total(self) -> int:
        return _arrivals(self.rate_rps, self.duration_ns)


class Poisson(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="poisson"):
    """Independent arrivals: exponential gaps of one seeded process, which every worker draws and takes its share of."""

    rate_rps: float
    duration_s: float
    seed: int = 0

    def __post_init__(self) -> None:
        require_rate(self.rate_rps)
        require_duration(self.duration_s)

    def due_ns(self, worker: int, workers: int) -> Iterator[int]:
        return dealt(self._all(), worker, workers)

    def _all(self) -> Iterator[int]:
        draw, log = random.Random(self.seed).random, math.log  # noqa: S311 - load, not secrets
        mean_ns, end_ns, at_ns = -NS_PER_S / self.rate_rps, self.duration_ns, 0.0
        while True:
            at_ns += mean_ns * log(1.0 - draw())
            if at_ns >= end_ns:
                return
            yield int(at_ns)

    @property
    def duration_ns(self) -> int:
        return in_ns(self.duration_s)

    def total(self) -> None:
        return None


class Steps(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="steps"):
    """Constant rates one after the other: pairs of rate and seconds. A rate of 0 is a pause."""

    steps: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "steps", tuple((rate, seconds) for rate, seconds in self.steps))
        require("number of steps", len(self.steps), 0, 10_000)
        for rate, seconds in self.steps:
            if rate != 0:
                require_rate(rate)
            require_duration(seconds)
        require_duration(sum(seconds for _, seconds in self.steps))

    def due_ns(self, worker: int, workers: int) -> Iterator[int]:
        return dealt(self._all(), worker, workers)

    def _all(self) -> Iterator[int]:
        start_ns = 0
        for rate, seconds in self.steps:
            length_ns = in_ns(seconds)
            if rate:
                scale, divisor = _period(rate)
                yield from (start_ns + index * scale // divisor for index in range(_arrivals(rate, length_ns)))
            start_ns += length_ns

    @property
    def duration_ns(self) -> int:
        return sum(in_ns(seconds) for _, seconds in self.steps)

    def total(self) -> int:
        return sum(_arrivals(rate, in_ns(seconds)) for rate, seconds in self.steps if rate)


class Ramp(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="ramp"):
    """A rate that rises or falls in a straight line; either end, not both, may be 0.

    Arrival k is due when the integral of the rate reaches k: with slope c, t = 2 k / (a + sqrt(a^2 + 2 c k)).
    """

    from_rps: float
    to_rps: float
    duration_s: float

    def __post_init__(self) -> None:
        for rate in (self.from_rps, self.to_rps):
            if rate != 0:
                require_rate(rate)
        require("sum of both rates", self.from_rps + self.to_rps, 0, 2 * MOST_RATE_RPS)
        require_duration(self.duration_s)

    def due_ns(self, worker: int, workers: int) -> Iterator[int]:
        start, slope = self.from_rps, (self.to_rps - self.from_rps) / self.duration_s
        last_ns = self.duration_ns - 1
        for index in range(worker, self.total(), workers):
            root = math.sqrt(max(0.0, start * start + 2 * slope * index))
            yield min(last_ns, int(2 * index / (start + root) * NS_PER_S)) if index else 0

    @property
    def duration_ns(self) -> int:
        return in_ns(self.duration_s)

    def total(self) -> int:
        return math.ceil((Fraction(str(self.from_rps)) + Fraction(str(self.to_rps))) / 2 * _seconds(self.duration_ns))


class Burst(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="burst"):
    """`size` arrivals at one instant, every `every_s` from the start, over a constant base that may be 0."""

    size: int
    every_s: float
    duration_s: float
    base_rps: float = 0.0

    def __post_init__(self) -> None:
        require("size of a burst", self.size, 0, MOST_BURST)
        require("time between bursts", self.every_s, 0.000_000_9, MOST_DURATION_S)
        require_duration(self.duration_s)
        if self.base_rps != 0:
            require_rate(self.base_rps)

    def due_ns(self, worker: int, workers: int) -> Iterator[int]:
        return dealt(self._all(), worker, workers)

    def _all(self) -> Iterator[int]:
        bursts = itertools.chain.from_iterable(
            itertools.repeat(at_ns, self.size) for at_ns in range(0, self.duration_ns, in_ns(self.every_s))
        )
        return heapq.merge(bursts, self._base().due_ns(0, 1)) if self.base_rps else bursts

    def _base(self) -> Constant:
        return Constant(self.base_rps, self.duration_s)

    @property
    def duration_ns(self) -> int:
        return in_ns(self.duration_s)

    def total(self) -> int:
        bursts = len(range(0, self.duration_ns, in_ns(self.every_s)))
        return bursts * self.size + (self._base().total() if self.base_rps else 0)


def _period(rate_rps: float) -> tuple[int, int]:
    """Nanoseconds between two arrivals as a fraction. By the rate's decimal digits, so that 0.1 is a tenth."""
    period = NS_PER_S / Fraction(str(rate_rps))
    return period.numerator, period.denominator


def _arrivals(rate_rps: float, length_ns: int) -> int:
    """How many of 0, 1 / rate, 2 / rate ... are before the end."""
    return math.ceil(Fraction(str(rate_rps)) * _seconds(length_ns))


def _seconds(length_ns: int) -> Fraction:
    return Fraction(length_ns, NS_PER_S)
