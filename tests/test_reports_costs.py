"""Tables and plots of the cost: the input's values and no others, drawn so that they can be told apart."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from harness.rows import Measure
from reports import costs, report_page
from reports.evidence import file_link, link, relative, visible
from reports.labels import spaced
from reports.plots import Series, distribution, percentiles
from reports.quantities import duration, measured, moment, spread, tick
from tests.test_reports_samples import a_cell, sample_conformance, sample_cost


def test_the_tables_hold_the_values_of_the_cells() -> None:
    cost = sample_cost()
    shown = [int(each) for each in re.findall(r'<data value="(\d+)">', report_page.render(sample_conformance(), cost))]
    given = [value for cell in cost.cells for value in cell.percentiles_ns.values()]
    assert shown == given


def test_a_table_has_one_unit_and_it_fits_its_figures() -> None:
    cold, warm, _ = costs.scenarios(sample_cost())
    assert (cold.unit, warm.unit) == ("ms", "µs")
    assert cold.lines[0].figures[0].text == "3.91"
    assert warm.lines[0].figures[0].text == "251.3"


def test_percentiles_that_few_samples_decide_are_marked() -> None:
    """300 samples leave 3 beyond p99 and 30 beyond p90."""
    cold, *_ = costs.scenarios(sample_cost())
    marked = {column: figure.few for column, figure in zip(cold.columns, cold.lines[0].figures, strict=True)}
    assert marked == {"p50": False, "p90": False, "p99": True, "p99.9": True, "max": False}


def test_a_percentile_beyond_the_usual_ones_gets_its_column() -> None:
    cell = a_cell("warm", "isolate", 250_000, 1_000)
    cell = msgspec.structs.replace(cell, percentiles_ns={"p75": 260_000, "p50": 250_000, "max": 300_000})
    (scenario,) = costs.scenarios(sample_cost(cells=(cell,)))
    assert scenario.columns == ("p50", "p75", "p90", "p99", "p99.9", "max")
    assert [figure.text for figure in scenario.lines[0].figures][1:3] == ["260.0", "none"]


def test_errors_and_discarded_samples_are_shown_by_reason() -> None:
    cold, warm, _ = costs.scenarios(sample_cost())
    assert cold.lines[0].discarded == "2 not cold"
    assert warm.lines[1].errors == "3 timeout"


def test_a_cell_without_a_curve_has_a_table_and_no_plot() -> None:
    cell = a_cell("warm", "isolate", 250_000, 1_000, curve_ns=(), per_launch_curves_ns=())
    (scenario,) = costs.scenarios(sample_cost(cells=(cell,)))
    assert scenario.plots == ()
    assert scenario.lines


def test_a_cell_without_samples_is_shown_and_claims_nothing() -> None:
    """A cell that got no right answer has zeros for percentiles: they are no figures."""
    zeros = dict.fromkeys(("p50", "p90", "p99", "p99.9", "max"), 0)
    nothing: dict[str, Any] = {"percentiles_ns": zeros, "per_launch_p50_ns": (), "per_launch_curves_ns": ()}
    cell = a_cell("cold-start", "isolate", 3_000_000, 100, errors={"status 500": 20}, **nothing)
    cell = msgspec.structs.replace(cell, count=0)
    cost = sample_cost(cells=(cell, a_cell("cold-start", "process", 80_000_000, 30)), derived=())
    (scenario,) = costs.scenarios(cost)
    assert {figure.text for figure in scenario.lines[0].figures} == {"none"}
    assert scenario.lines[0].errors == "20 status 500"
    page = report_page.render(sample_conformance(), cost)
    assert not re.search(r"\b0 ns", page)
    assert "new isolate, median" not in page


@pytest.fixture
def series() -> list[Series]:
    cells = [a_cell("warm", name, 250_000 + place, 3_000) for place, name in enumerate(("one", "two", "three"))]
    return [
        Series(label=cell.mode, count=cell.count, curve=cell.curve_ns, launches=cell.per_launch_curves_ns)
        for cell in cells
    ]


@pytest.mark.parametrize("draw", [distribution, percentiles])
def test_plots_are_deterministic_and_follow_the_page(draw, series: list[Series]) -> None:  # type: ignore[no-untyped-def]
    """No date, no colour of their own, text as text in the page's typeface, a title for those who do not see it."""
    svg = draw(series, prefix="plot-a", title="Warm <requests>")
    assert svg == draw(series, prefix="plot-a", title="Warm <requests>")
    assert not re.search(r"#[0-9a-fA-F]{6}\b", svg)
    assert "<style" not in svg
    assert "DejaVu" not in svg
    assert "http" not in svg
    assert 'role="img" aria-labelledby="plot-a-title"' in svg
    assert '<title id="plot-a-title">Warm &lt;requests&gt;</title>' in svg
    for each in series:
        assert f">{each.label}</text>" in svg
    assert all(name.startswith("plot-a-") for name in re.findall(r'\bid="([^"]+)"', svg))


