"""The page of a comparison: answer, promises, claims, figures and reasons are the report's, each where it belongs."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from harness.comparison_results import ComparisonReport, Grade, Pair, Series, Side, Word
from harness.fault_matrix.report import FAULTS_SCHEMA, FaultsReport
from harness.fault_matrix.report import FILE_NAME as FAULTS_FILE
from harness.results import read_report
from reports import comparison_page
from reports.comparison_page.answer import compared
from reports.quantities import significant
from tests import comparison_pages, sample_bundle
from tests.comparison_pages import Made, made
from tests.sample_conformance import CATALOGUE, judged
from tests.test_reports_pages import Page


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return comparison_pages.whole(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return comparison_pages.few(tmp_path_factory.mktemp("few"))


def test_the_answer_is_who_when_and_the_verdict_of_each(whole: Made) -> None:
    words = whole.page.words
    assert "reference and workerd beside container and node" in words
    assert "2026-11-24 02:30 UTC" in words
    assert "10 launches of each" in words
    for subject in whole.report.subjects:
        if subject.verdict is not None and subject.name in {"reference", "workerd", "container", "node"}:
            assert re.search(
                rf"{subject.name} {re.escape(subject.runtime.version)}.*? {subject.verdict.value} Core", words
            )
    assert "resources NON-CONFORMANT (9 of 24 kept)" in words


def test_headlines_are_the_figures_of_the_report_with_interval_and_word(whole: Made) -> None:
    words = whole.page.words
    for subject, scenario, mode, quantity, per in (
        ("workerd", "cold-start", "isolate", "p50", 1e6),
        ("container", "cold-start", "runtime", "p50", 1e6),
        ("reference", "chain", "", "rpc-hop", 1),
        ("container", "chain", "", "http-hop", 1),
    ):
        series = _series(whole.report, subject, scenario, mode, quantity)
        low, center, high = (significant((each or 0) / per) for each in (series.low, series.center, series.high))
        unit = "ms" if per > 1 else "µs"
        assert f"{center} {unit}" in words
        assert f"95 %: {low} to {high} {unit}" in words
    pair = next(
        each
        for each in whole.report.pairs
        if (each.left.subject, each.left.mode, each.right.subject) == ("workerd", "isolate", "container")
    )
    assert pair.ratio
    assert f"{significant(pair.ratio)} times faster than container" in words
    assert whole.report.noise.words in words


def test_headlines_lead_to_their_plots(whole: Made) -> None:
    links = re.findall(r'<h2 id="headline-\d"><a href="#([\w-]+)">', whole.html)
    assert links == ["cost-cold-start", "cost-concurrency", "cost-chain"]
    for anchor in links:
        section = whole.html.split(f'<h3 id="{anchor}"')[1].split("</section>")[0]
        assert "<svg viewBox" in section


@pytest.mark.parametrize(
    ("ratio", "word", "said"),
    [
        (4.0, Word.FASTER, ("4.00 times faster", "than node", "95\N{NO-BREAK SPACE}%: 2.00 to 8.00")),
        (0.25, Word.SLOWER, ("4.00 times slower", "than node", "95\N{NO-BREAK SPACE}%: 2.00 to 8.00")),
        (0.25, Word.FASTER, ("4.00 times faster", "than node", "95\N{NO-BREAK SPACE}%: 2.00 to 8.00")),
        (4.0, Word.LESS, ("4.00 times less", "than node", "95\N{NO-BREAK SPACE}%: 2.00 to 8.00")),
        (
            4.0,
            Word.TOO_FEW,
            ("too few launches", "beside node", "node over it: 4.00, 95\N{NO-BREAK SPACE}%: 2.00 to 8.00"),
        ),
        (None, Word.TOO_FEW, ("too few launches", "beside node", "")),
    ],
)
def test_a_ratio_is_told_from_the_left_side(ratio: float | None, word: Word, said: tuple[str, str, str]) -> None:
    """Also of rates, where the faster one is the larger."""
    side = Side(subject="node", scenario="warm", mode="closed-1", quantity="p50")
    pair = Pair(
        name="a",
        title="a",
        left=side,
        right=side,
        unit="ns",
        ratio=ratio,
        low=None if ratio is None else ratio / 2,
        high=None if ratio is None else ratio * 2,
        launches_left=10,
        launches_right=10,
        word=word,
    )
    assert compared(pair) == said


def test_without_a_container_the_floor_stands_in_and_is_called_that(few: Made) -> None:
    words = few.page.words
    assert f"Container baseline not measured: {sample_bundle.NO_ENGINE}." in words
    assert "the floor that no container can undercut" in words
    assert "a plain process, the floor under any container" in words
    assert "reference beside node" in words
    assert "beside node" in words.split("Cold start")[1]
    assert words.count("node the floor") == 3


def test_an_incomplete_comparison_says_so_first(few: Made) -> None:
    words = few.page.words
    assert words.index("Comparison incomplete: interrupted (Ctrl-C) in round 3") < words.index("reference beside")


def test_few_launches_are_no_findings(few: Made) -> None:
    words = few.page.words
    assert "2 launches of each: read differences as indications, not as findings" in words
    assert not re.search(r"times (faster|slower|less|more)", words)
    assert "too few launches" in words


def test_a_complete_comparison_has_no_banner(whole: Made) -> None:
    assert 'class="banner"' not in whole.html
    assert "read differences as indications" not in whole.html


def test_one_launch_has_no_interval(tmp_path: Path) -> None:
    one = made(tmp_path, launches=1, runtimes=("workerd",))
    assert "one launch, so no interval" in one.page.words
    assert "workerd beside container and node" in one.page.words


def test_every_promise_leads_to_its_evidence(whole: Made) -> None:
    """On the subject's own page, at the requirement itself."""
    anchors = {
        slug: set(re.findall(r'id="([^"]+)"', (whole.folder / f"conformance/{slug}/conformance.html").read_text()))
        for slug in ("reference", "workerd", "container", "node")
    }
    for slug, ids in anchors.items():
        found = set(re.findall(rf'href="\./conformance/{slug}/conformance\.html#([^"]+)"', whole.html))
        assert len(found) == len([each for each in CATALOGUE.requirement if each.level != "performance"])
        assert found <= ids


