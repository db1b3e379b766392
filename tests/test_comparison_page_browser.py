"""The page of a comparison in a real browser: console, network, phone, axe, sorting, and labels that keep apart."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness.comparison_results import ComparisonReport
from reports import comparison_page
from tests import sample_bundle
from tests.browser import PHONE_PX, needs_axe, needs_chromium, phone_width, serious, visit, with_script

pytestmark = needs_chromium

LABELS = """
const near = (one, other) => {
  const x = Math.min(one.right, other.right) - Math.max(one.left, other.left);
  const y = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
  return x > 1 && y > 2.5;  // boxes of text are taller than its letters
};
const bad = [];
for (const plot of document.querySelectorAll("figure.plot svg")) {
  const edge = plot.getBoundingClientRect();
  const texts = [...plot.querySelectorAll("text")].map((each) => [each.textContent, each.getBoundingClientRect()]);
  texts.forEach(([text, box], place) => {
    const sideways = box.left < edge.left - 1 || box.right > edge.right + 1;
    if (sideways || box.top < edge.top - 1 || box.bottom > edge.bottom + 1)
      bad.push(`${plot.querySelector("title").textContent}: "${text}" is cut off`);
    for (const [other, its] of texts.slice(place + 1))
      if (near(box, its)) bad.push(`${plot.querySelector("title").textContent}: "${text}" and "${other}" overlap`);
  });
}
tell([document.querySelectorAll("figure.plot svg text").length, bad]);
"""

SORTING = """
const table = document.querySelector("#cost-cold-start ~ details table");
const [what, median] = [1, 2].map((place) => table.tHead.rows[0].cells[place]);
const column = (place) => [...table.tBodies[0].rows].map((row) => row.cells[place].dataset.value);
const button = median.querySelector("button");
button.focus();
const seen = { focused: document.activeElement === button, before: column(2) };
button.click();
seen.up = column(2);
seen.said = median.getAttribute("aria-sort");
button.click();
seen.down = column(2);
seen.saidThen = median.getAttribute("aria-sort");
what.querySelector("button").click();
seen.modes = [...table.tBodies[0].rows].map((row) => row.cells[1].textContent);
seen.saidAfter = median.getAttribute("aria-sort");
tell(seen);
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    report = sample_bundle.write(folder, faults=True)
    (folder / "index.html").write_text(comparison_page.render(folder, report))
    return folder


@pytest.fixture
def page(bundle: Path, tmp_path: Path) -> Path:
    """A page of its own for each test, which may put copies beside it."""
    path = tmp_path / "index.html"
    path.write_text((bundle / "index.html").read_text())
    return path


def test_nothing_on_the_console_and_nothing_from_the_network(page: Path, tmp_path: Path) -> None:
    """Under the page's own policy, under which the one script ran."""
    found = visit(page, tmp_path)
    assert found.console == []
    assert found.requests == []
    assert '<button type="button" class="sort">' in found.document


def test_another_script_may_not_run(page: Path, tmp_path: Path) -> None:
    page.write_text(page.read_text().replace("</body>", "<script>document.title = 'ran'</script></body>"))
    found = visit(page, tmp_path)
    assert "<title>ran</title>" not in found.document
    assert any("Content Security Policy" in line for line in found.console)


@pytest.mark.parametrize("opened", [False, True])
def test_the_page_is_no_wider_than_a_phone(page: Path, tmp_path: Path, opened: bool) -> None:
    assert phone_width(page, tmp_path, opened=opened) <= PHONE_PX


@needs_axe
@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_serious(page: Path, tmp_path: Path, dark: bool) -> None:
    assert serious(page, tmp_path, dark=dark) == []


@needs_axe
def test_axe_finds_what_is_serious(tmp_path: Path) -> None:
    """The control: grey on grey, and a picture without words."""
    bad = tmp_path / "bad.html"
    bad.write_text(
        '<!doctype html><html lang="en"><meta http-equiv="Content-Security-Policy" content=""><title>Bad</title>'
        '<body><main><h1>Bad</h1><p style="color: #999; background: #aaa">unreadable</p>'
        '<img src="data:,"></main></body>'
    )
    assert {each.partition(":")[0] for each in serious(bad, tmp_path, dark=False)} == {"color-contrast", "image-alt"}


@pytest.mark.parametrize("width", [1280, 500])
def test_labels_of_plots_are_whole_and_apart(page: Path, tmp_path: Path, width: int) -> None:
    found = visit(with_script(page, LABELS), tmp_path, f"--window-size={width},2000")
    count, bad = found.told()
    assert count > 200
    assert bad == []


def test_long_names_are_whole_and_apart_too(bundle: Path, tmp_path: Path) -> None:
    text = (bundle / "comparison.json").read_text()
    for short, long in (
        ("workerd", "workerd, an experimental nightly build"),
        ("container", "containers_of_podman_5"),
    ):
        text = text.replace(f'"{short}"', f'"{long}"')
    page = tmp_path / "index.html"
    page.write_text(comparison_page.render(bundle, msgspec.json.decode(text, type=ComparisonReport)))
    found = visit(with_script(page, LABELS), tmp_path)
    count, bad = found.told()
    assert count > 200
    assert bad == []


def test_tables_are_sorted_by_a_button(page: Path, tmp_path: Path) -> None:
    """Which a keyboard reaches; how it is sorted is said in the head of the column."""
    seen = visit(with_script(page, SORTING, opened=True), tmp_path).told()
    assert seen["focused"]
    numbers = sorted(map(float, seen["before"]))
    assert list(map(float, seen["up"])) == numbers
    assert seen["said"] == "ascending"
    assert list(map(float, seen["down"])) == numbers[::-1]
    assert seen["saidThen"] == "descending"
    assert list(dict.fromkeys(seen["modes"])) == ["an isolate", "an isolate after eviction", "the whole"]
    assert seen["modes"] == sorted(seen["modes"])
    assert seen["saidAfter"] is None
