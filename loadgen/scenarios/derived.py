"""Figures computed launch by launch."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from harness.load_results import LoadDerived


def derived(values: Mapping[int, float], *, name: str, title: str, how: str, unit: str) -> tuple[LoadDerived, ...]:
    """From launch to value; nothing when there is none."""
    if not values:
        return ()
    per_launch = tuple(round(values[launch], 4) for launch in sorted(values))
    return (
        LoadDerived(
            name=name, title=title, how=how, unit=unit, per_launch=per_launch, median=round(median(per_launch), 4)
        ),
    )


def per_step_us(few: Mapping[int, int], many: Mapping[int, int], steps: int) -> dict[int, float]:
    """Microseconds per step, from the nanoseconds of a request that makes few and one that makes `steps` more.

    Whatever both have in common, the request itself above all, cancels out.
    """
    return {launch: (many[launch] - few[launch]) / steps / 1e3 for launch in few.keys() & many.keys()}
