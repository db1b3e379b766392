"""Calls between Workers: the time of a chain against its hops, and what one more hop costs."""

from __future__ import annotations

from harness.comparison_results import Series, Subject
from reports.comparison_page import subjects as who
from reports.comparison_page.cells import cells_table
from reports.comparison_page.growth import growth_line, lines_plot
from reports.comparison_page.layout import Group, Notes, Plot, Section, mark_note, number, words
from reports.comparison_page.material import Material
from reports.comparison_page.modes import WAYS
from reports.comparison_page.tables import Line, figures_table
from reports.key_figures import NS_PER, value_in
from reports.plot_rows import Row, intervals

ANCHOR = "cost-chain"
SCENARIO = "chain"
CHEAPEST_FIRST = ("rpc", "fetch", "http")


def section(material: Material) -> Section:
    notes = Notes()
    notes.extend(material.unread(SCENARIO))
    hops = _hop_series(material)
    for _, _, series in hops:
        notes.add(mark_note(series))
    lines = [
        Line(
            heads=(words(subject.name), words(WAYS[way])),
            figures=(series,),
            rest=(number(f"{len(series.per_launch):,}", len(series.per_launch)),),
        )
        for subject, way, series in hops
    ]
    costs = figures_table(
        "What one more hop costs",
        lines,
        heads=("Subject", "Way"),
        figures=("One hop",),
        rest=(("Launches", True),),
    )
    modes = [mode for way in WAYS for mode in material.modes(SCENARIO, f"{way}-")]
    times = cells_table(
        material,
        SCENARIO,
        modes,
        caption="Time of a chain",
        what="Chain",
        quantities=(("p50", "Median"), ("p99", "p99")),
        notes=notes,
    )
    return Section(
        anchor=ANCHOR,
        name="Call to another Worker",
        lead="A request is handed on from Worker to Worker, each waiting for the next: through a service binding where "
        "there are any, and by HTTP over loopback everywhere.",
        groups=(Group(plots=(_cost(hops, material), _chains(material)), tables=(costs, times), notes=notes.all()),),
    )


def _hop_series(material: Material) -> list[tuple[Subject, str, Series]]:
    """The cost of a hop of each subject, by each way it has."""
    return [
        (subject, way, series)
        for subject in material.report.subjects
        for way in CHEAPEST_FIRST
        if (series := material.derived(SCENARIO, subject.name, f"{way}-hop")) is not None
    ]


def _cost(hops: list[tuple[Subject, str, Series]], material: Material) -> Plot:
    title, styles = "What one more hop costs", who.styles(material.report)
    names = {subject.name for subject in who.drawn(material.report)}
    rows = [
        _row(f"{who.label(subject.name)}, {WAYS[way]}", subject, series, material)
        for subject, way, series in hops
        if subject.name in names
    ]
    if not rows or not styles:
        return Plot(title=title, svg="", caption="Not shown: there are no figures to draw.")
    spoken = ", ".join(f"{row.label} {row.words}" for row in rows)
    return Plot(
        title=title,
        svg=intervals(
            rows,
            times=True,
            x_label="time of one more hop, log scale",
            prefix=f"{ANCHOR}-hop",
            title=f"{title}: {spoken}.",
        ),
        caption="From the longest chain and the shortest, launch by launch; bars are 95 % intervals.",
    )


def _row(label: str, subject: Subject, series: Series, material: Material) -> Row:
    factor, center = NS_PER[series.unit], series.center or 0.0
    low, high = (None if each is None else each * factor for each in (series.low, series.high))
    return Row(
        label=label,
        style=who.styles(material.report)[subject.name],
        value=center * factor,
        low=low,
        high=high,
        words=value_in(center, series.unit),
    )


def _chains(material: Material) -> Plot:
    """Each subject's cheapest way: RPC where it has it."""
    lines, spoken = [], []
    for subject in who.drawn(material.report):
        for way in CHEAPEST_FIRST:
            modes = material.modes(SCENARIO, f"{way}-")
            line = growth_line(
                material,
                SCENARIO,
                subject,
                modes,
                "p50",
                of="HTTP" if way == "http" else way.upper() if way == "rpc" else way,
            )
            if line is not None:
                lines.append(line)
                spoken.append((line.label, material.find(SCENARIO, subject.name, modes[-1], "p50")))
                break
    return lines_plot(
        lines,
        title="The time of a chain",
        caption="Median time of a request against the hops it makes, by each subject's cheapest way.",
        x_label="hops, log scale",
        prefix=f"{ANCHOR}-time",
        times=True,
        spoken=spoken,
    )
