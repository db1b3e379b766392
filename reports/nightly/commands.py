"""The command lines of a night's children, beside those of its comparison."""

from __future__ import annotations

import sys
from pathlib import Path

from reports.compare.commands import as_given, isomark

FAULT_WORKERS = 2
FAULT_MINUTES = {"quick": 12, "full": 120}
"""Of the kill matrix, by the profile of the night: every fault is tried in either, beside fewer rows in the first."""

SOAK_ENVIRONMENT = {"ISOMARK_SOAK_KILLS": "10000", "ISOMARK_ISOLATES": "2000"}
"""How much more the two tests do than they do for every change."""


def faults(folder: Path, profile: str) -> list[str]:
    """Every fault of the reference runtime against every row that there is time for."""
    minutes = FAULT_MINUTES[profile]
    return [isomark(), "faults", f"-n={FAULT_WORKERS}", f"--minutes={minutes}", f"--report={as_given(folder)}"]


def soak() -> list[str]:
    """Kills beside a neighbour that must live through them, and isolates by the thousand."""
    tests = ["tests/test_reference_hostile.py", "-k", "kills or at_once"]
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *tests]
