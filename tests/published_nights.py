"""A folder of published nights from invented data, whole as `isomark nightly` leaves them. For tests only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reports import bundle
from tests import sample_bundle

NIGHTS = ("2026-11-22", "2026-11-23", "2026-11-24")


def publish(published: Path, name: str, **changes: Any) -> Path:
    """One night: raw files, and all that is made from them. `changes` are `sample_bundle.write`'s."""
    folder = published / name
    sample_bundle.write(folder, **({"date": name[:10], "runtimes": ("workerd",), "launches": 10} | changes))
    bundle.build(folder)
    return folder


def three_nights(published: Path) -> Path:
    """The second without the container, which comes and goes with the engine; the third slower, and with a fault
    matrix."""
    publish(published, NIGHTS[0], seed=1)
    publish(published, NIGHTS[1], seed=2, baseline=False)
    publish(published, NIGHTS[2], seed=3, factor=1.2, faults=True)
    return published
