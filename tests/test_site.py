"""The site of published nights: whole, linked, the same every time, and honest about what it leaves out."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

import msgspec
import pytest

from harness import cli
from harness.errors import ReportFileError
from harness.results import read_conformance, write_report
from harness.site_results import SiteReport
from reports import bundle, comparison_page, site, sortable
from reports.page import SORTABLE_POLICY
from reports.plot_frame import Style
from reports.site import diffs, runs
from reports.site.nights import Night, read_published
from reports.site.trend import setting_numbers
from reports.site.trend_plot import Line, Point, nights_plot, stretches
from reports.verification import MANIFEST_FILE, manifest, verify
from tests.published_nights import NIGHTS, three_nights
from tests.test_reports_pages import Page
from tests.test_reports_samples import HOSTILE

ATOM = "{http://www.w3.org/2005/Atom}"
OWN_PAGES = ("index.html", "matrix.html", "trend.html", "runs.html")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return three_nights(tmp_path_factory.mktemp("site") / "published")


@pytest.fixture(scope="module")
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


def own_pages(folder: Path) -> list[Path]:
    return [*(folder / name for name in OWN_PAGES), *sorted((folder / "diffs").iterdir())]


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def page(path: Path) -> Page:
    """Taken apart without its script, whose text is no markup."""
    return Page(path.read_text().replace(f"<script>{sortable.SCRIPT}</script>", ""))


# The whole


def test_the_same_nights_give_the_same_bytes(published: Path, built: Path, tmp_path: Path) -> None:
    """In another folder, at another time, in another order of the directory."""
    shuffled = tmp_path / "published"
    for name in sorted(NIGHTS, reverse=True):
        shutil.copytree(published / name, shuffled / name)
        os.utime(shuffled / name, (1, 1))
    site.build(shuffled, tmp_path / "site")
    assert files(tmp_path / "site") == files(built)


def test_a_link_leads_to_a_file_and_to_a_place_in_it(built: Path) -> None:
    """On every page, those of the runs too; within the site every address is relative, and none leaves it."""
    # Every value is in double quotes, which the template engine escapes: a parser would take a minute for the drawings.
    texts = {path.resolve(): path.read_text().replace(sortable.SCRIPT, "") for path in built.rglob("*.html")}
    ids = {path: set(re.findall(r'\sid="([^"]*)"', text)) for path, text in texts.items()}
    checked = 0
    for path, text in texts.items():
        for target in map(unescape, re.findall(r'\shref="([^"]*)"', text)):
            address = urlsplit(target)
            if address.scheme:
                assert target == "data:," or address.scheme == "https", f"{path}: {target}"
                continue
            assert not target.startswith("/"), f"{path}: {target}"
            other = (path.parent / unquote(address.path)).resolve() if address.path else path
            assert other.is_relative_to(built.resolve()), f"{path}: {target}"
            assert other.is_file(), f"{path} links to {target}"
            assert not address.fragment or unquote(address.fragment) in ids[other], f"{path} links to {target}"
            checked += 1
    assert checked > 1_000


@pytest.mark.parametrize("name", [*OWN_PAGES, f"diffs/{NIGHTS[0]}_{NIGHTS[1]}.html"])
def test_a_page_loads_nothing_and_runs_one_script(built: Path, name: str) -> None:
    """The policy names the script by its digest, and it is that script to the byte."""
    html = (built / name).read_text()
    assert html.count("<script") == 1
    assert f"<script>{sortable.SCRIPT}</script>" in html
    found = page(built / name)
    assert SORTABLE_POLICY in found.values("content")
    assert sortable.CSP_SOURCE in SORTABLE_POLICY
    assert "unsafe-inline" not in SORTABLE_POLICY.partition("script-src")[2]
    assert not found.values("src") + found.values("srcset") + found.values("action")
    assert not [each for _, attributes in found.elements for each in attributes if each.startswith("on")]
    loads = [attributes["href"] for tag, attributes in found.elements if tag == "link"]
    assert {each for each in loads if each} == {"data:,", ("../" if "/" in name else "") + "feed.xml"}
    assert not re.search(r"url\((?!#)|@import|@font-face", html)


@pytest.mark.parametrize("name", [*OWN_PAGES, f"diffs/{NIGHTS[0]}_{NIGHTS[1]}.html"])
def test_a_page_is_well_made(built: Path, name: str) -> None:
    """One first heading, headings in order, ids once, tables that say what they are and that a keyboard can scroll."""
    found = page(built / name)
    ids = found.values("id")
    assert len(ids) == len(set(ids))
    levels = [int(tag[1]) for tag, _ in found.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))
    tags = [tag for tag, _ in found.elements]
    assert tags.count("table") == tags.count("caption")
    assert all("scope" in attributes for tag, attributes in found.elements if tag == "th")
    boxes = [each for _, each in found.elements if each.get("class") == "scroll"]
    assert len(boxes) == tags.count("table")
    assert all(box["tabindex"] == "0" and box["aria-label"] for box in boxes)
    assert found.values("aria-current") == ([] if "/" in name else ["page"])


def test_no_path_of_this_machine(built: Path) -> None:
    for path in own_pages(built):
        assert str(built.parent) not in path.read_text()
        assert str(Path(__file__).parent.parent) not in path.read_text()


# The matrix


def test_every_cell_has_a_word(built: Path) -> None:
    """Runtimes across, areas and promises down; the word of a promise leads to the very test that gave it."""
    for name in ("index.html", "matrix.html"):
        html = (built / name).read_text()
        cells = re.findall(r'<td class="verdict-cell".*?</td>', html)
        assert cells
        assert all(re.search(r">[a-z][a-z -]+</(a|span)>", each) for each in cells)
    report = read_conformance(built / "runs" / NIGHTS[2] / "conformance/workerd/conformance.json")
    matrix = (built / "matrix.html").read_text()
    broken = next(row for row in report.rows if row.status == "fail")
    line = re.search(rf'<span class="id">{broken.requirement}</span>.*?</tr>', matrix, re.DOTALL)
    assert line
    address = re.search(r'class="word broken" href="([^"#]+)#([^"]+)"', line[0])
    assert address
    evidence = (built / address[1]).read_text()
    section = re.search(rf'<section class="test" id="{address[2]}">.*?</section>', evidence, re.DOTALL)
    assert section
    assert broken.test in section[0]


def test_claims_are_words_of_the_matrix_too(built: Path) -> None:
    matrix = (built / "matrix.html").read_text()
    line = re.search(r'<span class="id">ISO-8</span>.*?</tr>', matrix, re.DOTALL)
    assert line
    assert f'href="runs/{NIGHTS[2]}/index.html#claims">kept</a>' in line[0]
    assert "not measured" in line[0]


def test_a_runtime_keeps_its_newest_verdict(copied: Path, tmp_path: Path, quick: None) -> None:
    """One that the newest night does not have is shown as of the night that judged it last."""
    shutil.rmtree(copied / NIGHTS[2])
    site.build(copied, tmp_path / "site")
    heads = re.findall(r'<th scope="col" class="runtime">.*?</th>', (tmp_path / "site" / "index.html").read_text())
    (container,) = [each for each in heads if ">container<" in each]
    assert f"as of {NIGHTS[0]}" in container
    assert not [each for each in heads if "as of" in each and each != container]
    assert "Container baseline not measured" in (tmp_path / "site" / "index.html").read_text()


# Runs


def test_a_run_is_a_whole_bundle(built: Path, published: Path) -> None:
    """Raw files as they were published, pages made again; the copied manifest holds, and so does everything else."""
    for name in NIGHTS:
        assert list(manifest.check(built / "runs" / name)) == []
    assert files(built / "runs" / NIGHTS[0]) == files(published / NIGHTS[0])
    assert verify(built / "runs" / NIGHTS[0]) == []


def test_pages_are_made_again_and_the_manifest_with_them(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of an older isomark is replaced by today's; older nights keep theirs."""
    shutil.rmtree(copied / NIGHTS[2])
    monkeypatch.setattr(runs, "MADE_AGAIN", 1)
    monkeypatch.setattr(comparison_page, "render", lambda _folder, _report: "<p>of today</p>")
    site.build(copied, tmp_path / "site")
    older, newer = (tmp_path / "site" / "runs" / name for name in NIGHTS[:2])
    assert (newer / "index.html").read_text() == "<p>of today</p>"
    assert (older / "index.html").read_bytes() == (copied / NIGHTS[0] / "index.html").read_bytes()
    assert list(manifest.check(newer)) == []
    assert (newer / MANIFEST_FILE).read_text() != (copied / NIGHTS[1] / MANIFEST_FILE).read_text()


