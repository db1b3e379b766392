"""Warm requests: how slow the slowest few were, one at a time and at fixed rates."""

from __future__ import annotations

from reports.comparison_page import subjects as who
from reports.comparison_page.cells import cells_table, said
from reports.comparison_page.curves import series_of
from reports.comparison_page.layout import Group, Notes, Plot, Section
from reports.comparison_page.material import Material
from reports.comparison_page.modes import in_words
from reports.plots import percentiles

ANCHOR = "cost-warm"
SCENARIO = "warm"
ONE_AT_A_TIME = "closed-1"


def section(material: Material) -> Section:
    notes = Notes()
    notes.extend(material.unread(SCENARIO))
    load_modes = _in_order(material)
    plots = tuple(_plot(material, mode, notes) for mode in load_modes)
    if not plots:
        plots = (Plot(title="Warm requests", svg="", caption="Not shown: no warm requests were measured."),)
    table = cells_table(
        material,
        SCENARIO,
        load_modes,
        caption="Warm requests, response time",
        what="Load",
        quantities=(("p50", "Median"), ("p99", "p99")),
        notes=notes,
    )
    return Section(
        anchor=ANCHOR,
        name="Warm request",
        lead="A greeting from code that runs already. At a fixed rate the time runs from when a request was due, "
        "whatever became of those before it.",
        groups=(Group(plots=plots, tables=(table,), notes=notes.all()),),
    )


def _in_order(material: Material) -> list[str]:
    """The modes as the first load.json that has them gives them."""
    cells = (cell for (scenario, _), load in material.loads.items() if scenario == SCENARIO for cell in load.cells)
    return list(dict.fromkeys(cell.mode for cell in cells))


def _plot(material: Material, mode: str, notes: Notes) -> Plot:
    title, styles = in_words(SCENARIO, mode).capitalize(), who.styles(material.report)
    found, medians = [], []
    for subject in who.drawn(material.report):
        label, style = who.label(subject.name), styles[subject.name]
        line = series_of(material, SCENARIO, subject, mode, style=style, label=label, notes=notes)
        if line is not None:
            found.append(line)
            medians.append((label, material.find(SCENARIO, subject.name, mode, "p50")))
    if not found:
        return Plot(title=title, svg="", caption="Not shown: there is no line to draw; why is said below.")
    return Plot(
        title=title,
        svg=percentiles(
            found,
            prefix=f"{ANCHOR}-{mode}",
            title=f"Percentiles of warm requests, {in_words(SCENARIO, mode)}: medians {said(medians)}",
        ),
        caption="Response time; from 90 % on, each line of the grid is ten times as rare.",
    )
