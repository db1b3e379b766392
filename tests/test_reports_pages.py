"""What both pages promise: everything shown, everything escaped, nothing loaded, the same bytes every time."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from harness.results import ConformanceReport, CostReport, RunIdentity
from reports import conformance_page, report_page
from reports.page import CONTENT_POLICY
from tests.test_reports_samples import HOSTILE, LAUNCHES, a_row, sample_conformance, sample_cost

_VOID = {"meta", "link", "br", "img", "input", "hr", "use"}


class Page(HTMLParser):
    """A page taken apart into its elements and its text; elements that do not nest are an error."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self._open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.text.append(data)

    def values(self, attribute: str) -> list[str]:
        return [found for _, attributes in self.elements if (found := attributes.get(attribute)) is not None]

    @property
    def words(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.text))


@pytest.fixture
def conformance() -> ConformanceReport:
    return sample_conformance()


@pytest.fixture
def cost() -> CostReport:
    return sample_cost()


@pytest.fixture(params=["conformance.html", "index.html", "index.html without cost"])
def html(request: pytest.FixtureRequest, conformance: ConformanceReport, cost: CostReport) -> str:
    """Each page in turn: what holds for one holds for all."""
    if request.param == "conformance.html":
        return conformance_page.render(conformance)
    return report_page.render(conformance, cost if request.param == "index.html" else None)


def test_hostile_text_stays_text(html: str) -> None:
    """Evidence, labels and links come from runtimes under test; none of them becomes markup."""
    page = Page(html)
    assert not {tag for tag, _ in page.elements} & {"script", "img", "iframe", "object", "embed", "form"}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert "javascript:x()" in page.words
    assert HOSTILE in "".join(page.text)


def test_text_that_hides_is_made_visible(html: str) -> None:
    """Control and bidirectional characters are named instead of obeyed."""
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert "\\u202e reversed" in html


def test_nothing_is_loaded(html: str) -> None:
    """Addresses stand only in <a href>; the page's own policy forbids the rest."""
    page = Page(html)
    assert not page.values("src") + page.values("srcset") + page.values("xlink:href") + page.values("action")
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            if tag != "a" and value and re.search(r"https?:|//", value):
                pytest.fail(f"<{tag} {name}={value!r}> names an address")
    assert [each["href"] for tag, each in page.elements if tag == "link"] == ["data:,"]
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style
    assert not re.search(r"url\(|@import|@font-face|image-set", style[1])
    assert not re.search(r"url\((?!#)", html.replace(style[0], ""))
    assert CONTENT_POLICY in page.values("content")


def test_links_lead_somewhere(html: str) -> None:
    """Every link is within the page, to a file beside it, or to the web with its address in sight of the reader."""
    page = Page(html)
    ids = set(page.values("id"))
    for tag, attributes in page.elements:
        target = attributes.get("href") or ""
        if tag in {"a", "use"} and target.startswith("#"):
            assert target[1:] in ids
        elif tag == "a":
            assert target.startswith(("./", "https://"))
    for name in ("aria-labelledby", "aria-describedby"):
        assert set(page.values(name)) <= ids


def test_ids_are_unique(html: str) -> None:
    assert [name for name, count in Counter(Page(html).values("id")).items() if count > 1] == []


def test_every_row_is_shown(html: str, conformance: ConformanceReport) -> None:
    """Also those that were not run and those without a test."""
    page = Page(html)
    for row in conformance.rows:
        assert row.requirement in page.words
        assert row.test in page.words
        assert row.statement in page.words
    assert page.words.count("The suite has no test for this promise yet.") == 3


def test_headings_are_in_order(html: str) -> None:
    levels = [int(tag[1]) for tag, _ in Page(html).elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))


def test_tables_say_what_they_are(html: str) -> None:
    """Each has a caption, each heading a scope, and each scrolls in a box of its own that a keyboard can reach."""
    page = Page(html)
    tags = Counter(tag for tag, _ in page.elements)
    assert tags["table"] == tags["caption"]
    assert all("scope" in attributes for tag, attributes in page.elements if tag == "th")
    boxes = [each for _, each in page.elements if each.get("class") == "scroll"]
    assert len(boxes) == tags["table"]
    assert all(box["tabindex"] == "0" and box["aria-label"] for box in boxes)


def test_no_path_of_this_machine(html: str) -> None:
    assert str(Path(__file__).parent.parent) not in html
    assert str(Path.home()) not in html


def test_evidence_of_any_kind_is_shown(html: str) -> None:
    text = "".join(Page(html).text)
    assert '"url": "http://127.0.0.1:8123/allocate?mib=1024"' in text
    assert '"cpuTime": 12.5' in text
    assert "3,000 more characters in conformance.json." in text
    for measured in ("above 1,024 MiB", "96 MiB", "between 126 and 131.5 MiB"):
        assert measured in text
    assert "cloudflare/workerd#49" in text


def test_an_incomplete_run_says_so_first(cost: CostReport) -> None:
    cut = sample_conformance(complete=False, why_incomplete="interrupted after 12 of 26 tests")
    for html in (conformance_page.render(cut), report_page.render(cut, cost)):
        words = Page(html).words
        assert words.index("Promises incomplete: interrupted after 12 of 26 tests") < words.index("NON-CONFORMANT")


