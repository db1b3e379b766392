"""faults.html: everything shown, everything escaped, nothing loaded, the same bytes every time."""

import re
from itertools import pairwise

import msgspec
import pytest

from harness.fault_matrix.report import Broken, Outcome, PlainRun
from harness.rows import Status
from reports import faults_page
from reports.page import CONTENT_POLICY
from tests.sample_matrix import COLLATERAL, KILLED, LEFT_OUT, SLOW, SURVIVED, a_report
from tests.test_reports_pages import Page
from tests.test_reports_samples import HOSTILE


def broken(test, requirement="CPU-2", reason=HOSTILE):
    return Broken(requirement=requirement, test=test, plain=Status.PASS, status=Status.FAIL, reason=reason)


@pytest.fixture
def report():
    """A matrix with everything in it, some of it hostile."""
    changed = msgspec.structs.replace
    results = (
        changed(KILLED, problem="it left no report; last lines of its log:\n\x1b[31mred\u202e"),
        changed(SURVIVED, name="survives", detail=HOSTILE),
        changed(COLLATERAL, name="wide", unsteady=(broken("t.py::test_unsteady[::1]"),)),
        changed(LEFT_OUT, name="long", also=("ISO-2",), spared=("ISO-2",), why="so they say"),
        changed(LEFT_OUT, name="never", outcome=Outcome.NOT_RUN),
    )
    plain = PlainRun(
        rows=120,
        duration_s=81.5,
        broken=(broken("t.py::test_broken_anyway"),),
        left_out=(SLOW,),
    )
    return changed(a_report(*results, unproven=("CPU-9",), complete=False), plain=plain)


@pytest.fixture
def page(report):
    return Page(faults_page.render(report))


def test_everything_is_shown(page, report):
    """Each fault, its promise, what killed it, what fell with it and why, what broke beside it, what was left out."""
    for each in report.faults:
        assert each.name in page.words.replace("\N{NON-BREAKING HYPHEN}", "-")
        assert each.requirement in page.words
    for words in (
        "NOT PROVEN: 2 of 4 faults killed, 1 with collateral, 1 run not whole, 1 left out, no killed fault for CPU-9.",
        "it may wait",
        "pass became fail: it came out otherwise",
        "ISO-5: each is new",
        "ISO-2 (held): so they say",
        "killed by 1 of 2",
        "survived",
        "none in 6 rows",
        "test_unsteady[::1]",
        "1 row broke beside a fault once",
        "test_broken_anyway",
        "ISO-2 cold_slow",
        "test_slow 2.5",
        "Nothing was looked at of CPU-2.",
        "120 rows in 81.5 s",
        "1 run ended before every row was tried",
        "the tests of CPU-9 are in --profile=full",
    ):
        assert words.replace(" ", "") in page.words.replace(" ", ""), words


def test_an_incomplete_matrix_says_so_first(page, report):
    assert page.words.index("Matrix incomplete: interrupted after 1 of 2 faults") < page.words.index("NOT PROVEN")
    whole = faults_page.render(msgspec.structs.replace(a_report(KILLED), plain=PlainRun(rows=1, duration_s=1)))
    assert 'class="banner"' not in whole
    assert "Nothing." in Page(whole).words


def test_a_matrix_that_never_began_is_still_a_page(report):
    html = faults_page.render(msgspec.structs.replace(report, plain=None, faults=()))
    assert "0 of 0 faults killed" in Page(html).words


def test_hostile_text_stays_text(page, report):
    """Reasons come from runtimes under test: none becomes markup, none hides or reorders what is around it."""
    html = faults_page.render(report)
    assert not {tag for tag, _ in page.elements} & {"script", "img", "iframe", "object", "embed", "form"}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert HOSTILE in "".join(page.text)
    assert "\x1b" not in html
    assert "\u202e" not in html


def test_nothing_is_loaded_and_links_lead_somewhere(page):
    assert CONTENT_POLICY in page.values("content")
    assert not page.values("src")
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    for target in (attributes["href"] for tag, attributes in page.elements if tag == "a"):
        assert target == "./faults.json" or target.removeprefix("#") in ids
    for tag, attributes in page.elements:
        assert tag in {"a", "link"} or "href" not in attributes


def test_headings_and_tables_are_sound(page):
    """Headings step down by one; each table has a caption, its headings a scope, and a box of its own to scroll in."""
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))
    tags = [tag for tag, _ in page.elements]
    boxes = [each for _, each in page.elements if each.get("class") == "scroll"]
    assert tags.count("table") == tags.count("caption") == len(boxes)
    assert all("scope" in attributes for tag, attributes in page.elements if tag == "th")


def test_the_same_matrix_gives_the_same_bytes(tmp_path, report):
    first = faults_page.export(report, tmp_path / "one")
    assert first == tmp_path / "one" / "faults.html"
    assert first.read_bytes() == faults_page.export(report, tmp_path / "two").read_bytes()
