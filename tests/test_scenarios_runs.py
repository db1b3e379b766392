"""Every load scenario, small, on real runtimes: what is measured, verified and written, and what is left out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.features import Feature
from harness.load_results import LoadCell, TooFewLaunches
from harness.toolchain import CHECKOUT
from loadgen.scenarios import cold_start, registry
from loadgen.scenarios.report import LOAD_FILE
from loadgen.scenarios.under_test import UnderTest
from tests.scenario_runs import EXTENTS, left_out, ran, small

DOUBLES = "tests.scenario_runs"

ON_DEMAND = ("cold-start", "cold-burst", "density")


def shown(cell: LoadCell) -> bool:
    """On a machine where others are at work the generator may fall behind; then the cell says so."""
    return cell.figures is not None or (cell.saturated and cell.generator_figures is not None)


def test_each_scenario_is_tested() -> None:
    assert EXTENTS.keys() == registry.SCENARIOS.keys()


@pytest.mark.parametrize("runtime", ["workerd", "reference", "node"])
@pytest.mark.parametrize("name", [name for name in EXTENTS if name not in ON_DEMAND])
def test_every_cell_is_timed_and_right(tmp_path: Path, name: str, runtime: str) -> None:
    run = small(name, tmp_path, runtime)
    if (name, runtime) == ("bindings", "node"):
        assert (run.code, run.report.cells) == (1, ())
        assert "node has no KV namespaces" in run.words()
        return
    assert (run.code, run.report.complete, run.report.launches) == (0, True, 1)
    assert run.report.cells
    for cell in run.report.cells:
        assert shown(cell), (cell.mode, cell.not_timed, cell.errors)
        assert (cell.errors, cell.warm_up_errors, cell.not_timed) == ({}, {}, "")
        assert cell.count > 0
        assert cell.turns == EXTENTS[name].rounds
    assert any(isinstance(warning, TooFewLaunches) for warning in run.report.warnings)


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same on every machine, with a container engine or without."""
    monkeypatch.setattr(cold_start, "CONTAINER_RUNTIME", f"{DOUBLES}:NoEngine")


@pytest.mark.parametrize("runtime", ["workerd", "reference"])
def test_bursts_are_whole(tmp_path: Path, runtime: str) -> None:
    run = small("cold-burst", tmp_path, runtime)
    assert run.code == 0
    assert {cell.mode: cell.count for cell in run.report.cells} == {"each-1": 2, "last-1": 2, "each-5": 10, "last-5": 2}
    by_mode = {cell.mode: cell.figures for cell in run.report.cells}
    each, last = by_mode["each-5"], by_mode["last-5"]
    assert each is not None
    assert last is not None
    assert last.response_ns["max"] >= each.response_ns["max"]


@pytest.mark.parametrize("name", ["cold-start", "cold-burst"])
def test_without_isolates_on_demand_it_says_so(tmp_path: Path, name: str) -> None:
    run = small(name, tmp_path, "node")
    modes = {cell.mode for cell in run.report.cells}
    assert modes == ({"runtime", "process"} if name == "cold-start" else set())
    assert (run.code, run.report.launches) == ((0, 1) if modes else (1, 0))
    assert "node makes no isolates on demand" in run.words()


def test_a_hop_costs_what_is_between_short_and_long_chains(tmp_path: Path) -> None:
    run = small("chain", tmp_path, "workerd")
    names = {each.name for each in run.report.derived}
    assert names <= {"fetch-hop", "rpc-hop", "http-hop", "process-http-hop"}
    by_mode = {cell.mode: cell.figures for cell in run.report.cells}
    for each in run.report.derived:
        way = each.name.removesuffix("-hop")
        few, many = by_mode[f"{way}-1"], by_mode[f"{way}-4"]
        assert few is not None
        assert many is not None
        expected = (many.per_launch_p50_ns[0] - few.per_launch_p50_ns[0]) / 3 / 1e3
        assert each.per_launch == (pytest.approx(expected, abs=1e-3),)


def test_operations_that_a_runtime_lacks_are_left_out(tmp_path: Path) -> None:
    run = small("bindings", tmp_path, "workerd")
    assert left_out(run) == {"d1-query-1", "d1-query-101"}
    assert "workerd has no D1 databases" in run.words()


def test_streaming_shows_bytes(tmp_path: Path) -> None:
    run = small("streaming", tmp_path, "workerd")
    for cell in run.report.cells:
        figures = cell.figures or cell.generator_figures
        assert figures is not None
        assert cell.point is not None
        assert figures.throughput_mb_s == pytest.approx(figures.throughput_rps * cell.point.value / 1e6, rel=1e-3)


def test_a_neighbour_that_computes_really_computes(tmp_path: Path) -> None:
    run = small("tenants", tmp_path, "workerd")
    alone, beside = run.report.cells
    assert "neighbour req/s" not in alone.observed
    assert beside.observed["neighbour req/s"][0] > 0


def test_standard_output_is_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran(registry.named("warm"), EXTENTS["warm"], tmp_path, text="json")
    assert json.loads(capsys.readouterr().out) == json.loads((tmp_path / LOAD_FILE).read_text())
    run = ran(registry.named("warm"), EXTENTS["warm"], tmp_path)
    table = capsys.readouterr().out
    for word in ("one at a time (node)", "p99 ms", "service p99 ms", "too few launches", run.report.pinning.words):
        assert word in table


def test_every_scenario_is_documented() -> None:
    document = (CHECKOUT / "docs" / "load.md").read_text()
    for name in registry.SCENARIOS:
        assert f"`{name}`" in document


@pytest.mark.parametrize(("profile", "most_s"), [("quick", 60), ("full", 600)])
@pytest.mark.parametrize("name", registry.SCENARIOS)
def test_profiles_keep_their_time(name: str, profile: str, most_s: float) -> None:
    """By the turns that are given in seconds; starting, connecting and verifying takes a second or two per launch."""
    scenario = registry.named(name)
    extent = scenario.extents[profile]
    turns = len(scenario.plan(UnderTest(name="any", features=frozenset(Feature)), extent).cells)
    assert extent.launches * (2 + extent.rounds * turns * (extent.seconds + extent.warm_up_s)) <= most_s
