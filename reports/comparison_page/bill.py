"""The bill: CPU time against wall time for the same work, as the waiting in it grows."""

from __future__ import annotations

from collections.abc import Iterator

from harness.comparison_results import Series, Subject
from reports.comparison_page import subjects as who
from reports.comparison_page.layout import NONE, Cell, Group, Notes, Plot, Section, mark_note, number, words
from reports.comparison_page.material import Material
from reports.comparison_page.modes import in_words
from reports.comparison_page.tables import Line, figures_table
from reports.key_figures import NS_PER
from reports.plot_rows import Share, shares
from reports.quantities import significant

ANCHOR = "cost-bill"
SCENARIO = "bill"
CPU, WALL, BILLED = "cpu ms", "wall ms", "billed ms"


def section(material: Material) -> Section:
    notes = Notes()
    notes.extend(material.unread(SCENARIO))
    modes = material.modes(SCENARIO)
    silent = [
        subject.name
        for subject in material.report.subjects
        if (SCENARIO, subject.name) in material.loads
        and not any(material.find(SCENARIO, subject.name, mode, CPU) for mode in modes)
    ]
    if silent:
        notes.add(f"No accounts of CPU time from {who.listed(silent)}: only what the client waited is known.")
    lines = [line for place, mode in enumerate(modes) for line in _lines(material, place, mode, notes)]
    table = figures_table(
        "The bill for one request",
        lines,
        heads=("Subject", "Waiting in it"),
        figures=("CPU time", "Wall time", "Billed", "Client waited"),
        rest=(("Wall over CPU", True), ("Launches", True)),
    )
    return Section(
        anchor=ANCHOR,
        name="The bill",
        lead="The same computing with more and more waiting beside it. A platform that bills CPU time charges the "
        "solid part, one that bills wall time the whole bar.",
        groups=(Group(plots=(_plot(material, modes),), tables=(table,), notes=notes.all()),),
    )


def _plot(material: Material, modes: list[str]) -> Plot:
    title, styles = "CPU time within wall time", who.styles(material.report)
    groups = [
        (who.label(subject.name), styles[subject.name], bars)
        for subject in who.drawn(material.report)
        if (bars := list(_bars(material, subject, modes)))
    ]
    if not groups:
        return Plot(title=title, svg="", caption="Not shown: no subject gave accounts of CPU time and wall time.")
    spoken = "; ".join(f"{name}: {', '.join(f'{bar.label} {bar.words}' for bar in bars)}" for name, _, bars in groups)
    return Plot(
        title=title,
        svg=shares(groups, prefix=ANCHOR, title=f"{title}. {spoken}."),
        caption="Solid: CPU time, which is what work costs. Outline: wall time, waiting included.",
    )


def _bars(material: Material, subject: Subject, modes: list[str]) -> Iterator[Share]:
    for mode in modes:
        cpu, wall = (material.find(SCENARIO, subject.name, mode, name) for name in (CPU, WALL))
        cell = material.cell(SCENARIO, subject.name, mode)
        if cpu and wall and cell and cell.point:
            part, whole = _ns(cpu), _ns(wall)
            yield Share(
                label=f"waits {cell.point.value:,.0f} ms" if cell.point.value else "no waiting",
                part=part,
                whole=max(part, whole),
                words=f"{significant(part / 1e6)} of {significant(whole / 1e6)} ms",
            )


def _lines(material: Material, place: int, mode: str, notes: Notes) -> Iterator[Line]:
    for subject in material.report.subjects:
        if material.cell(SCENARIO, subject.name, mode) is None:
            continue
        found = tuple(material.find(SCENARIO, subject.name, mode, name) for name in (CPU, WALL, BILLED, "p50"))
        notes.extend(map(mark_note, found))
        launches = max((len(each.per_launch) for each in found if each), default=0)
        yield Line(
            heads=(words(subject.name), words(in_words(SCENARIO, mode), key=str(place))),
            figures=found,
            rest=(_times(found[1], found[0]), number(f"{launches:,}", launches)),
        )


def _times(wall: Series | None, cpu: Series | None) -> Cell:
    """How many times as much a platform charges that bills the waiting too."""
    if wall is None or cpu is None or not cpu.center or wall.center is None:
        return number(NONE)
    times = _ns(wall) / _ns(cpu)
    return number(f"{significant(times)} times", times)


def _ns(series: Series) -> float:
    return (series.center or 0.0) * NS_PER[series.unit]
