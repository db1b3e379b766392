"""What a run of several processes says of itself: whose the figures are, and what they leave out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.histograms.histogram import HIGHEST_NS, LatencyHistogram
from harness.locust_results import FiguresOf, LocustResult
from loadgen.engine import Tally
from loadgen.swarm import order as orders
from loadgen.swarm import result as results
from loadgen.swarm.reports import Collector
from loadgen.swarm.target import Target

SECOND_NS = 1_000_000_000
STARTED_NS = 1_700_000_000 * SECOND_NS
URL = "http://127.0.0.1:9"


def result_of(*processes: list[Tally], arrivals: str = "") -> LocustResult:
    """Of the tallies that the engines of each process made."""
    order = orders.make(
        url=URL, scenario="any", connections=4, arrivals=arrivals, duration_s=10, warm_up_s=0, workers=("any",)
    )
    collector = Collector(())
    for number, engines in enumerate(processes):
        for tally in engines:
            collector.add(f"process {number}", tally)
        collector.end(f"process {number}")
    return results.of(order, collector, Target(url=URL))


def busy(cpu_share: float) -> Tally:
    return Tally(
        requests=100,
        scheduled=100,
        started_ns=STARTED_NS,
        wall_ns=SECOND_NS,
        engine_ns=SECOND_NS,
        cpu_ns=round(cpu_share * SECOND_NS),
    )


@pytest.mark.parametrize(
    ("processes", "saturated"),
    [
        ([[busy(0.25) for _ in range(4)]], [True]),
        ([[busy(0.2) for _ in range(4)]], [False]),
        ([[busy(0.5)], [busy(0.5)]], [False, False]),
        ([[busy(0.5)], [busy(0.5), busy(0.48)]], [False, True]),
        ([[busy(0.98)]], [True]),
    ],
)
def test_the_engines_of_a_process_have_one_core_between_them(
    processes: list[list[Tally]], saturated: list[bool]
) -> None:
    result = result_of(*processes)
    assert [each.saturated for each in result.workers] == saturated
    assert result.figures_of is (FiguresOf.GENERATOR if any(saturated) else FiguresOf.TARGET)


def backlog(known: int, beyond: int) -> Tally:
    """Of an open loop that the target cannot follow: so many answers within 60 s of their due time, and later ones."""
    response = LatencyHistogram([*range(1, known + 1), *[2 * HIGHEST_NS] * beyond])
    service = LatencyHistogram([5] * (known + beyond))
    return replace(busy(0.1), response=response, service=service, requests=known + beyond, scheduled=known + beyond)


def test_a_percentile_past_the_histograms_range_is_left_out() -> None:
    result = result_of([backlog(780, 220)], arrivals="constant:2000/s")
    assert result.response_ns == {"p50": 500}, "of all thousand answers, not of those that are known"
    assert result.service_ns.keys() == results.PERCENTILES.keys()
    assert (result.counts.requests, result.counts.out_of_range) == (1000, 220)
    assert [each.counts.out_of_range for each in result.workers] == [220]
    assert "220 right answers came more than 60 s after they were due" in results.text(result)


@pytest.mark.parametrize(
    ("known", "beyond", "names"),
    [
        (1000, 0, [*results.PERCENTILES]),
        (999, 1, ["p50", "p90", "p95", "p99", "p999"]),
        (990, 10, ["p50", "p90", "p95", "p99"]),
        (989, 11, ["p50", "p90", "p95"]),
        (0, 3, []),
    ],
)
def test_the_percentiles_that_are_known_stay(known: int, beyond: int, names: list[str]) -> None:
    result = result_of([backlog(known, beyond)], arrivals="constant:2000/s")
    assert [*result.response_ns] == names
    assert all(value <= known for value in result.response_ns.values())
    assert ("past the histograms' range" in results.text(result)) is (beyond > 0)
