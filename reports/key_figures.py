"""The few figures by which a runtime is known: what a summary begins with and a trend follows from night to night."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from harness.comparison_results import ComparisonReport, Series, Side
from reports.quantities import duration, significant

NS_PER = {"ns": 1.0, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9}
"""Nanoseconds of the units of time that a series may be in."""

_NUMBER_AT_END = re.compile(r"(\d+(?:\.\d+)?)$")


class Pick(StrEnum):
    """Which of several modes stands for a figure."""

    FIRST = "first"  # of the names in the order given
    FURTHEST = "furthest"  # with the largest number in its name: the most isolates, the most connections
    HIGHEST = "highest"  # with the highest value


@dataclass(frozen=True, kw_only=True)
class KeyFigure:
    """`modes`: regular expressions a mode must match whole; these and `quantities` are in order of preference.

    `note`: what the figure is of.
    """

    name: str
    title: str
    note: str
    scenario: str
    modes: tuple[str, ...]
    quantities: tuple[str, ...]
    pick: Pick = Pick.FIRST

    def of(self, series: Iterable[Series], subject: str) -> Series | None:
        """The series that stands for this figure of that subject; None where nothing was measured."""
        found = [each for each in series if each.subject == subject and each.center is not None and self.covers(each)]
        if self.pick is Pick.FURTHEST:
            return max(found, key=lambda each: (_number(each.mode), each.mode), default=None)
        if self.pick is Pick.HIGHEST:
            return max(found, key=lambda each: (each.center or 0.0, each.mode), default=None)
        return min(found, key=lambda each: (*self._places(each), _number(each.mode), each.mode), default=None)

    def covers(self, each: Series | Side) -> bool:
        """Whether a series is a candidate for this figure."""
        places = self._places(each)
        return each.scenario == self.scenario and places[0] < len(self.quantities) and places[1] < len(self.modes)

    def _places(self, each: Series | Side) -> tuple[int, int]:
        """Where quantity and mode stand in the orders of preference; past the end when they are none of them."""
        modes = (place for place, pattern in enumerate(self.modes) if re.fullmatch(pattern, each.mode))
        quantities = (place for place, name in enumerate(self.quantities) if name == each.quantity)
        return next(quantities, len(self.quantities)), next(modes, len(self.modes))


KEY_FIGURES = (
    KeyFigure(
        name="cold-isolate",
        title="Cold start of an isolate",
        note="a new isolate in a running process to its whole first answer, median",
        scenario="cold-start",
        modes=("isolate",),
        quantities=("p50",),
    ),
    KeyFigure(
        name="cold-runtime",
        title="Cold start of the whole",
        note="the process or container itself to its whole first answer, median",
        scenario="cold-start",
        modes=("runtime",),
        quantities=("p50",),
    ),
    KeyFigure(
        name="warm-p50",
        title="Warm request, median",
        note="from the moment it was due, at a fixed rate",
        scenario="warm",
        modes=("open-500", "open-.*", "closed-.*"),
        quantities=("p50",),
    ),
    KeyFigure(
        name="warm-p99",
        title="Warm request, p99",
        note="from the moment it was due, at a fixed rate",
        scenario="warm",
        modes=("open-500", "open-.*", "closed-.*"),
        quantities=("p99",),
    ),
    KeyFigure(
        name="throughput",
        title="Throughput while computing",
        note="at the number of connections where it was highest",
        scenario="concurrency",
        modes=("compute-.*",),
        quantities=("throughput",),
        pick=Pick.HIGHEST,
    ),
    KeyFigure(
        name="call",
        title="Call to another Worker",
        note="one more hop: by RPC over a service binding, or by HTTP where there are no bindings",
        scenario="chain",
        modes=(".*",),
        quantities=("rpc-hop", "fetch-hop", "http-hop"),
    ),
    KeyFigure(
        name="memory",
        title="Memory per instance",
        note="PSS of an isolate, process or container, where most were kept",
        scenario="density",
        modes=("isolates-.*", "instances-.*"),
        quantities=("PSS MB per instance",),
        pick=Pick.FURTHEST,
    ),
    KeyFigure(
        name="bill",
        title="CPU time of a waiting request",
        note="a fixed amount of computing and 200 ms of waiting",
        scenario="bill",
        modes=("wait-200",),
        quantities=("cpu ms",),
    ),
)


def key_figures(report: ComparisonReport, subject: str) -> dict[str, Series]:
    """The key figures of a subject that were measured, by name, in order."""
    found = {figure.name: figure.of(report.series, subject) for figure in KEY_FIGURES}
    return {name: series for name, series in found.items() if series is not None}


def value_in(value: float, unit: str) -> str:
    """A value with its unit and three significant digits; times in the unit that suits them."""
    if unit in NS_PER:
        return duration(value * NS_PER[unit])
    return f"{significant(value)} {unit}".rstrip()


def range_in(low: float, high: float, unit: str) -> str:
    """An interval, the unit written once where both ends share it: "3.71 to 4.40 ms"."""
    first, last = value_in(low, unit), value_in(high, unit)
    number, _, own = first.partition(" ")
    return f"{number} to {last}" if own == last.partition(" ")[2] else f"{first} to {last}"


def interval_of(series: Series) -> str:
    """The 95 % interval in words; empty below two launches."""
    if series.low is None or series.high is None:
        return ""
    return range_in(series.low, series.high, series.unit)


def _number(mode: str) -> float:
    found = _NUMBER_AT_END.search(mode)
    return float(found[1]) if found else 0.0
