"""Pages in a real Chromium: its console, what it asks of the network, how wide a page gets, what axe says of it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness import toolchain

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
AXE = toolchain.folder() / "node_modules" / "axe-core" / "axe.min.js"
PHONE_PX = 390

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not on PATH: no browser saw the pages")
needs_axe = pytest.mark.skipif(not AXE.exists(), reason="axe-core is not in .toolchain: `make setup` puts it there")

DARK = "--blink-settings=preferredColorScheme=0"

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

    def told(self) -> Any:
        """What a script of `with_script` told."""
        found = re.search(r'<body[^>]* data-told="([^"]*)"', self.document)
        assert found, self.console
        return json.loads(
            found[1].replace("&quot;", '"').replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        )


def visit(page: Path, folder: Path, *more: str) -> Visit:
    """Open the page with a fresh profile in that folder. `more`: further flags."""
    log = folder / "net.json"
    done = subprocess.run(
        [
            str(CHROMIUM),
            *_FLAGS,
            *more,
            f"--user-data-dir={folder / 'profile'}",
            f"--log-net-log={log}",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    events = json.loads(log.read_text())["events"]
    parameters = [each["params"] for each in events if isinstance(each.get("params"), dict)]
    return Visit(
        document=done.stdout,
        console=[line for line in done.stderr.splitlines() if ":CONSOLE" in line],
        requests=[each["url"] for each in parameters if each.get("initiator", _NO_PAGE) != _NO_PAGE and "url" in each],
    )


def with_script(page: Path, script: str, *, opened: bool = False) -> Path:
    """A copy of the page beside it that runs the script at its end; `tell(value)` is for what it found out.

    The page's own policy forbids it, so the copy has none. `opened`: with every part that opens opened.
    """
    html, policies = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text())
    assert policies == 1
    if opened:
        html = html.replace("<details", "<details open")
    tell = "const tell = (value) => { document.body.dataset.told = JSON.stringify(value) };"
    copy = page.with_name("copy.html")
    copy.write_text(html.replace("</body>", f"<script>{tell}\n{script}</script></body>"))
    return copy


def phone_width(page: Path, folder: Path, *, opened: bool) -> int:
    """How wide the page gets in a window as narrow as a phone, which a frame has to be: the browser itself refuses."""
    with_script(page, "parent.postMessage(document.documentElement.scrollWidth, '*')", opened=opened)
    frame = page.with_name("frame.html")
    frame.write_text(
        "<!doctype html><body><script>onmessage = (told) => { document.body.dataset.told = told.data }</script>"
        f'<iframe src="copy.html" width="{PHONE_PX}" height="900" style="border: 0"></iframe>'
    )
    return int(visit(frame, folder).told())


def serious(page: Path, folder: Path, *, dark: bool) -> list[str]:
    """What axe-core calls serious or critical on the page with everything opened: rule and element, a line each."""
    script = (
        AXE.read_text(encoding="utf-8").replace("</script", "<\\/script")
        + """
        ;axe.run(document, { resultTypes: ["violations"] }).then((found) => tell({
          dark: matchMedia("(prefers-color-scheme: dark)").matches,
          rules: found.passes.length,
          violations: found.violations
            .filter((each) => ["serious", "critical"].includes(each.impact))
            .flatMap((each) => each.nodes.map((node) => `${each.id}: ${node.html.slice(0, 200)}`)),
        }), (error) => tell({ violations: [String(error)], rules: 0 }));
        """
    )
    copy = with_script(page, script, opened=True)
    told = visit(copy, folder, "--virtual-time-budget=60000", *([DARK] if dark else [])).told()
    assert told.get("dark") is dark, "the colour scheme is not the one asked for"
    assert told["rules"] > 10, "axe looked at hardly anything"
    return list(told["violations"])
