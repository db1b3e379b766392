"""Several Workers of the very same code, as one application."""

from __future__ import annotations

from dataclasses import replace

from harness.application import Application
from harness.judging import Launcher


def copies(launch: Launcher, probe: str, count: int) -> Application:
    """So many Workers made of one probe, byte by byte the same; the first keeps the probe's name."""
    (worker,) = launch.application(probe).workers
    others = (replace(worker, name=f"{worker.name}-{number}") for number in range(2, count + 1))
    return Application(workers=(worker, *others))
