"""The command lines of a night's children, beside those of its comparison."""

from __future__ import annotations

import sys
from pathlib import Path

from reports.compare.commands import as_given, isomark

FAULT_WORKERS = 2
FAULT_MINUTES = 120

SOAK_ENVIRONMENT = {"ISOMARK_SOAK_KILLS": "10000", "ISOMARK_ISOLATES": "2000"}
"""How much more the two tests do than they do for every change."""


def faults(folder: Path) -> list[str]:
    """Every fault of the reference runtime against every row that there is time for."""
    return [isomark(), "faults", f"-n={FAULT_WORKERS}", f"--minutes={FAULT_MINUTES}", f"--report={as_given(folder)}"]


def soak() -> list[str]:
    """Kills beside a neighbour that must live through them, and isolates by the thousand."""
    tests = ["tests/test_reference_hostile.py", "-k", "kills or at_once"]
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *tests]
