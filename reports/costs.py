"""What the promises cost, as a page tells it: scenarios with plots and tables, and the figures derived from them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from harness.results import Cell, CostReport, Derived
from reports.plots import Series, distribution, percentiles
from reports.quantities import duration, spread, unit_for

DERIVED_ANCHOR = "cost-derived"

LINES_IN_A_PLOT = 5

SAMPLES_BEYOND = 10
"""A percentile with fewer samples than this beyond it is marked: a handful of samples decide it."""

_USUAL_PERCENTILES = ("p50", "p90", "p99", "p99.9", "max")


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A percentile in the table's unit; `exact_ns` as reported. `few`: hardly any samples lie beyond it."""

    text: str
    exact_ns: int | None
    few: bool = False


@dataclass(frozen=True, kw_only=True)
class CostLine:
    """One cell as a row of a table."""

    title: str
    mode: str
    what: str
    verified: str
    count: str
    figures: tuple[Figure, ...]
    medians: str
    errors: str
    discarded: str


@dataclass(frozen=True, kw_only=True)
class Plot:
    svg: str
    caption: str


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Cells that are comparable with each other. `columns` are percentile names; all figures are in `unit`."""

    anchor: str
    name: str
    unit: str
    columns: tuple[str, ...]
    lines: tuple[CostLine, ...]
    plots: tuple[Plot, ...]
    any_few: bool


@dataclass(frozen=True, kw_only=True)
class DerivedLine:
    title: str
    how: str
    median: str
    median_ns: float
    spread: str
    launches: int


def scenario_anchor(scenario: str) -> str:
    return "cost-" + re.sub(r"[^A-Za-z0-9]+", "-", scenario).strip("-").lower()


def percentile_ns(cell: Cell, name: str) -> int | None:
    """None when the cell does not give it, or has no sample it could be of."""
    return cell.percentiles_ns.get(name) if cell.count else None


def scenarios(cost: CostReport) -> tuple[Scenario, ...]:
    """In the order in which cost.json first names them."""
    order = {name: place for place, name in reversed(list(enumerate(cell.scenario for cell in cost.cells)))}
    cells = sorted(cost.cells, key=lambda cell: order[cell.scenario])
    return tuple(_scenario(name, tuple(group)) for name, group in groupby(cells, key=lambda cell: cell.scenario))


def derived(cost: CostReport) -> tuple[DerivedLine, ...]:
    return tuple(_derived_line(each) for each in cost.derived)


def _scenario(name: str, cells: tuple[Cell, ...]) -> Scenario:
    columns = _columns(cells)
    unit = unit_for([percentile_ns(cell, "p50") or 0 for cell in cells])
    lines = tuple(
        CostLine(
            title=cell.title,
            mode=_label(cell),
            what=cell.what,
            verified=cell.verified,
            count=f"{cell.count:,}",
            figures=tuple(
                Figure(text=unit.text(value), exact_ns=value, few=_few(column, cell.count))
                if (value := percentile_ns(cell, column)) is not None
                else Figure(text="none", exact_ns=None)
                for column in columns
            ),
            medians=spread(cell.per_launch_p50_ns) if cell.per_launch_p50_ns else "none",
            errors=_by_reason(cell.errors),
            discarded=_by_reason(cell.discarded),
        )
        for cell in cells
    )
    return Scenario(
        anchor=scenario_anchor(name),
        name=name.replace("-", " ").capitalize(),
        unit=unit.name,
        columns=columns,
        lines=lines,
        plots=_plots(name, cells),
        any_few=any(figure.few for line in lines for figure in line.figures),
    )


def _columns(cells: Sequence[Cell]) -> tuple[str, ...]:
    """The usual percentiles, and any other that a cell gives, in rising order; the maximum last."""
    names = set(_USUAL_PERCENTILES).union(*(cell.percentiles_ns for cell in cells))
    return tuple(sorted(names, key=lambda name: (_fraction(name), name)))


def _fraction(name: str) -> float:
    """0.99 for "p99"; 1 for "max"; a name that says no percentile stands last."""
    if name == "max":
        return 1.0
    found = re.fullmatch(r"p(\d+(?:\.\d+)?)", name)
    return float(found[1]) / 100 if found else 2.0


def _few(percentile: str, count: int) -> bool:
    fraction = _fraction(percentile)
    return fraction < 1 and count * (1 - fraction) < SAMPLES_BEYOND - 1e-6


def _by_reason(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in counts.items() if count) or "0"


def _plots(name: str, cells: tuple[Cell, ...]) -> tuple[Plot, ...]:
    drawn = [cell for cell in cells if cell.count and cell.curve_ns]
    if not drawn:
        return ()
    series = [_series(cell) for cell in drawn]
    readable, anchor = name.replace("-", " "), scenario_anchor(name)
    medians = ", ".join(
        f"{_label(each)} median {duration(median)}"
        for each in cells
        if (median := percentile_ns(each, "p50")) is not None
    )
    plots = [
        Plot(
            svg=percentiles(
                [_series(cell) for cell in group],
                prefix=f"{anchor}-percentiles-{place}",
                title=f"Percentiles of {readable}{which}: {medians}".rstrip(": "),
            ),
            caption=f"Percentiles{which}. From 90 % on, each line of the grid is ten times as rare.",
        )
        for place, (which, group) in enumerate(_legible(drawn))
    ]
    # Whether a start is cold is one event per sample, so its distribution is the answer; of requests, the tail is.
    if name.startswith("cold"):
        plots.insert(
            0,
            Plot(
                svg=distribution(
                    series,
                    prefix=f"{anchor}-cdf",
                    title=f"Cumulative distribution of {readable}: {medians}".rstrip(": "),
                ),
                caption="Cumulative distribution. Further left is faster; a steep line is a steady one.",
            ),
        )
    return tuple(plots)


def _legible(cells: Sequence[Cell]) -> list[tuple[str, list[Cell]]]:
    """The cells in plots of few enough lines: together, or apart by the number of calls that their modes end with."""
    if len(cells) <= LINES_IN_A_PLOT:
        return [("", list(cells))]
    by_number: dict[str, list[Cell]] = {}
    for cell in cells:
        by_number.setdefault(cell.mode.rpartition("-")[2], []).append(cell)
    return [(f", {number} to a request" if number.isdigit() else "", group) for number, group in by_number.items()]


def _series(cell: Cell) -> Series:
    launches = tuple(curve for curve in cell.per_launch_curves_ns if curve)
    return Series(label=_label(cell), count=cell.count, curve=cell.curve_ns, launches=launches)


def _label(cell: Cell) -> str:
    """A cell's name in plots and tables alike."""
    return cell.mode.replace("-", " ")


def _derived_line(each: Derived) -> DerivedLine:
    return DerivedLine(
        title=each.title,
        how=each.how,
        median=duration(each.median_ns),
        median_ns=each.median_ns,
        spread=spread(each.per_launch_ns) if each.per_launch_ns else "none",
        launches=len(each.per_launch_ns),
    )
