"""What a run of several processes says of itself: whose the figures are, and what they leave out."""

from __future__ import annotations

import pytest

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
