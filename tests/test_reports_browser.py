"""The pages in a real browser: nothing on its console, nothing asked of the network, nothing wider than a phone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from reports import conformance_page, report_page
from tests.test_reports_samples import sample_conformance, sample_cost

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PHONE_PX = 390

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not on PATH: no browser saw the pages")

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--net-log-capture-mode=Default",
    "--enable-logging=stderr",
    "--v=0",
    "--virtual-time-budget=2000",
    "--dump-dom",
)

# The browser asks for things of its own; such requests have no origin, those of a page have the page's.
_NO_PAGE = "not an origin"


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What came of opening a page: its document afterwards, the console's lines, the addresses it asked for."""

    document: str
    console: list[str]
    requests: list[str]


def visit(page: Path, folder: Path) -> Visit:
    log = folder / "net.json"
    done = subprocess.run(
        [
            str(CHROMIUM),
            *_FLAGS,
            f"--user-data-dir={folder / 'profile'}",
            f"--log-net-log={log}",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    events = json.loads(log.read_text())["events"]
    parameters = [each["params"] for each in events if isinstance(each.get("params"), dict)]
    return Visit(
        document=done.stdout,
        console=[line for line in done.stderr.splitlines() if ":CONSOLE" in line],
        requests=[each["url"] for each in parameters if each.get("initiator", _NO_PAGE) != _NO_PAGE and "url" in each],
    )


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
    """With everything closed and with everything opened; what is wider scrolls in a box of its own.

    The page's own policy forbids scripts, so the measuring one stands in a copy without the policy; a frame makes the
    narrow window that the browser itself refuses to be.
    """
    html, policies = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text())
    assert policies == 1
    if opened:
        html = html.replace("<details", "<details open")
    tell = "<script>parent.postMessage(document.documentElement.scrollWidth, '*')</script>"
    (tmp_path / "copy.html").write_text(html.replace("</body>", f"{tell}</body>"))
    frame = tmp_path / "frame.html"
    frame.write_text(
        "<!doctype html><script>onmessage = (told) => { document.documentElement.dataset.width = told.data }</script>"
        f'<iframe src="copy.html" width="{PHONE_PX}" height="900" style="border: 0"></iframe>'
    )
    found = re.search(r'data-width="(\d+)"', visit(frame, tmp_path).document)
    assert found
    assert int(found[1]) <= PHONE_PX
