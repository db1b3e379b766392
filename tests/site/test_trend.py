"""The trend over nights, and the feed that tells of them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from reports import site
from reports.plot_frame import Style
from reports.site.nights import read_published
from reports.site.trend import setting_numbers
from reports.site.trend_plot import Line, Point, nights_plot, stretches
from tests.published_nights import NIGHTS

ATOM = "{http://www.w3.org/2005/Atom}"


def moment_of(day: int) -> datetime:
    return datetime(2026, 11, day, 2, 30, tzinfo=UTC)


def points(*settings: int | None) -> tuple[Point, ...]:
    """One for each night that has a setting."""
    return tuple(
        Point(night=night, when=moment_of(night + 1), setting=setting, unit="ms", value=5.0, low=4.9, high=5.1)
        for night, setting in enumerate(settings)
        if setting is not None
    )


@pytest.mark.parametrize(
    ("settings", "lengths"),
    [
        ((1, 1, 1), [3]),
        ((1, 1, 2, 2, 1), [2, 2, 1]),
        ((1, None, 1), [1, 1]),
        ((None, 1, 1), [2]),
        ((1,), [1]),
        ((2, 1, None, 1, 1), [1, 1, 2]),
    ],
)
def test_a_line_has_a_gap_where_nights_cannot_be_compared(settings: tuple[int | None, ...], lengths: list[int]) -> None:
    assert [len(each) for each in stretches(points(*settings))] == lengths


def test_the_plot_is_drawn_with_its_gaps(built: Path) -> None:
    """An upright stands where the circumstances change; the same lines give the same bytes."""
    style = Style(colour=0, dash=0)
    lines = [Line(label="one $x$ \u202e", style=style, points=points(1, 1, 2))]
    svg = nights_plot(lines, prefix="t", title="A title")
    assert svg == nights_plot(lines, prefix="t", title="A title")
    same = nights_plot([Line(label="one", style=style, points=points(1, 1, 1))], prefix="t", title="A title")
    assert svg.count("stroke-dasharray: 1,2") == same.count("stroke-dasharray: 1,2") + 1
    assert "\u202e" not in svg
    assert "Nov 3" in svg
    assert nights_plot([Line(label="one", style=style, points=points(1))], prefix="t", title="A title")


def test_circumstances_are_numbered(published: Path) -> None:
    """The night without the container stands apart: what is beside the runtimes is part of it."""
    nights = read_published(published).nights
    assert setting_numbers(nights) == {NIGHTS[0]: 1, NIGHTS[1]: 2, NIGHTS[2]: 1}
    other = msgspec.structs.replace(
        nights[2].bundle.comparison, environment=nights[2].bundle.comparison.environment | {"cpu": "Another"}
    )
    changed = replace(nights[2], bundle=replace(nights[2].bundle, comparison=other))
    assert setting_numbers([nights[0], changed]) == {NIGHTS[0]: 1, NIGHTS[2]: 2}


def test_every_figure_of_the_plots_is_in_a_table(built: Path) -> None:
    html = (built / "trend.html").read_text()
    assert html.count("<figure") == html.count("<table") >= 6
    for name in NIGHTS:
        assert html.count(f'href="runs/{name}/index.html">{name}</a>') == html.count("<table")
    assert '<td class="number" data-value=""><span class="quiet">none</span></td>' in html
    assert "in 2 different circumstances" in html


def entries(folder: Path) -> Iterator[ET.Element]:
    yield from ET.fromstring((folder / "feed.xml").read_text()).iter(f"{ATOM}entry")  # noqa: S314


def test_the_feed_is_atom(built: Path) -> None:
    """What RFC 4287 asks of a feed and of each entry, with ids that are nobody else's."""
    feed = ET.fromstring((built / "feed.xml").read_text())  # noqa: S314
    assert feed.tag == f"{ATOM}feed"
    found = list(entries(built))
    assert len(found) == len(NIGHTS)
    ids = [element.text for element in feed.iter(f"{ATOM}id")]
    assert len(set(ids)) == len(ids) == len(NIGHTS) + 1
    assert all(re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", each or "") for each in ids)
    for element in (feed, *found):
        for name in ("id", "title", "updated"):
            assert len(element.findall(f"{ATOM}{name}")) == 1, name
        datetime.strptime(element.findtext(f"{ATOM}updated") or "", "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert feed.findtext(f"{ATOM}author/{ATOM}name") == "isomark"
    assert [link.attrib["rel"] for link in feed.findall(f"{ATOM}link")] == ["self", "alternate"]


def test_the_feed_has_its_dates_from_the_data(built: Path) -> None:
    """Newest first; a night is news when it is over."""
    (newest, *_) = found = list(entries(built))
    assert [each.findtext(f"{ATOM}title") for each in found] == [
        f"{name}: workerd non-conformant" for name in reversed(NIGHTS)
    ]
    ended = datetime(2026, 11, 24, 2, 30, tzinfo=UTC) + timedelta(seconds=541)
    assert newest.findtext(f"{ATOM}updated") == ended.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert "figures changed" in (newest.findtext(f"{ATOM}summary") or "")
    for link in newest.findall(f"{ATOM}link"):
        assert (built / link.attrib["href"]).is_file()


def test_an_entry_keeps_its_id(built: Path, copied: Path, tmp_path: Path, quick: None) -> None:
    """Whatever nights come after it."""
    shutil.rmtree(copied / NIGHTS[2])
    site.build(copied, tmp_path / "site")
    before = {each.findtext(f"{ATOM}title"): each.findtext(f"{ATOM}id") for each in entries(built)}
    after = {each.findtext(f"{ATOM}title"): each.findtext(f"{ATOM}id") for each in entries(tmp_path / "site")}
    assert after.items() <= before.items()
    assert len(after) == 2
