"""Cold starts: how long until the first answer, of a fresh isolate, of a fresh container, of a fresh process."""

from __future__ import annotations

from collections.abc import Iterator

from harness.comparison_results import Series, Subject
from reports.comparison_page import subjects as who
from reports.comparison_page.cells import cells_table, said
from reports.comparison_page.curves import series_of
from reports.comparison_page.layout import Group, Notes, Plot, Section, words
from reports.comparison_page.material import Material
from reports.comparison_page.tables import Line, figures_table
from reports.key_figures import NS_PER, value_in
from reports.plot_rows import Bar, stacked
from reports.plots import distribution

ANCHOR = "cost-cold-start"
SCENARIO, ISOLATE, WHOLE = "cold-start", "isolate", "runtime"
PHASES = ("create", "start", "boot", "listen", "first byte")

_MODES = (ISOLATE, "code-cache", WHOLE)


def section(material: Material) -> Section:
    notes = Notes()
    notes.extend(material.unread(SCENARIO))
    plots = (_distribution(material, notes), _phases(material))
    modes = [*_MODES, *(mode for mode in material.modes(SCENARIO) if mode not in _MODES)]
    starts = cells_table(
        material,
        SCENARIO,
        modes,
        caption="Cold starts",
        what="What starts",
        quantities=(("p50", "Median"), ("p99", "p99")),
        notes=notes,
    )
    lines = list(_phase_lines(material))
    heads = [name.capitalize() for name in PHASES]
    phases = (figures_table("Phases of a start", lines, heads=("Subject",), figures=heads),) if lines else ()
    return Section(
        anchor=ANCHOR,
        name="Cold start",
        lead="From nothing to the whole first answer. Every sample proves that it was cold: a value made in module "
        "scope has never been seen before.",
        groups=(Group(plots=plots, tables=(starts, *phases), notes=notes.all()),),
    )


def own_mode(material: Material, subject: Subject) -> str:
    """What a cold start is for that subject: a fresh isolate where it makes them, else the whole of it."""
    makes_isolates = material.find(SCENARIO, subject.name, ISOLATE, "p50") or material.cell(
        SCENARIO, subject.name, ISOLATE
    )
    return ISOLATE if makes_isolates else WHOLE


def _distribution(material: Material, notes: Notes) -> Plot:
    title, styles = "How soon the first answer is there", who.styles(material.report)
    found, medians = [], []
    for subject in material.report.subjects:
        mode = own_mode(material, subject)
        label = who.label(subject.name) + (", isolate" if mode == ISOLATE else "")
        style = styles[subject.name]
        line = series_of(material, SCENARIO, subject, mode, style=style, label=label, notes=notes)
        if line is not None:
            found.append(line)
            medians.append((label, material.find(SCENARIO, subject.name, mode, "p50")))
    if not found:
        return Plot(title=title, svg="", caption="Not shown: there are no cold starts to draw.")
    return Plot(
        title=title,
        svg=distribution(
            found, prefix=f"{ANCHOR}-cdf", title=f"Cumulative distribution of cold starts: {said(medians)}"
        ),
        caption="Share of the starts that were done by then. Further left is faster, a steep line is a steady one; "
        "thin lines are single launches.",
    )


def _phases(material: Material) -> Plot:
    title = "Where the time goes"
    bars = [bar for subject in who.drawn(material.report) for bar in _bars(material, subject)]
    if not bars:
        return Plot(title=title, svg="", caption="Not shown: there are no cold starts to draw.")
    spoken = ", ".join(f"{bar.label} {bar.words}" for bar in bars)
    return Plot(
        title=title,
        svg=stacked(bars, prefix=f"{ANCHOR}-phases", title=f"Cold starts by phases: {spoken}."),
        caption="On a straight scale; by phases where the subject tells them: make the container, start it, boot to a "
        "running program, listen, and answer for the first time.",
    )


def _bars(material: Material, subject: Subject) -> Iterator[Bar]:
    style = who.styles(material.report)[subject.name]
    isolate, whole = (material.find(SCENARIO, subject.name, mode, "p50") for mode in (ISOLATE, WHOLE))
    if isolate is not None:
        label = f"{who.label(subject.name)}, a fresh isolate"
        yield Bar(label=label, style=style, parts=(("", _ns(isolate)),), words=_words(isolate))
    if whole is not None:
        phases = [(name, series) for name in PHASES if (series := _phase(material, subject, name)) is not None]
        parts = tuple((name, _ns(series)) for name, series in phases) or (("", _ns(whole)),)
        label = who.label(subject.name) + (", the whole of it" if isolate is not None else "")
        yield Bar(label=label, style=style, parts=parts, words=_words(whole))


def _phase_lines(material: Material) -> Iterator[Line]:
    for subject in material.report.subjects:
        found = tuple(_phase(material, subject, name) for name in PHASES)
        if any(found):
            yield Line(heads=(words(subject.name),), figures=found)


def _phase(material: Material, subject: Subject, name: str) -> Series | None:
    return material.find(SCENARIO, subject.name, WHOLE, f"phase {name} ms")


def _ns(series: Series) -> float:
    return (series.center or 0.0) * NS_PER[series.unit]


def _words(series: Series) -> str:
    return value_in(series.center or 0.0, series.unit)
