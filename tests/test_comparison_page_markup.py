"""The page of a comparison as a file: sound markup, nothing loaded, everything escaped, the same bytes every time."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import msgspec
import pytest

from harness.comparison_results import ComparisonReport, Noise
from reports import comparison_page, conformance_page
from reports.page import CONTENT_POLICY
from tests import comparison_pages
from tests.comparison_pages import Made
from tests.test_reports_pages import Page
from tests.test_reports_samples import HOSTILE, sample_conformance

CHECKOUT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return comparison_pages.whole(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return comparison_pages.few(tmp_path_factory.mktemp("few"))


@pytest.fixture(params=["whole", "few"])
def any_of(request: pytest.FixtureRequest) -> Made:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Made)
    return found


def test_every_plot_has_a_table_behind_it(any_of: Made) -> None:
    section = any_of.html.split('<h2 id="cost">')[1].split('<h2 id="comparisons">')[0]
    for group in section.split('<div class="plots">')[1:]:
        assert '<table class="cells sortable">' in group


def test_lines_are_told_apart_without_colour(whole: Made) -> None:
    plot = next(svg for svg in whole.plots if 'id="cost-warm-closed-1-title"' in svg)
    dashes = re.findall(r"style=\"fill: none; stroke-dasharray: ([^;]+);[^\"]*stroke-width: 2\.2", plot)
    assert len(set(dashes)) == 3  # the fourth is solid
    for name in ("reference", "workerd", "container", "node"):
        assert f">{name}</text>" in plot


def test_plots_follow_the_page(any_of: Made) -> None:
    """Colours by variable, text as text in the page's typeface, a title for those who do not see them."""
    assert len(any_of.plots) >= 10
    for svg in any_of.plots:
        assert not re.search(r"#[0-9a-fA-F]{6}\b", svg)
        assert "DejaVu" not in svg
        assert "<style" not in svg
        assert "http" not in svg
        assert re.search(r'role="img" aria-labelledby="[\w.-]+-title"', svg)


def test_how_to_reproduce_it(whole: Made) -> None:
    words = whole.page.words
    assert whole.report.run.command in words
    assert "isomark report verify" in words
    assert "sha256sum --check manifest.sha256" in words
    assert "7d78a41c0ffee7d78a41c0ffee7d78a41c0ffee0" in words
    names = {unquote(each) for each in whole.page.values("href")}
    for path in whole.folder.rglob("*"):
        name = str(path.relative_to(whole.folder))
        if path.suffix in {".json", ".hlog"}:
            assert f"./{name}" in names


def test_links_lead_somewhere(any_of: Made) -> None:
    """Within the page, to a file of the bundle, or to one that is made with the page."""
    page = any_of.page
    ids = set(page.values("id"))
    with_page = {"manifest.sha256", "summary.md", "junit.xml", "ctrf.json", "environment.json"}
    for tag, attributes in page.elements:
        target = attributes.get("href") or ""
        if target.startswith("#"):
            assert target[1:] in ids
        elif tag == "a":
            assert target.startswith("./")
            name = unquote(target[2:].partition("#")[0])
            assert name in with_page or (any_of.folder / name).is_file()
    for name in ("aria-labelledby", "aria-describedby"):
        assert set(page.values(name)) <= ids


def test_markup_is_sound(any_of: Made) -> None:
    """Elements nest, ids are unique, headings are in order, tables say what they are and scroll by themselves."""
    page = any_of.page
    assert [name for name, count in Counter(page.values("id")).items() if count > 1] == []
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))
    tags = Counter(tag for tag, _ in page.elements)
    assert tags["table"] == tags["caption"]
    assert all("scope" in attributes for tag, attributes in page.elements if tag == "th")
    boxes = [each for _, each in page.elements if each.get("class") == "scroll"]
    assert len(boxes) == tags["table"]
    assert all(box["tabindex"] == "0" for box in boxes)
    assert max(Counter(box["aria-label"] for box in boxes).values()) == 1


def test_nothing_is_loaded_and_only_the_one_script_may_run(any_of: Made) -> None:
    page = any_of.page
    assert not page.values("src") + page.values("srcset") + page.values("xlink:href") + page.values("action")
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            if tag != "a" and value and re.search(r"https?:|//", value):
                pytest.fail(f"<{tag} {name}={value!r}> names an address")
        assert not [name for name in attributes if name.startswith("on")]
    for style in re.findall(r"<style>(.*?)</style>", any_of.html, re.DOTALL):
        assert not re.search(r"url\(|@import|@font-face|image-set", style)
    (script,) = re.findall(r"<script>(.*?)</script>", any_of.html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"{CONTENT_POLICY}; script-src 'sha256-{digest}'" in page.values("content")


def test_pages_without_the_script_may_run_none() -> None:
    html = conformance_page.render(sample_conformance())
    assert "script-src" not in html
    assert "<script" not in html


def test_no_path_of_this_machine(any_of: Made) -> None:
    for path in (any_of.folder, CHECKOUT, Path.home()):
        assert str(path) not in any_of.html


def test_the_same_files_give_the_same_bytes(whole: Made, tmp_path: Path) -> None:
    """Again, in another folder, in another process with other hashes."""
    assert comparison_page.render(whole.folder, whole.report) == whole.html
    copy = tmp_path / "copy"
    shutil.copytree(whole.folder, copy)
    code = (
        "import sys; from pathlib import Path; from harness.comparison_results import read_comparison; "
        "from reports import comparison_page; folder = Path(sys.argv[1]); "
        "sys.stdout.reconfigure(encoding='utf-8'); "
        "sys.stdout.write(comparison_page.render(folder, read_comparison(folder / 'comparison.json')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(copy)],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONHASHSEED": "4711"},
        capture_output=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.decode() == whole.html


def test_hostile_names_stay_text(whole: Made, tmp_path: Path) -> None:
    """A subject's name is somebody else's: in tables, plots, titles and links it is text and nothing more."""
    shutil.copytree(whole.folder, tmp_path / "hostile")
    hostile = HOSTILE + "\u202e $x^2$ --> \x1b[31m"
    text = (tmp_path / "hostile" / "comparison.json").read_text()
    named = text.replace('"workerd"', msgspec.json.encode(hostile).decode())
    report = msgspec.json.decode(named, type=ComparisonReport)
    report = msgspec.structs.replace(
        report,
        complete=False,
        why_incomplete=HOSTILE,
        baseline_missing=HOSTILE,
        warnings=(HOSTILE,),
        order=(HOSTILE,),
        noise=Noise(factor=None, pairs=0, worst=HOSTILE, words=HOSTILE),
        run=msgspec.structs.replace(report.run, command=HOSTILE, commit=HOSTILE),
        environment={HOSTILE: HOSTILE},
    )
    html = comparison_page.render(tmp_path / "hostile", report)
    page = Page(html)
    assert not {tag for tag, _ in page.elements} & {"img", "iframe", "object", "embed", "form"}
    assert html.count("<script") == 1
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert "".join(page.text).count(HOSTILE) > 20
    assert "$x^2$" in "".join(page.text)
