"""The plots of a comparison by themselves: whatever the figures, drawn without an error and told apart."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from matplotlib.figure import Figure

from reports.labels import rows_above
from reports.plot_frame import Style, log_limits, round_values, style_at, value_ticks
from reports.plot_lines import Line, Point, against
from reports.plot_rows import Bar, Row, Share, intervals, shares, stacked
from reports.svg import inline
from tests.test_reports_pages import Page

BLUE, ORANGE = Style(colour=0, dash=0), Style(colour=1, dash=1)


def a_line(label: str = "one", style: Style = BLUE, *ys: float, missing: tuple[float, ...] = ()) -> Line:
    points = tuple(Point(x=10.0**place, y=y, low=y * 0.9, high=y * 1.1) for place, y in enumerate(ys or (3.0, 5.0)))
    return Line(label=label, style=style, points=points, missing=missing)


def drawn(*lines: Line, times: bool = False) -> str:
    return against(lines, x_label="connections", times=times, prefix="p", title="t")


def test_a_cross_for_each_figure_that_is_missing() -> None:
    """And no point in its place: the markers are drawn from two definitions, a dot and a cross."""
    svg = drawn(a_line("one", BLUE, 3, 5, missing=(100, 1_000)), a_line("two", ORANGE, 3, 5, 7, 9))
    uses = re.findall(r'<use href="#(p-[\w-]+)"', svg)
    counts = {each: uses.count(each) for each in uses}
    assert sorted(counts.values())[-3:] == [2, 2, 4]
    assert ">1,000</text>" in svg


@pytest.mark.parametrize("ys", [(0.0, 0.0), (1e-9, 1e9), (5.0,), (1e12, 2e12)])
def test_lines_bear_odd_figures(ys: tuple[float, ...]) -> None:
    """A figure of nothing has no place on a log axis, and still is no error."""
    assert drawn(a_line("odd", BLUE, *ys)).startswith("<svg")
    assert drawn(a_line("odd", BLUE, *ys), times=True).startswith("<svg")


def test_places_on_the_axis_that_are_near_are_not_all_written() -> None:
    points = tuple(Point(x=x, y=1.0) for x in (100, 101, 102, 1_000))
    svg = drawn(Line(label="one", style=BLUE, points=points))
    written = [each for each in ("100", "101", "102", "1,000") if f">{each}</text>" in svg]
    assert written == ["102", "1,000"]


def test_parts_are_named_inside_where_there_is_room_and_under_the_bar_where_not() -> None:
    bar = Bar(label="container", style=ORANGE, parts=(("create", 15e6), ("start", 200e6)), words="215 ms")
    svg = stacked([bar], prefix="p", title="t")
    assert ">container: 215 ms</text>" in svg
    inside, outside = (
        re.search(rf'<text style="([^"]*)"[^>]*>{each}', svg) for each in ("start 200 ms", "create 15.0 ms")
    )
    assert inside
    assert "var(--paper)" in inside[1]
    assert outside
    assert "var(--quiet)" in outside[1]


def test_bars_bear_odd_figures() -> None:
    nothing = Bar(label="nothing", style=BLUE, parts=(("a", 0.0), ("b", 0.0)), words="0 ns")
    assert stacked([nothing], prefix="p", title="t").startswith("<svg")
    share = Share(label="no waiting", part=0.0, whole=0.0, words="0 of 0 ms")
    assert shares([("one", BLUE, [share])], prefix="p", title="t").startswith("<svg")
    row = Row(label="one", style=BLUE, value=0.0, low=None, high=None, words="0 ns")
    assert intervals([row], times=True, x_label="x", prefix="p", title="t").startswith("<svg")


def test_drawings_are_the_same_every_time() -> None:
    assert drawn(a_line()) == drawn(a_line())


def test_a_name_is_no_formula() -> None:
    """matplotlib would take what stands between two dollar signs for mathematics, and fail on some of it."""
    assert r">$\frac$ &amp; co</text>" in drawn(a_line(r"$\frac$ & co"))


def test_letters_that_the_drawing_font_lacks_are_no_warning() -> None:
    assert ">ランタイム</text>" in drawn(a_line("ランタイム"))


def test_names_above_do_not_cross_the_lines_of_others() -> None:
    """The leftmost stands highest: its hair line runs past the left of the names under it."""
    assert rows_above(["one", "two", "three"], [0.1, 0.12, 0.14], 334) == [2, 1, 0]
    assert rows_above(["one", "two"], [0.1, 0.8], 334) == [0, 0]
    # At the right edge a name runs to the left, and whatever ends under it must stand below.
    assert rows_above(["a long name of a subject", "another"], [0.99, 0.9], 334)[1] != 0


def test_limits_have_air_and_are_a_factor_of_two_apart() -> None:
    low, high = log_limits([100.0, 101.0])
    assert low < 100
    assert high > 101
    assert high / low > 2
    assert log_limits([0.0], least=1e-6)[0] > 0


def test_ticks_are_round_and_few() -> None:
    assert round_values(3, 400, most=6) == [5, 10, 20, 50, 100, 200]
    assert [text for _, text in value_ticks(0.5, 30_000, most=5)] == ["1", "10", "100", "1,000", "10k"]


def test_no_two_lines_look_alike() -> None:
    looks = [(each.ink, each.line) for each in map(style_at, range(36))]
    assert all(one != other for one, other in pairwise(looks))
    assert len({str(each) for each in looks}) == 36


@pytest.mark.parametrize("name", ['closed-1"><meta http-equiv=refresh>', r"closed-1\g<0>\1", "closed-1 &amp;"])
def test_a_prefix_from_a_file_is_no_markup(name: str) -> None:
    """Modes are named by the load.json they are read from."""
    found = inline(Figure(), prefix=f"warm-{name}", title="nothing")
    ids = re.findall(r'(?:id|aria-labelledby)="([^"]*)"', found)
    assert len(ids) > 2
    assert all(re.fullmatch(r"warm-closed-1[A-Za-z0-9_-]*", each) for each in ids)
    assert {tag for tag, _ in Page(found).elements} <= {"svg", "title", "g", "path", "defs", "clippath", "rect"}