@pytest.mark.parametrize("draw", [distribution, percentiles])
def test_plots_bear_odd_figures(draw) -> None:  # type: ignore[no-untyped-def]
    """One sample, a duration of zero, a curve that is one point: ugly, but never an error."""
    odd = Series(label="odd", count=1, curve=((1.0, 0),), launches=(((0.5, 7), (1.0, 7)),))
    assert draw([odd], prefix="odd", title="odd").startswith("<svg")


def test_lines_are_told_apart_without_colour(series: list[Series]) -> None:
    svg = percentiles(series, prefix="p", title="t")
    thick = re.findall(r'style="fill: none;([^"]*stroke-width: 2\.2[^"]*)"', svg)
    dashes = [re.search(r"stroke-dasharray: ([^;]+)", each) for each in thick]
    assert len({each[1] if each else "solid" for each in dashes}) == len(series)


def test_labels_keep_apart_and_in_order() -> None:
    wanted, gaps = [0.50, 0.51, 0.52, 0.9], [0.1, 0.2, 0.1, 0.1]
    places = spaced(wanted, gaps, low=0, high=1)
    edges = [(place - gap / 2, place + gap / 2) for place, gap in zip(places, gaps, strict=True)]
    assert all(above[0] >= below[1] - 1e-9 for below, above in pairwise(edges))
    assert places == sorted(places)
    assert places[3] == pytest.approx(0.9)


def test_labels_stay_within_their_room() -> None:
    assert spaced([0.99, 1.0], [0.1, 0.1], low=0, high=1) == pytest.approx([0.85, 0.95])


@pytest.mark.parametrize(
    ("duration_ns", "text"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (33_100, "33.1 µs"),
        (999_600, "1.00 ms"),
        (3_904_000, "3.90 ms"),
        (1.24e9, "1.24 s"),
    ],
)
def test_durations_have_three_digits_and_a_unit(duration_ns: float, text: str) -> None:
    assert duration(duration_ns) == text


def test_figures_in_words() -> None:
    assert spread((3_710_000, 4_400_000)) == "3.71 to 4.40 ms"
    assert spread((900_000, 1_200_000)) == "900 µs to 1.20 ms"
    assert tick(5_000_000) == "5 ms"
    assert moment("2026-11-23T19:04:05+01:00") == "2026-11-23 18:04 UTC"
    assert moment("yesterday") == "yesterday"
    assert measured(Measure(name="x", unit="MiB", high=3.14159)) == "below 3.142 MiB"
    assert measured(Measure(name="x", unit="MiB")) == "nothing measured"
    assert measured(Measure(name="x", unit="", value=float("inf"))) == "inf"


def test_only_web_addresses_become_links() -> None:
    assert link("cloudflare/workerd#49").address == "https://github.com/cloudflare/workerd/issues/49"
    assert link("https://github.com/cloudflare/workerd/pull/49").text == "cloudflare/workerd#49"
    for text in ("javascript:alert(1)", "data:text/html,x", "//example.com", "http://[", "see the manual"):
        assert link(text).address == ""


def test_files_outside_the_folder_are_not_linked() -> None:
    assert file_link("raw/a b.hlog").address == "./raw/a%20b.hlog"
    for path in ("/etc/passwd", "../up.hlog", "raw/../../up.hlog"):
        assert file_link(path).address == ""
        assert "/" not in file_link(path).text


def test_paths_into_a_checkout_are_relative_to_it() -> None:
    assert relative("at /home/me/isomark/.toolchain/x/workerd@0x4, /a/harness/b.py:3") == (
        "at .toolchain/x/workerd@0x4, harness/b.py:3"
    )
    for same in ("https://example.com/a/harness/b.py", "/usr/lib/libc.so", "/api/v1/conformance"):
        assert relative(same) == same


def test_invisible_characters_are_named() -> None:
    assert visible("a\x00b\x7fc\u202ed\ud800e\nf\tg") == "a\u2400b\u2421c\\u202ed\\ud800e\nf\tg"
