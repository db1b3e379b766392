"""Three published nights and the site of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from reports import site
from reports.site import runs
from tests.published_nights import three_nights


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return three_nights(tmp_path_factory.mktemp("site") / "published")


@pytest.fixture(scope="session")
def built(published: Path) -> Path:
    """The site, as nobody may change it."""
    out = published.parent / "site"
    assert site.build(published, out) == ()
    return out


@pytest.fixture
def copied(published: Path, tmp_path: Path) -> Path:
    """Published nights to damage."""
    return Path(shutil.copytree(published, tmp_path / "published"))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of comparisons are not drawn again: they take most of the time and are somebody else's matter."""
    monkeypatch.setattr(runs, "MADE_AGAIN", 0)
