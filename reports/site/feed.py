"""feed.xml: an entry per night, for whoever wants to be told. Ids and dates come from the data, never from a clock.

Source: RFC 4287. Addresses are relative: where the site will stand is not known when it is built.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree as ET

from harness.comparison_results import Role
from reports.run_diff.page import sentence
from reports.site.diffs import Diff
from reports.site.nights import Night
from reports.site.runs import address_of
from reports.site_frame import FEED_FILE

MOST_ENTRIES = 50

_ATOM = "http://www.w3.org/2005/Atom"
_IDENTITY = "https://isomark.invalid/feed"
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(nights: Sequence[Night], before: Mapping[str, Diff]) -> str:
    """The whole document, newest night first. `before`: each night's diff from the one before it, by name."""
    ET.register_namespace("", _ATOM)
    feed = ET.Element(_tag("feed"))
    _add(feed, "id", f"urn:uuid:{uuid5(NAMESPACE_URL, _IDENTITY)}")
    _add(feed, "title", "isomark: nightly comparisons")
    _add(feed, "updated", max(_ended(night) for night in nights))
    _link(feed, FEED_FILE, "self")
    _link(feed, "index.html", "alternate")
    _add(ET.SubElement(feed, _tag("author")), "name", "isomark")
    for night in reversed(nights[-MOST_ENTRIES:]):
        _entry(feed, night, before.get(night.name))
    ET.indent(feed, " ")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(feed, encoding="unicode")}\n'


def _entry(feed: ET.Element, night: Night, diff: Diff | None) -> None:
    report = night.bundle.comparison
    verdicts = ", ".join(
        f"{each.name} {each.verdict.value if each.verdict else 'not judged'}"
        for each in report.subjects
        if each.role is Role.RUNTIME
    )
    entry = ET.SubElement(feed, _tag("entry"))
    _add(entry, "id", f"urn:uuid:{uuid5(NAMESPACE_URL, f'{_IDENTITY}/{night.name}')}")
    _add(entry, "title", f"{night.name}: {verdicts or 'nothing judged'}")
    _add(entry, "updated", _ended(night))
    _link(entry, address_of(night), "alternate")
    parts = [f"Against {diff.was.name}: {sentence(diff.report)}"] if diff else ["The first night."]
    if not report.complete:
        parts.append(f"Incomplete: {report.why_incomplete}.")
    if diff:
        _link(entry, diff.address, "related")
    _add(entry, "summary", " ".join(parts))


def _ended(night: Night) -> str:
    """When the night was over."""
    ended: datetime = night.started + timedelta(seconds=max(0.0, night.bundle.comparison.run.duration_s))
    return ended.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _tag(name: str) -> str:
    return f"{{{_ATOM}}}{name}"


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, _tag(name)).text = _FORBIDDEN.sub("", text)


def _link(parent: ET.Element, address: str, relation: str) -> None:
    ET.SubElement(parent, _tag("link"), rel=relation, href=address)
