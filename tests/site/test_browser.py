"""The site in a real browser: a quiet console, nothing asked of the network, fit for a phone, nothing for axe."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from reports import comparison_page, site
from tests.browser import PHONE_PX, needs_axe, needs_chromium, phone_width, serious, visit
from tests.published_nights import NIGHTS, three_nights

pytestmark = needs_chromium

DIFF = f"diffs/{NIGHTS[1]}_{NIGHTS[2]}.html"
PAGES = ("index.html", "matrix.html", "trend.html", "runs.html", DIFF)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of comparisons are left plain: they have tests of their own."""
    folder = tmp_path_factory.mktemp("browser")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparison_page, "render", lambda _folder, _report: "<!doctype html><title>plain</title>\n")
        three_nights(folder / "published")
        (folder / "published" / "broken").mkdir()
        site.build(folder / "published", folder / "site")
    return folder / "site"


@pytest.fixture(params=PAGES)
def page(request: pytest.FixtureRequest, built: Path, tmp_path: Path) -> Path:
    """A copy by itself: a page must need nothing beside it."""
    return Path(shutil.copyfile(built / request.param, tmp_path / "page.html"))


def test_nothing_on_the_console_and_nothing_from_the_network(page: Path, tmp_path: Path) -> None:
    """And the policy lets the one script do its work."""
    found = visit(page, tmp_path)
    assert found.console == []
    assert found.requests == []
    if "sortable" in re.sub(r"<(script|style)>.*?</\1>", "", page.read_text(), flags=re.DOTALL):
        assert 'class="sort"' in re.sub(r"<(script|style)>.*?</\1>", "", found.document, flags=re.DOTALL)


def test_the_page_is_no_wider_than_a_phone(page: Path, tmp_path: Path) -> None:
    assert phone_width(page, tmp_path, opened=True) <= PHONE_PX


@needs_axe
@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_serious(page: Path, tmp_path: Path, dark: bool) -> None:
    assert serious(page, tmp_path, dark=dark) == []
