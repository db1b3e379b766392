"""The cells of a scenario as lines of a table: every subject in every mode, also where there is no figure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from harness.comparison_results import Series
from harness.load_results import LoadCell
from reports.comparison.figures import FEW_FOR_P99, P99
from reports.comparison_page.curves import no_figures
from reports.comparison_page.layout import Cell, Notes, Table, mark_note, number, words
from reports.comparison_page.material import Material
from reports.comparison_page.modes import in_words
from reports.comparison_page.tables import Line, figures_table
from reports.key_figures import value_in

_SLOWEST = (
    f"Where a launch has fewer than {FEW_FOR_P99} answers, which is samples over launches, its p99 is the slowest of "
    "them, or nearly."
)

_REST = (("Launches", True), ("Samples", True), ("Not counted", False))


def cells_table(
    material: Material,
    scenario: str,
    modes: Sequence[str],
    *,
    caption: str,
    what: str,
    quantities: Sequence[tuple[str, str]],
    notes: Notes,
) -> Table:
    """`quantities`: the name of a series, and the head of its column. `what`: the head of the modes' column."""
    lines = list(_lines(material, scenario, modes, [name for name, _ in quantities], notes))
    return figures_table(
        caption, lines, heads=("Subject", what), figures=tuple(head for _, head in quantities), rest=_REST
    )


def said(figures: Iterable[tuple[str, Series | None]]) -> str:
    """Figures in a sentence, for those who do not see a plot."""
    parts = [f"{name} {value_in(each.center, each.unit)}" for name, each in figures if each and each.center is not None]
    return f"{', '.join(parts)}." if parts else ""


def _lines(
    material: Material, scenario: str, modes: Sequence[str], quantities: Sequence[str], notes: Notes
) -> Iterator[Line]:
    for place, mode in enumerate(modes):
        for subject in material.report.subjects:
            cell = material.cell(scenario, subject.name, mode)
            if cell is None:
                continue
            found = tuple(material.find(scenario, subject.name, mode, name) for name in quantities)
            notes.extend(map(mark_note, found))
            notes.add(_slowest_note(cell, found))
            launches = max((len(each.per_launch) for each in found if each), default=0)
            yield Line(
                heads=(words(subject.name), words(in_words(scenario, mode), key=str(place))),
                figures=found,
                rest=(number(f"{launches:,}", launches), number(f"{cell.count:,}", cell.count), _not_counted(cell)),
            )


def _slowest_note(cell: LoadCell, found: Iterable[Series | None]) -> str:
    few = (each and each.quantity == P99 and cell.count < FEW_FOR_P99 * len(each.per_launch) for each in found)
    return _SLOWEST if any(few) else ""


def _not_counted(cell: LoadCell) -> Cell:
    """What is in no figure of a cell, and why."""
    why_not = no_figures(cell)
    counts = {**cell.errors, **cell.discarded, "unanswered": cell.censored}
    parts = [f"{count:,} {reason}" for reason, count in counts.items() if count]
    return words("; ".join([why_not, *parts] if why_not else parts) or "nothing")
