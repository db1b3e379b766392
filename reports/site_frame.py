"""What every page of the site has around it: where the others are, and where the site comes from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import SPECIFICATION, __version__
from reports.page import fill

_SHEET = Path(__file__).parent / "templates" / "site.css"

FEED_FILE = "feed.xml"


@dataclass(frozen=True, kw_only=True)
class Place:
    """An entry of the navigation. `address`: from the root of the site."""

    text: str
    address: str


def framed(template: str, values: dict[str, Any], *, address: str, navigation: tuple[Place, ...] = ()) -> str:
    """A page that stands at that address of the site. Without navigation it stands alone."""
    frame = {
        "site_sheet": _SHEET.read_text(encoding="utf-8"),
        "navigation": navigation,
        "here": address,
        "root": "../" * address.count("/"),
        "feed": FEED_FILE if navigation else "",
        "suite_version": __version__,
        "specification": SPECIFICATION,
    }
    return fill(template, frame | values, sortable=True)