def test_a_complete_run_has_no_banner(conformance: ConformanceReport, cost: CostReport) -> None:
    assert 'class="banner"' not in report_page.render(conformance, cost)


def test_an_incomplete_cost_says_so(conformance: ConformanceReport) -> None:
    html = report_page.render(conformance, sample_cost(complete=False, why_incomplete="launch 2 never got ready"))
    assert "Cost incomplete: launch 2 never got ready" in Page(html).words


def test_a_missing_cost_says_why(conformance: ConformanceReport) -> None:
    html = report_page.render(conformance, None, cost_missing_because="the load generator ended with exit code 25")
    assert "Cost missing: the load generator ended with exit code 25." in Page(html).words


def test_the_sentence_counts_what_the_verdict_rests_on(conformance: ConformanceReport) -> None:
    assert (
        "workerd is NON-CONFORMANT: core PARTIALLY CONFORMANT (6 of 7 kept), resources NON-CONFORMANT (2 of 11 kept), "
        "state INCONCLUSIVE (1 of 2 kept), planet not claimed; 2 MUST promises have no test yet."
    ) in Page(conformance_page.render(conformance)).words


def test_surprises_are_listed(conformance: ConformanceReport) -> None:
    words = Page(conformance_page.render(conformance)).words
    assert "2 results not as expected." in words
    assert "Not as expected MEM-2 broken" in words


def test_as_expected_is_said(cost: CostReport) -> None:
    html = report_page.render(sample_conformance(rows=(a_row("ISO-1"),), as_expected=True), cost)
    assert "Every result as expected." in Page(html).words
    assert "Not as expected" not in Page(html).words


def test_halves_that_do_not_belong_together_are_a_warning(conformance: ConformanceReport, cost: CostReport) -> None:
    words = Page(report_page.render(conformance, sample_cost(run=_other_commit(cost)))).words
    assert "Promises and cost come from different suite commits: 7d78a41c0ffee and 1234567." in words
    assert "The suite had uncommitted changes" in words
    assert cost.warnings[0] in words


def test_files_and_commands_are_named(conformance: ConformanceReport, cost: CostReport) -> None:
    page = Page(report_page.render(conformance, cost))
    assert {"./conformance.json", "./conformance.html", "./cost.json", "./warm-runtime.hlog"} <= set(
        page.values("href")
    )
    assert "isomark report --runtime=workerd --profile=quick --out out/report" in page.words
    for run in (conformance.run, cost.run):
        assert run.command in page.words
        assert f"{run.commit}, with uncommitted changes" in page.words


def test_the_same_report_gives_the_same_bytes(tmp_path: Path, conformance: ConformanceReport, cost: CostReport) -> None:
    first = report_page.write(tmp_path / "one", conformance, cost).read_bytes()
    again = report_page.write(tmp_path / "two", conformance, cost).read_bytes()
    assert first == again
    exported = conformance_page.export(conformance, tmp_path / "one")
    assert exported == tmp_path / "one" / "conformance.html"
    assert exported.read_bytes() == conformance_page.export(conformance, tmp_path / "two").read_bytes()


def test_a_report_without_rows_is_still_a_page() -> None:
    html = conformance_page.render(sample_conformance(rows=(), complete=False, why_incomplete="nothing was collected"))
    assert "Promises incomplete: nothing was collected" in Page(html).words


def test_headlines_are_the_figures_of_the_cells(conformance: ConformanceReport, cost: CostReport) -> None:
    words = Page(report_page.render(conformance, cost)).words
    assert "Cold start 3.91 ms new isolate, median launches 3.79 to 4.15 ms" in words
    assert "The process takes 20.3 times as long." in words
    assert "33.1 µs service binding, RPC" in words
    assert "HTTP takes 3.91 times as long." in words
    assert f"{LAUNCHES} launches of each runtime." in words
    assert "Fewer than 10 launches" in words
    assert "it is not a confidence interval" in words


def test_headlines_that_were_not_measured_are_left_out(conformance: ConformanceReport, cost: CostReport) -> None:
    warm = tuple(cell for cell in cost.cells if cell.scenario == "warm")
    words = Page(report_page.render(conformance, sample_cost(cells=warm, derived=()))).words
    assert "Warm request" in words
    assert "new isolate, median" not in words
    assert "Call to another Worker" not in words


def _other_commit(cost: CostReport) -> RunIdentity:
    return msgspec.structs.replace(cost.run, commit="1234567")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_both_schemes(scheme: str) -> None:
    """Every colour of text or lines stands out 4.5 : 1 from every ground it is drawn on (WCAG 2.2, AA)."""
    sheet = (Path(report_page.__file__).parent / "templates" / "style.css").read_text()
    light, dark = sheet.split("@media (prefers-color-scheme: dark)")[:2]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))
    if scheme == "dark":
        colours |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", dark))
    fronts = [name for name in colours if name in {"ink", "quiet", "accent", "kept", "broken"} or "series" in name]
    assert len(fronts) == 11
    for front in fronts:
        for ground in ("paper", "raised", "warn"):
            if "series" in front and ground != "paper":
                continue
            ratio = _contrast(colours[front], colours[ground])
            assert ratio >= 4.5, f"{front} on {ground} is {ratio:.2f} : 1"


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
