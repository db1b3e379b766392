"""The probe `fanout` and the two Workers it calls."""

from __future__ import annotations

from harness.application import Application
from harness.judging import Launcher


def fanout(launch: Launcher) -> Application:
    """A Worker bound to two others of the same code."""
    applications = (
        launch.application("fanout"),
        launch.application("burner"),
        launch.application("burner", env="other"),
    )
    return Application(workers=tuple(worker for each in applications for worker in each.workers))
