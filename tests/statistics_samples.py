"""Launches whose truth is known: values drawn from a log-normal distribution, by a fixed seed."""

from __future__ import annotations

import math
from random import Random


class Truth:
    """A source of launches. The same seed gives the same launches."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311

    def launches(self, count: int, *, center: float = 4.0, noise: float = 0.05) -> list[float]:
        """One value per launch; `noise` is the standard deviation of their logarithms."""
        return [center * math.exp(self._random.gauss(0, noise)) for _ in range(count)]

    def requests(self, launches: int, each: int, *, between: float, within: float) -> list[list[float]]:
        """For every launch the values of its requests, which share what that launch got."""
        return [self.launches(each, center=center, noise=within) for center in self.launches(launches, noise=between)]

    def nights(
        self, count: int, launches: int, *, between: float, within: float, center: float = 4.0
    ) -> list[list[float]]:
        """For every night the values of its launches, which share the night."""
        return [
            self.launches(launches, center=night, noise=within)
            for night in self.launches(count, center=center, noise=between)
        ]
