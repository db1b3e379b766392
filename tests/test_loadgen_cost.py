"""From launches to figures: the cost of a call, what is left out, and the files that go with each cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from harness.adapters.node import NodeRuntime
from harness.adapters.workerd import WorkerdRuntime
from harness.histograms.histogram import HIGHEST_NS, LatencyHistogram
from loadgen import caveats, cells, cost
from loadgen.bench import LaunchRecord, Run
from loadgen.cells import CellName
from loadgen.messages import CellTally
from loadgen.targets import plan_for

Samples = Mapping[CellName, Sequence[int]]

TEXTS = cells.texts("workerd", "node")


def tally(name: CellName, samples: Sequence[int], **counts: dict[str, int]) -> CellTally:
    return CellTally(
        cell=str(name),
        samples_ns=tuple(samples),
        errors=counts.get("errors", {}),
        discarded=counts.get("discarded", {}),
        locust_requests=0,
        locust_failures=0,
    )


def run_of(*launches: Samples, errors: Mapping[CellName, dict[str, int]] | None = None) -> Run:
    """A run of workerd beside node whose launches gave these samples, and 1,000 ns where none are said."""
    plan = plan_for(WorkerdRuntime())
    records = [
        LaunchRecord(
            start_s=float(index),
            length_s=0.5,
            order=f"launch {index + 1}",
            cells={
                name: tally(name, samples.get(name, [1000]), errors=(errors or {}).get(name, {})) for name in plan.cells
            },
        )
        for index, samples in enumerate(launches)
    ]
    return Run(started_epoch_s=1_770_000_000, started=0, plan=plan, launches=records)


def figures(run: Run) -> cost.Figures:
    return cost.figures(run, TEXTS, {"runtime": "workerd 1"})


def test_a_call_costs_the_difference_over_a_hundred() -> None:
    assert cost.cost_of_a_call(250_000, 3_550_000) == 33_000


def test_the_difference_is_taken_launch_by_launch_and_the_median_over_launches() -> None:
    few, many = cells.BINDING_RPC.cell(1), cells.BINDING_RPC.cell(101)
    per_launch = [([300, 100, 200], [2000, 1200, 1100]), ([500], [1900]), ([100, 120], [1500, 1400])]
    found = figures(run_of(*({few: one, many: other} for one, other in per_launch))).derived
    derived = next(each for each in found if each.name == "binding-rpc-call")
    assert derived.per_launch_ns == (10.0, 14.0, 13.0)
    assert derived.median_ns == 13.0


def test_it_can_be_worked_out_again_from_the_cells() -> None:
    few, many = cells.HTTP.cell(1), cells.HTTP.cell(101)
    found = figures(run_of(*({few: [1_234_567 + n], many: [14_567_890 + 7 * n]} for n in range(5))))
    medians = {(cell.scenario, cell.mode): cell.per_launch_p50_ns for cell in found.cells}
    derived = next(each for each in found.derived if each.name == "loopback-http-call")
    pairs = zip(medians["calls", "http-1"], medians["calls", "http-101"], strict=True)
    assert derived.per_launch_ns == tuple((other - one) / 100 for one, other in pairs)


def test_a_launch_without_samples_of_one_side_is_left_out_of_the_pairs_only() -> None:
    few, many = cells.HTTP.cell(1), cells.HTTP.cell(101)
    found = figures(run_of({few: [100], many: [1100]}, {few: [], many: [1100]}, {few: [200], many: [1400]}))
    derived = next(each for each in found.derived if each.name == "loopback-http-call")
    assert derived.per_launch_ns == (10.0, 12.0)


def test_every_cell_names_its_files_and_cold_starts_one_for_pyperf() -> None:
    found = figures(run_of({}, {}))
    assert [(cell.scenario, cell.mode) for cell in found.cells] == [
        ("cold-start", "isolate"),
        ("cold-start", "process"),
        ("warm", "runtime"),
        ("warm", "process"),
        *(
            ("calls", f"{way}-{calls}")
            for way in ("binding-fetch", "binding-rpc", "http", "process-http")
            for calls in (1, 101)
        ),
    ]
    named = {cell.hlog for cell in found.cells} | {cell.pyperf for cell in found.cells if cell.pyperf}
    assert named == found.files.keys()
    assert {cell.mode for cell in found.cells if cell.pyperf} == {"isolate", "process"}
    for cell in found.cells:
        encoded = [line.split(",")[4] for line in found.files[cell.hlog].splitlines() if line.startswith("Tag=")]
        assert sum(len(LatencyHistogram.from_encoded(each)) for each in encoded) == cell.count == 2


def test_percentiles_are_over_all_launches_and_medians_of_each() -> None:
    found = figures(run_of({cells.WARM_RUNTIME: range(1, 501)}, {cells.WARM_RUNTIME: range(501, 1001)}))
    cell = next(each for each in found.cells if each.mode == "runtime")
    assert cell.percentiles_ns == {"p50": 500, "p90": 900, "p99": 990, "p99.9": 999, "max": 1000}
    assert cell.per_launch_p50_ns == (250, 750)
    assert len(cell.curve_ns) == 200
    assert [len(curve) for curve in cell.per_launch_curves_ns] == [60, 60]


def test_values_out_of_range_are_counted() -> None:
    found = figures(run_of({cells.WARM_RUNTIME: [0, 5, HIGHEST_NS + 1]}))
    cell = next(each for each in found.cells if each.mode == "runtime")
    assert (cell.count, cell.discarded) == (1, {"out of range": 2})


def test_errors_are_in_the_cell_and_in_the_warnings() -> None:
    found = figures(run_of({}, errors={cells.WARM_RUNTIME: {"wrong body": 3}}))
    cell = next(each for each in found.cells if each.mode == "runtime")
    assert cell.errors == {"wrong body": 3}
    assert [str(each) for each in found.caveats] == ["warm/runtime had errors, which are in no figure: 3 x wrong body"]


def test_a_cell_without_a_single_good_sample_is_missing_with_the_reason() -> None:
    found = figures(run_of({cells.WARM_RUNTIME: []}, errors={cells.WARM_RUNTIME: {"status 500": 9}}))
    assert "runtime" not in {cell.mode for cell in found.cells}
    assert found.nothing_timed == ("warm/runtime",)
    assert [str(each) for each in found.caveats] == [
        "warm/runtime has no figure: no sample was right and of its kind (9 x status 500)"
    ]


def test_no_launch_gives_no_figures() -> None:
    found = figures(run_of())
    assert (found.cells, found.derived, found.files, found.caveats) == ((), (), {}, ())


def test_what_a_runtime_cannot_do_is_left_out_and_said() -> None:
    plan = plan_for(NodeRuntime())
    assert [str(name) for name in plan.cells] == [
        "cold-start/process",
        "warm/runtime",
        "warm/process",
        "calls/http-1",
        "calls/http-101",
        "calls/process-http-1",
        "calls/process-http-101",
    ]
    assert plan.left_out == (
        "cold-start/isolate is not measured: node makes no isolates on demand",
        "calls by service binding are not measured: node has none",
    )


@pytest.mark.parametrize(("load", "busy"), [(0.0, False), (1e6, True)])
def test_a_busy_machine_is_said_to_be_one(load: float, busy: bool) -> None:
    *first, last = map(str, caveats.of_machine(load))
    assert bool(first) == busy
    assert last.endswith("nothing was pinned")
