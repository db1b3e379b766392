"""Runs that take turns, each launch a small one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interleaved_runs import (
    ran,
    small,
)


@pytest.fixture
def small_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch.setattr)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was not cut short. Tests work on copies."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as monkeypatch:
        small(monkeypatch.setattr)
        assert ran(folder) == 0
    return folder
