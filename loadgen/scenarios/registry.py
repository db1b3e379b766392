"""The load scenarios by name. Another one is another module with a `SCENARIO`, and a line here."""

from __future__ import annotations

from collections.abc import Mapping

from harness.errors import UsageError, did_you_mean
from loadgen.scenarios import (
    bill,
    bindings,
    chain,
    cold_burst,
    cold_start,
    concurrency,
    density,
    streaming,
    tenants,
    warm,
)
from loadgen.scenarios.model import Scenario

SCENARIOS: Mapping[str, Scenario] = {
    module.SCENARIO.name: module.SCENARIO
    for module in (
        cold_start,
        cold_burst,
        warm,
        concurrency,
        density,
        chain,
        streaming,
        tenants,
        bindings,
        bill,
    )
}

OTHER_MEASUREMENTS = ("first", "reference", "generator", "interleaved")
"""What `isomark bench` can do besides."""


def named(name: str) -> Scenario:
    """Raises `UsageError` with the nearest names when there is no such scenario."""
    if name not in SCENARIOS:
        raise UsageError(
            f"there is no scenario {name!r}",
            expected=did_you_mean(name, [*SCENARIOS, *OTHER_MEASUREMENTS]),
        )
    return SCENARIOS[name]
