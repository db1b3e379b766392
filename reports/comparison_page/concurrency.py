"""Throughput and latency against the number of connections, for handlers that wait and for handlers that compute."""

from __future__ import annotations

from reports.comparison_page.cells import cells_table
from reports.comparison_page.growth import growth_plot
from reports.comparison_page.layout import Group, Notes, Section
from reports.comparison_page.material import Material

ANCHOR = "cost-concurrency"
SCENARIO = "concurrency"

_HANDLERS = (("wait", "Handlers that wait", "a handler that waits for a timer"),
             ("compute", "Handlers that compute", "a handler that computes all the time"))  # fmt: skip


def section(material: Material) -> Section:
    return Section(
        anchor=ANCHOR,
        name="Throughput and concurrency",
        lead="One process of each subject on one core: every connection sends its next request when it has the answer. "
        "What the load generator could not keep up with has no figure.",
        groups=tuple(_group(material, *handler) for handler in _HANDLERS),
    )


def _group(material: Material, handler: str, name: str, what: str) -> Group:
    notes = Notes()
    if handler == _HANDLERS[0][0]:
        notes.extend(material.unread(SCENARIO))
    modes = material.modes(SCENARIO, f"{handler}-")
    plots = tuple(
        growth_plot(
            material,
            SCENARIO,
            modes,
            quantity,
            title=f"{name}: {title}",
            caption=f"{caption}, {what}; bands are 95 % intervals.",
            x_label="connections, log scale",
            prefix=f"{ANCHOR}-{handler}-{quantity}",
            times=quantity == "p99",
        )
        for quantity, title, caption in (
            ("throughput", "answers a second", "Answers a second"),
            ("p99", "p99", "Time below which 99 % of the answers came"),
        )
    )
    table = cells_table(
        material,
        SCENARIO,
        modes,
        caption=name,
        what="Load",
        quantities=(("throughput", "Answers a second"), ("p50", "Median"), ("p99", "p99")),
        notes=notes,
    )
    return Group(plots=plots, tables=(table,), notes=notes.all())