def test_all_runs_are_listed_with_what_changed(built: Path) -> None:
    html = (built / "runs.html").read_text()
    assert [*dict.fromkeys(re.findall(r'href="runs/([\d-]+)/index.html">\1<', html))] == list(reversed(NIGHTS))
    assert f'href="diffs/{NIGHTS[1]}_{NIGHTS[2]}.html"' in html
    assert f"isomark report diff reports/published/{NIGHTS[1]} reports/published/{NIGHTS[2]}" in html


def test_the_kill_matrix_has_a_page(built: Path) -> None:
    html = (built / "faults" / NIGHTS[2] / "faults.html").read_text()
    assert "Kill matrix" in html
    assert f'href="faults/{NIGHTS[2]}/faults.html"' in (built / "index.html").read_text()
    assert not (built / "faults" / NIGHTS[0]).exists()


# Diffs


def test_all_pairs_have_a_page_while_there_are_few(built: Path) -> None:
    assert {path.name for path in (built / "diffs").iterdir()} == {
        f"{NIGHTS[0]}_{NIGHTS[1]}.html",
        f"{NIGHTS[1]}_{NIGHTS[2]}.html",
        f"{NIGHTS[0]}_{NIGHTS[2]}.html",
    }


@pytest.mark.parametrize(("count", "pairs"), [(1, 0), (2, 1), (6, 15), (7, 6), (30, 29)])
def test_only_neighbours_have_one_when_there_are_many(
    published: Path, monkeypatch: pytest.MonkeyPatch, count: int, pairs: int
) -> None:
    monkeypatch.setattr(diffs, "difference", lambda _was, _now: None)
    night = read_published(published).newest
    nights = [replace(night, name=f"2026-10-{day:02}") for day in range(1, count + 1)]
    found = diffs.compared(nights)
    assert len(found) == pairs
    assert all(diff.was.name < diff.now.name for diff in found)


