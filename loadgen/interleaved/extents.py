"""How much of each scenario one launch measures when runtimes take turns.

Less than `isomark bench SCENARIO` does: there are many launches, of several runtimes, and the launch is what counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from harness.errors import UsageError, did_you_mean
from loadgen.scenarios.extent import Extent

QUICK, FULL = 10, 15
"""Launches of each subject in each scenario: as many as a verdict takes, or more."""

LAUNCHES = {"quick": QUICK, "full": FULL}

EXTENTS: Mapping[str, Mapping[str, Extent]] = {
    "cold-start": {
        "quick": Extent(launches=QUICK, rounds=1, count=15, starts=1, without=("code-cache",)),
        "full": Extent(launches=FULL, rounds=2, count=50, starts=2),
    },
    "warm": {
        "quick": Extent(launches=QUICK, rounds=1, seconds=0.12, warm_up_s=0.03, rates_rps=(200,)),
        "full": Extent(launches=FULL, rounds=2, seconds=1.0, warm_up_s=0.3, rates_rps=(100, 500, 1_000, 2_000)),
    },
    "concurrency": {
        "quick": Extent(launches=QUICK, rounds=1, seconds=0.04, warm_up_s=0.02, points=(10, 50)),
        "full": Extent(launches=FULL, rounds=1, seconds=0.8, warm_up_s=0.3, points=(1, 10, 50, 100, 300, 1_000)),
    },
    "chain": {
        "quick": Extent(launches=QUICK, rounds=1, seconds=0.04, warm_up_s=0.02, points=(1, 8)),
        "full": Extent(launches=FULL, rounds=1, seconds=0.6, warm_up_s=0.3, points=(1, 4, 16, 32)),
    },
    "density": {
        "quick": Extent(launches=QUICK, rounds=1, points=(20, 50), instances=(2,)),
        "full": Extent(launches=FULL, rounds=1, points=(100, 500, 1_000, 2_000), instances=(1, 4, 8, 16)),
    },
    "bill": {
        "quick": Extent(launches=QUICK, rounds=1, count=1),
        "full": Extent(launches=FULL, rounds=2, count=5),
    },
}
"""Scenario, then profile. Starting a runtime takes about as long as what a quick launch measures of it.

A quick open loop is slow on purpose: in so short a time one hiccup of the generator makes a fast one unusable.
"""


def extent_of(scenario: str, profile: str, launches: int | None) -> Extent:
    """`launches`: instead of the profile's own number. Raises `UsageError` for a scenario that is not compared."""
    if scenario not in EXTENTS:
        raise UsageError(f"--scenario={scenario} is none that runtimes are compared in", expected=_known(scenario))
    extent = EXTENTS[scenario][profile]
    return extent if launches is None else replace(extent, launches=launches)


def _known(scenario: str) -> str:
    return did_you_mean(scenario, EXTENTS)
