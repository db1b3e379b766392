"""Every figure of every subject, one value per launch, with its interval."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from harness.comparison_results import Series
from harness.load_results import LoadCell, LoadFigures, LoadReport
from harness.statistics import Quantity, interval_of
from reports.comparison.marks import Broken, broken, wrong_answers, wrong_answers_behind
from reports.comparison.raw import Raw
from reports.comparison.rounding import rounded

Key = tuple[str, str, str, str]
"""Scenario, mode, subject, quantity. The mode of a derived figure is empty: it is of several."""

P50, P99, THROUGHPUT = "p50", "p99", "throughput"

FEW_FOR_P99 = 100
"""Answers of one launch: of fewer, the 99th percentile is the slowest or nearly so."""

Answers = Mapping[tuple[str, str, str], float]
"""Right answers of a launch, the mean, by scenario, mode and subject."""

FIGURES: Mapping[str, tuple[str, ...]] = {"concurrency": (P50, P99, THROUGHPUT)}
"""By scenario. Elsewhere throughput is the rate that was asked for, or latency upside down."""

OTHERWISE = (P50, P99)

_PER_LAUNCH: Mapping[str, tuple[Callable[[LoadFigures], Sequence[float]], str]] = {
    P50: (lambda each: each.per_launch_p50_ns, "ns"),
    P99: (lambda each: each.per_launch_p99_ns, "ns"),
    THROUGHPUT: (lambda each: each.per_launch_throughput_rps, "req/s"),
}

_AMOUNTS_IN_TIME = frozenset({"cpu ms", "billed ms"})
"""What is paid for: less of it is less, not faster."""


def quantity_of(name: str, unit: str) -> Quantity:
    """Which words suit a figure."""
    if unit.endswith("/s"):
        return Quantity.RATE
    return Quantity.AMOUNT if unit == "MB" or name in _AMOUNTS_IN_TIME else Quantity.TIME


def observed_unit(name: str) -> str:
    """The unit an observed value carries in its name, as in `PSS MB per instance`; empty for a bare number."""
    words = name.split()
    return next((unit for unit in ("ms", "MB") if unit in words), "")


def key_of(series: Series) -> Key:
    return (series.scenario, series.mode, series.subject, series.quantity)


def series_of(raw: Raw) -> tuple[Series, ...]:
    """In the order of the sources and their cells. Cells without figures of the target have none here."""
    promises = {each.name: broken(raw.judged.get(each.name)) for each in raw.subjects}
    return tuple(
        each for source, load in raw.measured for each in _of_load(load, source.subject, promises[source.subject])
    )


def answers_of(raw: Raw) -> Answers:
    """Of every cell that has figures of the target."""
    return {
        (source.scenario, cell.mode, source.subject): cell.count / len(cell.figures.per_launch_p50_ns)
        for source, load in raw.measured
        for cell in load.cells
        if cell.figures is not None and cell.figures.per_launch_p50_ns
    }


def _of_load(load: LoadReport, subject: str, promises: Broken) -> Iterator[Series]:
    for cell in load.cells:
        if cell.figures is None:
            continue
        for quantity, unit, values in (*_timed(load.scenario, cell.figures), *_observed(cell)):
            mark = wrong_answers(cell) or promises.behind(load.scenario, cell.mode, quantity)
            yield _series(load.scenario, cell.mode, subject, quantity, unit, values, mark)
    for derived in load.derived:
        mark = wrong_answers_behind(load, derived.name) or promises.behind(load.scenario, "", derived.name)
        yield _series(load.scenario, "", subject, derived.name, derived.unit, derived.per_launch, mark)


def _timed(scenario: str, figures: LoadFigures) -> Iterator[tuple[str, str, Sequence[float]]]:
    for quantity in FIGURES.get(scenario, OTHERWISE):
        values, unit = _PER_LAUNCH[quantity]
        yield quantity, unit, values(figures)


def _observed(cell: LoadCell) -> Iterator[tuple[str, str, Sequence[float]]]:
    for name, values in cell.observed.items():
        if unit := observed_unit(name):
            yield name, unit, values


def _series(
    scenario: str, mode: str, subject: str, quantity: str, unit: str, values: Sequence[float], mark: str
) -> Series:
    found = interval_of(values)
    return Series(
        scenario=scenario,
        mode=mode,
        subject=subject,
        quantity=quantity,
        unit=unit,
        per_launch=tuple(map(float, values)),
        center=rounded(found.center),
        low=rounded(found.low),
        high=rounded(found.high),
        mark=mark,
    )
