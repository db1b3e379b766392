"""A bundle with pieces missing or damaged: the page says so in their place, and shows everything else."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import msgspec
import pytest

from harness.comparison_results import ComparisonReport, Role
from reports import comparison_page
from tests import sample_bundle
from tests.test_reports_pages import Page

NAMES = ("workerd", "container", "node")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ComparisonReport]:
    folder = tmp_path_factory.mktemp("sound")
    return folder, sample_bundle.write(folder, launches=2, runtimes=("workerd",), faults=True)


@pytest.fixture
def bundle(sound: tuple[Path, ComparisonReport], tmp_path: Path) -> Path:
    """A copy that may be damaged."""
    shutil.copytree(sound[0], tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.fixture
def report(sound: tuple[Path, ComparisonReport]) -> ComparisonReport:
    return sound[1]


def rendered(folder: Path, report: ComparisonReport) -> str:
    html = comparison_page.render(folder, report)
    assert str(folder) not in html
    assert Page(html).words.count("Why believe it")
    return html


def plot(html: str, anchor: str) -> str:
    found = re.search(rf'<svg [^>]*aria-labelledby="{re.escape(anchor)}-title">.*?</svg>', html, re.DOTALL)
    return found[0] if found else ""


def test_a_missing_log_is_said_and_the_other_lines_are_drawn(bundle: Path, report: ComparisonReport) -> None:
    path = "load/warm/workerd/warm-closed-1.hlog"
    (bundle / path).unlink()
    html = rendered(bundle, report)
    assert (
        f"No line for workerd, one at a time: its launches cannot be drawn: {path} cannot be read: "
        "No such file or directory."
    ) in Page(html).words
    drawn = plot(html, "cost-warm-closed-1")
    assert ">container</text>" in drawn
    assert ">workerd</text>" not in drawn
    assert ">workerd</text>" in plot(html, "cost-warm-open-500")


def test_damaged_logs_are_said(bundle: Path, report: ComparisonReport) -> None:
    folder = bundle / "load/warm"
    for name, damage in {
        "node/warm-closed-1": lambda text: text.replace("HISTF", "HISTX"),
        "container/warm-closed-1": lambda text: text[: len(text) // 2],
        "node/warm-open-500": lambda _: "nothing of the kind\n",
        "container/warm-open-500": lambda text: text[: text.index("Tag=")],
    }.items():
        path = folder / f"{name}.hlog"
        path.write_text(damage(path.read_text()))
    (folder / "node/warm-open-1000.hlog").write_bytes(b"\xff\xfe\x00")
    html = rendered(bundle, report)
    words = Page(html).words
    for name in ("node/warm-closed-1", "container/warm-closed-1", "node/warm-open-500"):
        assert f"load/warm/{name}.hlog is damaged: " in words
    assert "load/warm/container/warm-open-500.hlog holds no samples" in words
    assert "load/warm/node/warm-open-1000.hlog is no text" in words
    for mode, drawn in (("closed-1", {"workerd"}), ("open-500", {"workerd"}), ("open-1000", {"workerd", "container"})):
        assert {each for each in NAMES if f">{each}</text>" in plot(html, f"cost-warm-{mode}")} == drawn


def test_without_any_log_the_word_stands_in_place_of_the_plot(bundle: Path, report: ComparisonReport) -> None:
    for path in bundle.rglob("*.hlog"):
        path.unlink()
    html = rendered(bundle, report)
    assert plot(html, "cost-warm-closed-1") == plot(html, "cost-cold-start-cdf") == ""
    assert html.count('class="no-plot"') == 4
    assert "Not shown: there is no line to draw; why is said below." in Page(html).words
    # What needs no log is there as ever.
    assert plot(html, "cost-concurrency-wait-throughput")
    assert plot(html, "cost-cold-start-phases")


def test_load_reports_that_cannot_be_read_are_said_where_they_are_missed(
    bundle: Path, report: ComparisonReport
) -> None:
    """Missing, no JSON, of another version, and without what belongs in it."""
    (bundle / "load/warm/container/load.json").unlink()
    for scenario, text in (
        ("cold-start", "{"),
        ("concurrency", '{"schema": "isomark/load/0"}'),
        ("bill", '{"schema": "isomark/load/1"}'),
    ):
        (bundle / f"load/{scenario}/container/load.json").write_text(text)
    html = rendered(bundle, report)
    warnings = Page(html).words.split("Warnings")[1]
    for scenario, drawing in (
        ("warm", "closed-1"),
        ("cold-start", "cdf"),
        ("concurrency", "wait-throughput"),
        ("bill", ""),
    ):
        section = html.split(f'<h3 id="cost-{scenario}">')[1].split("</section>")[0]
        assert f"<li>load/{scenario}/container/load.json " in section
        assert f"load/{scenario}/container/load.json " in warnings
        drawn = plot(html, f"cost-{scenario}-{drawing}".strip("-"))
        assert ">container</text>" not in drawn
        assert ">node</text>" in drawn


def test_without_any_load_report_the_page_still_stands(bundle: Path, report: ComparisonReport) -> None:
    shutil.rmtree(bundle / "load")
    html = rendered(bundle, report)
    assert plot(html, "cost-cold-start-cdf") == plot(html, "cost-concurrency-wait-p99") == ""
    words = Page(html).words
    assert "Not shown: there are no cold starts to draw." in words
    assert "Not shown: no warm requests were measured." in words
    # What comparison.json holds by itself needs none of them.
    assert plot(html, "cost-chain-hop")
    assert "faster" in words or "too few launches" in words


def test_conformance_reports_that_cannot_be_read_are_said(bundle: Path, report: ComparisonReport) -> None:
    (bundle / "conformance/workerd/conformance.json").unlink()
    (bundle / "conformance/container/conformance.json").write_text('{"schema": "isomark/conformance/1", "rows": 3}')
    words = Page(rendered(bundle, report)).words
    for name in ("workerd", "container"):
        assert f"Promises missing: {name}: conformance/{name}/conformance.json " in words
        assert f"Its conformance report cannot be shown: conformance/{name}/conformance.json " in words
    assert "core non-conformant" in words


def test_without_any_conformance_report_nothing_is_made_up(bundle: Path, report: ComparisonReport) -> None:
    shutil.rmtree(bundle / "conformance")
    words = Page(rendered(bundle, report)).words
    assert "Not shown: no subject was judged, or no conformance report could be read." in words
    assert "No conformance report could be read, so nothing is known of its controls." in words


def test_a_subject_without_a_page_of_its_own_has_words_and_no_links(bundle: Path, report: ComparisonReport) -> None:
    (bundle / "conformance/workerd/conformance.html").unlink()
    html = rendered(bundle, report)
    assert "conformance/workerd/conformance.html" not in html
    assert "conformance/node/conformance.html#promise-ISO-1" in html


def test_damaged_faults_are_said(bundle: Path, report: ComparisonReport) -> None:
    (bundle / "faults.json").write_text('{"schema": "isomark/faults/7"}')
    assert "faults.json has schema 'isomark/faults/7'" in Page(rendered(bundle, report)).words


def test_paths_out_of_the_bundle_are_not_followed(bundle: Path, report: ComparisonReport) -> None:
    """They would show, or link to, files that nobody handed over."""
    (bundle.parent / "conformance.json").write_bytes((bundle / "conformance/node/conformance.json").read_bytes())
    (bundle.parent / "load.json").write_bytes((bundle / "load/warm/node/load.json").read_bytes())
    astray = msgspec.structs.replace(
        report,
        subjects=tuple(
            msgspec.structs.replace(each, conformance="../conformance.json", verdict=None)
            if each.role is Role.FLOOR
            else each
            for each in report.subjects
        ),
        sources=tuple(
            msgspec.structs.replace(each, path="../load.json")
            if (each.scenario, each.subject) == ("warm", "node")
            else each
            for each in report.sources
        ),
    )
    html = rendered(bundle, astray)
    assert "../" not in html
    words = Page(html).words
    assert "Its conformance report cannot be shown: conformance.json lies outside the bundle." in words
    assert "load.json lies outside the bundle" in words
    assert ">node</text>" not in plot(html, "cost-warm-closed-1")


def test_a_log_out_of_the_bundle_is_not_followed(bundle: Path, report: ComparisonReport) -> None:
    load = bundle / "load/warm/workerd/load.json"
    outside = bundle.parent / "closed-1.hlog"
    outside.write_bytes((bundle / "load/warm/workerd/warm-closed-1.hlog").read_bytes())
    load.write_text(load.read_text().replace("warm-closed-1.hlog", "../../../../closed-1.hlog"))
    html = rendered(bundle, report)
    assert "closed-1.hlog lies outside the bundle" in Page(html).words
    assert ">workerd</text>" not in plot(html, "cost-warm-closed-1")


def test_a_comparison_of_nothing_is_still_a_page(bundle: Path, report: ComparisonReport) -> None:
    """Nobody was measured, nothing was compared."""
    empty = msgspec.structs.replace(
        report, subjects=(), sources=(), series=(), pairs=(), claims=(), order=(), pinning=None, launches=0
    )
    words = Page(rendered(bundle, empty)).words
    assert "Nothing" in words
    assert "None could be made." in words
    assert "None were graded." in words
    assert "Which cores they ran on was not recorded." in words
