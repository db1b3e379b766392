"""Where the pages of the site are."""

from __future__ import annotations

from reports.site.nights import Published
from reports.site_frame import FEED_FILE, Place


def places(published: Published) -> tuple[Place, ...]:
    """The site's own pages, and the newest comparison."""
    found = [
        Place(text="Overview", address="index.html"),
        Place(text="Matrix", address="matrix.html"),
        Place(text="Newest comparison", address=f"runs/{published.newest.name}/index.html"),
        Place(text="Trend", address="trend.html"),
        Place(text="All runs", address="runs.html"),
    ]
    if faults := newest_with_faults(published):
        found.append(Place(text="Kill matrix", address=f"faults/{faults}/faults.html"))
    return (*found, Place(text="Feed", address=FEED_FILE))


def newest_with_faults(published: Published) -> str:
    """The name of the newest night that has a fault matrix; empty where none has."""
    return next((night.name for night in reversed(published.nights) if night.bundle.faults), "")