def test_a_changed_row_leads_to_its_evidence(copied: Path, tmp_path: Path, quick: None) -> None:
    """From the diff of two nights to the test in the newer one."""
    shutil.rmtree(copied / NIGHTS[2])
    path = copied / NIGHTS[1] / "conformance/workerd/conformance.json"
    report = read_conformance(path)
    rows = tuple(
        msgspec.structs.replace(row, status="fail", as_expected=False, reason=HOSTILE)
        if row.requirement == "ISO-2"
        else row
        for row in report.rows
    )
    write_report(path, msgspec.structs.replace(report, rows=rows))
    bundle.build(copied / NIGHTS[1])
    assert site.build(copied, tmp_path / "site") == ()
    html = (tmp_path / "site" / "diffs" / f"{NIGHTS[0]}_{NIGHTS[1]}.html").read_text()
    (line,) = re.findall(r'<tr>\s*<th scope="row" data-value="ISO-2">.*?</tr>', html, re.DOTALL)
    assert f'href="../runs/{NIGHTS[1]}/conformance/workerd/conformance.html#promise-ISO-2-test-1"' in line
    assert '<span class="word broken">worse</span>' in line
    assert "<img" not in html
    assert html.count("<script") == 1


# The trend


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


# The feed


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


# What is damaged, and where it goes


