"""How many fit: memory of each, and time to its first answer, as isolates, containers or processes grow in number."""

from __future__ import annotations

from reports.comparison_page.cells import cells_table
from reports.comparison_page.growth import growth_plot
from reports.comparison_page.layout import Group, Notes, Section
from reports.comparison_page.material import Material

ANCHOR = "cost-density"
SCENARIO = "density"
MEMORY, MEMORY_OF_ALL = "PSS MB per instance", "PSS MB"


def section(material: Material) -> Section:
    notes = Notes()
    notes.extend(material.unread(SCENARIO))
    modes = material.modes(SCENARIO)
    label = "isolates, containers or processes, log scale"
    plots = (
        growth_plot(
            material, SCENARIO, modes, MEMORY, times=False, x_label=label, prefix=f"{ANCHOR}-memory",
            title="Memory of each, MB",
            caption="Proportional set size: shared pages are shared out among those that use them. MB are 10^6 bytes.",
        ),
        growth_plot(
            material, SCENARIO, modes, "p50", times=True, x_label=label, prefix=f"{ANCHOR}-time",
            title="Time to the first answer of one more",
            caption="Median of those that came in with this step. A flat line is what many of them need.",
        ),
    )  # fmt: skip
    table = cells_table(
        material,
        SCENARIO,
        modes,
        caption="Density",
        what="How many",
        quantities=((MEMORY, "Memory of each"), (MEMORY_OF_ALL, "Memory of all"), ("p50", "First answer")),
        notes=notes,
    )
    return Section(
        anchor=ANCHOR,
        name="Density",
        lead="One after the other is made, asked once and kept: isolates of one process where the subject makes them, "
        "whole containers or processes elsewhere.",
        groups=(Group(plots=plots, tables=(table,), notes=notes.all()),),
    )
