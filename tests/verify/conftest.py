"""A bundle, and a copy of it to change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from reports import bundle, comparison_page
from tests import sample_bundle


@pytest.fixture(autouse=True)
def plain_page(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Drawing the page takes most of the time; what it is made from is all that matters to most tests."""
    if "with_the_real_page" not in request.node.name:
        monkeypatch.setattr(comparison_page, "render", lambda _folder, report: f"<p>{report.run.started}</p>\n")


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle nobody touches."""
    folder = tmp_path_factory.mktemp("whole") / "bundle"
    sample_bundle.write(folder, runtimes=("workerd",), launches=3, baseline=False, faults=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparison_page, "render", lambda _folder, report: f"<p>{report.run.started}</p>\n")
        bundle.build(folder)
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(whole, tmp_path / "bundle"))