def test_a_damaged_night_is_left_out_and_named(
    copied: Path, tmp_path: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """The site is there with the others, says which is missing and why, and the command ends with a code."""
    with (copied / NIGHTS[1] / "comparison.json").open("a") as stream:
        stream.write(" ")
    (copied / "notes").mkdir()
    (copied / "README.md").write_text("beside the nights")
    (copied / ".lock").mkdir()
    out = tmp_path / "site"
    assert cli.main(["report", "build", f"--published={copied}", f"--out={out}"]) == ReportFileError.exit_code
    said = capsys.readouterr().err
    assert f"{NIGHTS[1]} is left out: comparison.json: SHA-256 is" in said
    assert "notes is left out: 'notes' is not named after a night" in said
    report = msgspec.json.decode((out / "site.json").read_bytes(), type=SiteReport)
    assert [each.name for each in report.runs] == [NIGHTS[0], NIGHTS[2]]
    assert [each.name for each in report.left_out] == [NIGHTS[1], "notes"]
    assert "2 of the published folders are damaged" in (out / "index.html").read_text()
    listed = page(out / "runs.html").words
    assert f"{NIGHTS[1]} : comparison.json: SHA-256 is" in listed
    assert not (out / "runs" / NIGHTS[1]).exists()


@pytest.mark.parametrize("damage", ["manifest", "link", "linked night", "report", "conformance"])
def test_every_kind_of_damage_is_seen(copied: Path, tmp_path: Path, damage: str) -> None:
    night = copied / NIGHTS[1]
    if damage == "manifest":
        (night / MANIFEST_FILE).unlink()
    elif damage == "link":
        (night / "load" / "away").symlink_to("/etc")
    elif damage == "linked night":
        shutil.move(night, tmp_path / "elsewhere")
        night.symlink_to(tmp_path / "elsewhere")
    else:
        name = "comparison.json" if damage == "report" else "conformance/node/conformance.json"
        (night / name).write_text('{"schema": "isomark/comparison/99"}')
        manifest.write_manifest(night)
    found = read_published(copied)
    assert [each.name for each in found.nights] == [NIGHTS[0], NIGHTS[2]]
    (left_out,) = found.left_out
    assert left_out.name == NIGHTS[1]
    assert left_out.why


def test_nothing_to_show_leaves_the_old_site(
    published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "published" / NIGHTS[0]).mkdir(parents=True)
    out = tmp_path / "site"
    out.mkdir()
    (out / "site.json").write_text('{"schema": "isomark/site/1"}')
    assert cli.main(["report", "build", f"--published={tmp_path / 'published'}", f"--out={out}"]) == 29
    assert f"{NIGHTS[0]}: " in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["site.json"]
    for missing in ("nowhere", "site/site.json"):
        with pytest.raises(ReportFileError, match=r"not there|not a folder"):
            site.build(tmp_path / missing, out)


def test_an_old_site_is_replaced_whole(published: Path, tmp_path: Path, quick: None) -> None:
    out = tmp_path / "site"
    out.mkdir()
    (out / "site.json").write_text('{"schema": "isomark/site/1"}')
    (out / "stale.html").write_text("of a night that is no longer published")
    site.build(published, out)
    assert not (out / "stale.html").exists()
    assert (out / "index.html").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


@pytest.mark.parametrize("what", ["folder", "file", "link", "other json"])
def test_what_is_no_site_is_never_replaced(published: Path, tmp_path: Path, what: str) -> None:
    out = tmp_path / "out"
    if what == "file":
        out.write_text("precious")
    elif what == "link":
        (tmp_path / "real").mkdir()
        out.symlink_to(tmp_path / "real")
    else:
        out.mkdir()
        (out / ("site.json" if what == "other json" else "precious")).write_text("[]")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    with pytest.raises(ReportFileError, match=r"holds something that is no site|is not a folder"):
        site.build(published, out)
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_a_disk_that_is_full_leaves_the_old_site(
    published: Path, tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "site"
    out.mkdir()
    (out / "site.json").write_text('{"schema": "isomark/site/1"}')

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(ReportFileError, match="No space left on device"):
        site.build(published, out)
    assert [path.name for path in out.iterdir()] == ["site.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_nights_are_in_the_order_of_their_dates(tmp_path: Path, published: Path) -> None:
    """A second run of a date comes after the first, a tenth after the ninth."""
    names = ("2026-11-22-2", "2026-11-22-10", "2026-11-22", "2026-11-21", "2026-11-22-9")
    for name in names:
        shutil.copytree(published / NIGHTS[0], tmp_path / name)
    found = read_published(tmp_path)
    assert [night.name for night in found.nights] == [
        "2026-11-21",
        "2026-11-22",
        "2026-11-22-2",
        "2026-11-22-9",
        "2026-11-22-10",
    ]


@pytest.mark.parametrize("name", ["2026-13-01", "2026-11-22-0", "2026-11-22-x", "latest", "2026-11-2"])
def test_a_name_that_is_no_night_is_left_out(tmp_path: Path, published: Path, name: str) -> None:
    shutil.copytree(published / NIGHTS[0], tmp_path / NIGHTS[0])
    (tmp_path / name).mkdir()
    (left_out,) = read_published(tmp_path).left_out
    assert (left_out.name, "is not named after a night" in left_out.why) == (name, True)


def test_the_start_of_a_night_needs_no_clock(published: Path) -> None:
    night = read_published(published).newest
    assert night.started == moment_of(24)
    odd = msgspec.structs.replace(
        night.bundle.comparison, run=msgspec.structs.replace(night.bundle.comparison.run, started="last night")
    )
    assert Night(name=night.name, bundle=replace(night.bundle, comparison=odd)).started == datetime(
        2026, 11, 24, tzinfo=UTC
    )
