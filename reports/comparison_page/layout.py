"""What sections of the page are made of: plots, and the tables behind them. The templates know nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.comparison_results import Series
from reports.comparison_page.modes import in_words
from reports.key_figures import range_in

NONE = "none"
MARK = "\N{DAGGER}"
PERCENT_95 = "95\N{NO-BREAK SPACE}%"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """`key`: what the column sorts by, where that is not the text."""

    text: str
    key: str = ""
    number: bool = False
    slug: str = ""
    address: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """`columns`: heading, and whether it is of numbers. The first cell of a row heads it."""

    caption: str
    columns: tuple[tuple[str, bool], ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Plot:
    """`svg` is empty where nothing could be drawn: `caption` then says why."""

    title: str
    svg: str
    caption: str


@dataclass(frozen=True, kw_only=True)
class Group:
    """Plots side by side, what must be known of them, and the tables behind them."""

    plots: tuple[Plot, ...]
    tables: tuple[Table, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Section:
    anchor: str
    name: str
    lead: str
    groups: tuple[Group, ...]


@dataclass(kw_only=True)
class Notes:
    """Sentences in the order they came up, each once."""

    found: dict[str, None] = field(default_factory=dict)

    def add(self, words: str) -> None:
        if words:
            self.found[words] = None

    def extend(self, words: Iterable[str]) -> None:
        for each in words:
            self.add(each)

    def all(self) -> tuple[str, ...]:
        return tuple(self.found)


def words(text: str, *, key: str = "", slug: str = "", address: str = "") -> Cell:
    return Cell(text=text, key=key, slug=slug, address=address)


def number(text: str, key: float | None = None) -> Cell:
    return Cell(text=text, key="" if key is None else f"{key:.9g}", number=True)


def interval_words(series: Series) -> str:
    """ "95 %: 3.85 to 3.95 ms", or why there is none."""
    if series.low is None or series.high is None:
        return "one launch, so no interval"
    return f"{PERCENT_95}: {range_in(series.low, series.high, series.unit)}"


def mark_note(series: Series | None) -> str:
    """Why the figure must be read with care, as a sentence; empty where it need not."""
    if series is None or not series.mark:
        return ""
    what = in_words(series.scenario, series.mode) if series.mode else series.quantity
    return f"{MARK} {series.subject}, {what}: {series.mark}."
