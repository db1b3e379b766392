"""Tables of figures: one unit and one precision to a column, so that it can be compared at a glance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.comparison_results import Series
from reports.comparison_page.layout import MARK, NONE, Cell, Table, number
from reports.key_figures import NS_PER
from reports.quantities import unit_for


@dataclass(frozen=True, kw_only=True)
class Scale:
    """`per`: how many of a series' own unit one of this is."""

    unit: str
    per: float
    decimals: int

    def text(self, value: float) -> str:
        return f"{value / self.per:,.{self.decimals}f}"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A row: what it is of, a series for each column of figures, and what else is to be said."""

    heads: tuple[Cell, ...]
    figures: tuple[Series | None, ...]
    rest: tuple[Cell, ...] = ()


def figures_table(
    caption: str,
    lines: Sequence[Line],
    *,
    heads: Sequence[str],
    figures: Sequence[str],
    rest: Sequence[tuple[str, bool]] = (),
) -> Table:
    """Each column of figures is followed by one with the 95 % intervals, both in the unit that stands in its head."""
    scales = [scale_for(line.figures[place] for line in lines) for place in range(len(figures))]
    columns: list[tuple[str, bool]] = [(head, False) for head in heads]
    for name, scale in zip(figures, scales, strict=True):
        columns += [(f"{name}, {scale.unit}" if scale.unit else name, True), ("95 % interval", True)]
    rows = []
    for line in lines:
        cells = list(line.heads)
        for series, scale in zip(line.figures, scales, strict=True):
            cells += _figure(series, scale)
        rows.append((*cells, *line.rest))
    return Table(caption=caption, columns=(*columns, *rest), rows=tuple(rows))


def scale_for(found: Iterable[Series | None]) -> Scale:
    """For times a unit in which the middle one is at least 1; for all, digits enough for the smallest."""
    series = [each for each in found if each is not None and each.center is not None]
    if not series:
        return Scale(unit="", per=1.0, decimals=0)
    unit = series[0].unit
    if unit in NS_PER:
        time = unit_for([int((each.center or 0) * NS_PER[each.unit]) for each in series])
        return Scale(unit=time.name, per=time.ns / NS_PER[unit], decimals=time.decimals)
    smallest = min(abs(each.center or 0) for each in series)
    decimals = next((digits for digits, least in enumerate((100, 10, 1)) if smallest >= least), 3)
    return Scale(unit=unit, per=1.0, decimals=decimals)


def _figure(series: Series | None, scale: Scale) -> tuple[Cell, Cell]:
    if series is None or series.center is None:
        return number(NONE), number("")
    text = scale.text(series.center) + (f" {MARK}" if series.mark else "")
    if series.low is None or series.high is None:
        return number(text, series.center), number("one launch")
    interval = f"{scale.text(series.low)} to {scale.text(series.high)}"
    return number(text, series.center), number(interval, series.low)
