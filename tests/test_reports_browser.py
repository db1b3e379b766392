"""The pages in a real browser: nothing on its console, nothing asked of the network, nothing wider than a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports import conformance_page, report_page
from tests.browser import PHONE_PX, needs_chromium, phone_width, visit
from tests.test_reports_samples import sample_conformance, sample_cost

pytestmark = needs_chromium


@pytest.fixture(params=["conformance.html", "index.html"])
def page(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "index.html":
        return report_page.write(tmp_path, sample_conformance(), sample_cost())
    return conformance_page.export(sample_conformance(), tmp_path)


def test_the_instrument_sees_what_it_should(tmp_path: Path) -> None:
    """The control: a page that logs an error and loads an image is caught at both."""
    bad = tmp_path / "bad.html"
    bad.write_text('<!doctype html><img src="http://isomark.invalid/x.png"><script>console.error("seen")</script>')
    found = visit(bad, tmp_path)
    assert any('"seen"' in line for line in found.console)
    assert found.requests == ["http://isomark.invalid/x.png"]


def test_nothing_on_the_console_and_nothing_from_the_network(page: Path, tmp_path: Path) -> None:
    found = visit(page, tmp_path)
    assert "NON-CONFORMANT" in found.document
    assert found.console == []
    assert found.requests == []


@pytest.mark.parametrize("opened", [False, True])
def test_the_page_is_no_wider_than_a_phone(page: Path, tmp_path: Path, opened: bool) -> None:
    """With everything closed and with everything opened; what is wider scrolls in a box of its own."""
    assert phone_width(page, tmp_path, opened=opened) <= PHONE_PX
