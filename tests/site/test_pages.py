"""The site's pages: the same every time, linked, well made, with every run, cell and difference in its place."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import replace
from html import unescape
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec
import pytest

from harness.results import read_conformance, write_report
from harness.toolchain import CHECKOUT
from reports import bundle, comparison_page, site, sortable
from reports.page import SORTABLE_POLICY
from reports.site import diffs, runs
from reports.site.nights import read_published
from reports.verification import MANIFEST_FILE, manifest, verify
from tests.published_nights import NIGHTS
from tests.test_reports_pages import Page
from tests.test_reports_samples import HOSTILE

OWN_PAGES = ("index.html", "matrix.html", "trend.html", "runs.html")


def own_pages(folder: Path) -> list[Path]:
    return [*(folder / name for name in OWN_PAGES), *sorted((folder / "diffs").iterdir())]


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def page(path: Path) -> Page:
    """Taken apart without its script, whose text is no markup."""
    return Page(path.read_text().replace(f"<script>{sortable.SCRIPT}</script>", ""))


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
        assert str(CHECKOUT) not in path.read_text()


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