def test_a_claim_among_the_promises_has_its_worst_grade(whole: Made) -> None:
    """No test keeps or breaks it: "no test yet" would hide what the same page grades."""
    columns = ("reference", "workerd", "container", "node")
    graded = [each.id for each in CATALOGUE.requirement if each.level == "performance"]
    assert "ISO-8" in graded
    for identity in graded:
        (line,) = re.findall(rf'<th scope="row" class="id">{identity}<.*?</tr>', whole.html, re.DOTALL)
        cells = re.findall(r'<a class="word ([\w-]+)" href="#claims">([\w ]+)</a>', line)
        assert len(cells) == len(columns)
        for name, (slug, word) in zip(columns, cells, strict=True):
            grades = {
                each.grade for each in whole.report.claims if (each.requirement, each.subject) == (identity, name)
            }
            worst = (Grade.NOT_KEPT, Grade.NOT_SHOWN, Grade.KEPT)
            assert word == next((each for each in worst if each in grades), Grade.NOT_MEASURED)
            assert slug == {"kept": "kept", "not kept": "broken", "not shown": "inconclusive"}.get(word, "not-run")


def test_a_percentile_of_few_answers_says_so_beside_its_table(whole: Made) -> None:
    """The sample has 20 answers of an isolate in each launch, and 150 of a warm request."""
    cold, warm = (whole.html.split(f'id="cost-{name}"')[1].split("<h3", 1)[0] for name in ("cold-start", "warm"))
    words = "fewer than 100 answers"
    assert (words in cold, words in warm) == (True, False)


def test_areas_and_classes_have_a_word_in_every_cell(whole: Made) -> None:
    words = whole.page.words
    assert "isolates 8 kept 7 kept, 1 unsupported" in words
    assert "core conformant 26 of 26 kept non-conformant 24 of 26 kept" in words


def test_surprises_are_listed(tmp_path: Path) -> None:
    """A result that nobody foretold is not left for the reader to find."""
    report = sample_bundle.write(tmp_path, launches=2, runtimes=("workerd",))
    path = tmp_path / "conformance/workerd/conformance.json"
    found = judged("workerd", runtime=report.subjects[0].runtime, run=report.run, environment={"cpu": "Example CPU"})
    rows = tuple(
        msgspec.structs.replace(row, as_expected=row.requirement != "MEM-2", reason="saw <1 GiB>") for row in found.rows
    )
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(found, rows=rows)))
    words = Page(comparison_page.render(tmp_path, report)).words
    assert "Not as expected workerd, MEM-2 broken" in words


