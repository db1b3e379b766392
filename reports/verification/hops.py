"""The cost of a hop, computed again from the chains of a load.json: what the scenario computed, launch by launch.

The chains themselves are held against their histograms.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any

from harness.load_results import LoadReport
from reports.verification.differences import between

SCENARIO = "chain"

_HOPS, _HOP = "hops", "-hop"


def differences(load: LoadReport) -> Iterator[tuple[str, str, str]]:
    """(place, what is there, what should be) of each hop that its shortest and its longest chain do not give."""
    if load.scenario != SCENARIO:
        return
    chains = {cell.mode: int(cell.point.value) for cell in load.cells if cell.point and cell.point.name == _HOPS}
    stated = {each.name: each for each in load.derived}
    ways = (mode.rpartition("-")[0] for mode in chains)
    for name in dict.fromkeys([*stated, *(f"{way}{_HOP}" for way in ways)]):
        fewest, most = min(chains.values(), default=0), max(chains.values(), default=0)
        way = name.removesuffix(_HOP)
        few, many = _medians_ns(load, f"{way}-{fewest}"), _medians_ns(load, f"{way}-{most}")
        if few and many and not len(few) == len(many) == load.launches:
            continue  # which launches have a value of both is not said
        found = stated.get(name)
        parts = {} if found is None else {"unit": found.unit, "per_launch": found.per_launch, "median": found.median}
        computed = _computed(few, many, most - fewest)
        yield from between({name: parts} if parts else {}, {name: computed} if computed else {}, "derived")


def _medians_ns(load: LoadReport, mode: str) -> tuple[int, ...]:
    cell = load.cell(mode)
    return cell.figures.per_launch_p50_ns if cell is not None and cell.figures is not None else ()


def _computed(few_ns: tuple[int, ...], many_ns: tuple[int, ...], steps: int) -> dict[str, Any]:
    """Empty where there is nothing to compute it from."""
    if not (few_ns and many_ns and steps):
        return {}
    each = tuple(round((many - few) / steps / 1e3, 4) for few, many in zip(few_ns, many_ns, strict=True))
    return {"unit": "us", "per_launch": each, "median": round(median(each), 4)}
