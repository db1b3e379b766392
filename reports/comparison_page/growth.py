"""A figure against what grows, as lines of a plot: a line per subject, and a cross where there is no figure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.comparison_results import Series, Subject
from reports.comparison_page import subjects as who
from reports.comparison_page.cells import said
from reports.comparison_page.layout import Plot
from reports.comparison_page.material import Material
from reports.key_figures import NS_PER
from reports.plot_lines import Line, Point, against


def growth_line(
    material: Material, scenario: str, subject: Subject, modes: Sequence[str], quantity: str, *, of: str = ""
) -> Line | None:
    """None where the subject has no figure at all. Modes that were not planned for it are no gaps."""
    points, missing = [], []
    for mode in modes:
        cell = material.cell(scenario, subject.name, mode)
        if cell is None or cell.point is None:
            continue
        series = material.find(scenario, subject.name, mode, quantity)
        if series is None:
            missing.append(cell.point.value)
        else:
            points.append(_point(cell.point.value, series))
    if not points:
        return None
    return Line(
        label=who.label(subject.name) + (f", {of}" if of else ""),
        style=who.styles(material.report)[subject.name],
        points=tuple(points),
        missing=tuple(missing),
    )


def growth_plot(
    material: Material,
    scenario: str,
    modes: Sequence[str],
    quantity: str,
    *,
    title: str,
    caption: str,
    x_label: str,
    prefix: str,
    times: bool,
) -> Plot:
    """One line per subject that is drawn."""
    lines = [
        line
        for subject in who.drawn(material.report)
        if (line := growth_line(material, scenario, subject, modes, quantity)) is not None
    ]
    last = [
        (subject.name, _last(material, scenario, subject, modes, quantity)) for subject in who.drawn(material.report)
    ]
    return lines_plot(lines, title=title, caption=caption, x_label=x_label, prefix=prefix, times=times, spoken=last)


def lines_plot(
    lines: Sequence[Line],
    *,
    title: str,
    caption: str,
    x_label: str,
    prefix: str,
    times: bool,
    spoken: Iterable[tuple[str, Series | None]],
) -> Plot:
    """A plot of those lines, or the word that there is nothing to draw. `spoken`: figures for its title."""
    if not lines:
        return Plot(title=title, svg="", caption="Not shown: there are no figures to draw.")
    crosses = " A cross at the foot: no figure there, and the table says why." if any(x.missing for x in lines) else ""
    return Plot(
        title=title,
        svg=against(
            lines, x_label=x_label, times=times, prefix=prefix, title=f"{title}, at the furthest point: {said(spoken)}"
        ),
        caption=f"{caption}{crosses}",
    )


def _point(x: float, series: Series) -> Point:
    factor = NS_PER.get(series.unit, 1.0)
    low, high = (None if each is None else each * factor for each in (series.low, series.high))
    return Point(x=x, y=(series.center or 0.0) * factor, low=low, high=high)


def _last(material: Material, scenario: str, subject: Subject, modes: Sequence[str], quantity: str) -> Series | None:
    found = (material.find(scenario, subject.name, mode, quantity) for mode in reversed(modes))
    return next((each for each in found if each), None)