def test_claims_are_graded_with_figure_interval_rule_and_why(whole: Made) -> None:
    words = whole.page.words
    assert {claim.grade for claim in whole.report.claims} >= {Grade.KEPT, Grade.NOT_KEPT, Grade.NOT_MEASURED}
    for claim in whole.report.claims:
        assert claim.requirement in words
        for text in (claim.statement, claim.rule, claim.why, claim.grade.value):
            assert re.sub(r"\s+", " ", text) in words
    assert "the median cold start of an isolate is under 5 ms" in words


def test_tables_hold_the_figures_of_the_report(whole: Made) -> None:
    """Every figure of the report that the page is about is what some table sorts by."""
    shown = {float(each) for each in re.findall(r'data-value="([\d.e+-]+)"', whole.html)}
    for series in whole.report.series:
        if series.quantity == "p99" and series.scenario in {"density", "bill"}:
            continue
        if series.quantity in {"p50", "p99", "throughput", "rpc-hop", "PSS MB per instance", "cpu ms"}:
            assert series.center is not None
            assert any(abs(each - series.center) <= 1e-8 * series.center for each in shown), series


def test_what_was_saturated_is_marked_and_is_no_figure(whole: Made) -> None:
    """A cross in the plots, a reason in the table, and none of the generator's own figures."""
    wait = whole.html.split('id="cost-concurrency"')[1].split("Handlers that compute")[0]
    rows = re.findall(
        r"<tr>\s*<th scope=\"row\">workerd</th>\s*<td[^>]*>a waiting handler, 1,000.*?</tr>", wait, re.DOTALL
    )
    assert len(rows) == 1
    assert rows[0].count(">none<") == 3
    assert "the generator was saturated" in rows[0]
    assert wait.count("A cross at the foot: no figure there") == 2


def test_a_figure_to_be_read_with_care_says_why(whole: Made) -> None:
    """In the table by a mark, beside the plots by a sentence."""
    marked = [each for each in whole.report.series if each.mark]
    assert {(each.subject, each.mode) for each in marked} == {("node", "wait-10")}
    said = f"\N{DAGGER} node, a waiting handler, 10 connections: {marked[0].mark}."
    assert said in whole.page.words
    assert len(re.findall(r"<td class=\"number\"[^>]*>[\d.,]+ \N{DAGGER}</td>", whole.html)) == len(marked)


def test_a_thin_line_per_launch_and_a_thick_one_for_all(whole: Made) -> None:
    """Of reference, workerd, container and node, with ten launches each."""
    plot = next(svg for svg in whole.plots if 'id="cost-warm-closed-1-title"' in svg)
    assert len(re.findall(r"stroke-opacity: 0\.4; stroke-width: 0\.8", plot)) == 40
    assert len(re.findall(r"stroke-width: 2\.2", plot)) == 4


def test_every_pair_is_in_a_table_and_noise_apart(whole: Made) -> None:
    section = whole.html.split('<h2 id="comparisons">')[1].split('<h2 id="believe">')[0]
    rows = re.findall(r'<tr>\s*<th scope="row">(.*?)</th>', section)
    assert len(rows) == len(whole.report.pairs)
    apart = section.index("The same runtime twice")
    assert all(section.index(title) > apart for title in rows if title.startswith("A/A"))
    assert section[:apart].count("A/A") == 0
    pair = whole.report.pairs[0]
    assert pair.low
    assert pair.high
    assert f">{significant(pair.low)} to {significant(pair.high)}<" in section
    assert section.count('<svg class="forest"') == sum(each.ratio is not None for each in whole.report.pairs)


def test_why_believe_it(whole: Made) -> None:
    words = whole.page.words
    faults = read_report(whole.folder / FAULTS_FILE, FaultsReport, FAULTS_SCHEMA).faults
    assert f"{len(faults) - 1} of {len(faults)} faults killed" in words
    assert "Not killed: counter-shared of ISO-1 (survived)." in words
    assert "No control failed, on reference, workerd, container and node." in words
    assert "generator on CPU 1, all threads of the runtime on CPU 0" in words
    assert f"seed {sample_bundle.SEED}" in words
    for line in (*whole.report.order, *whole.report.warnings):
        assert line in words
    for each in whole.report.excluded:
        assert f"{each.subject} {each.scenario} {each.what} {each.why}" in words
    assert "load_average_1min 0.11 1.04" in words


def test_a_bundle_without_faults_says_that_nothing_was_shown(few: Made) -> None:
    assert "This bundle has no faults.json: whether the tests can fail was not shown with it." in few.page.words


def _series(report: ComparisonReport, *key: str) -> Series:
    return next(each for each in report.series if (each.subject, each.scenario, each.mode, each.quantity) == key)
