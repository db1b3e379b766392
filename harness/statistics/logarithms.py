"""Values of launches as logarithms: there a factor is a difference, and half as much is as far off as twice as much."""

from __future__ import annotations

import math
from collections.abc import Sequence

SAME = 1e-9
"""Logarithms that lie closer together are one value: a part in 10^9 is below the resolution of every clock here."""

_FURTHEST = 700.0
"""The largest exponent a float can hold, nearly. Bounds end there instead of being infinite."""


def problem_of(values: Sequence[float]) -> str:
    """Why these values have no logarithms; empty when they have."""
    if not values:
        return "no launch has a value"
    if not all(map(math.isfinite, values)):
        return "a launch's value is no number"
    if min(values) <= 0:
        return f"a launch's value is {min(values):g}, and what is not above 0 has no ratio to anything"
    return ""


def logs(values: Sequence[float]) -> list[float]:
    """In rising order, so that the order of the launches cannot change a last digit."""
    return sorted(map(math.log, values))


def constant(logarithms: Sequence[float]) -> bool:
    """Whether all are the same value; they must be in rising order."""
    return logarithms[-1] - logarithms[0] < SAME


def factor(logarithm: float) -> float:
    """Back from a logarithm. Never infinite, never 0."""
    return math.exp(max(-_FURTHEST, min(_FURTHEST, logarithm)))
