"""The noise floor: how far apart two measurements of the same thing were, on this machine, on that day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.statistics.comparing import Comparison


@dataclass(frozen=True, kw_only=True)
class NoiseFloor:
    """`factor`: the furthest that an A/A pair's interval reached from 1, at least 1; `worst` is that pair's name.

    None, and no name, when there is no A/A pair with an interval. `pairs` counts those with one.
    """

    factor: float | None
    pairs: int
    worst: str


def reach(comparison: Comparison) -> float | None:
    """How far the interval reaches from 1, as a factor of at least 1; None when there is no interval."""
    if comparison.low is None or comparison.high is None:
        return None
    return max(comparison.high, 1 / comparison.low)


def noise_floor(pairs: Mapping[str, Comparison]) -> NoiseFloor:
    """Of A/A pairs, by name. The first of several that reach equally far is named."""
    reaches = {name: found for name, each in pairs.items() if (found := reach(each)) is not None}
    if not reaches:
        return NoiseFloor(factor=None, pairs=0, worst="")
    worst = max(reaches, key=reaches.__getitem__)
    return NoiseFloor(factor=reaches[worst], pairs=len(reaches), worst=worst)
