"""Cold starts of every kind: isolates, processes, containers, and the phases of a start."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadgen.process_start import lengths_ns
from loadgen.scenarios import cold_start, registry
from loadgen.scenarios.extent import Extent
from tests.scenario_runs import left_out, ran, small

DOUBLES = "tests.scenario_runs"


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same on every machine, with a container engine or without."""
    monkeypatch.setattr(cold_start, "CONTAINER_RUNTIME", f"{DOUBLES}:NoEngine")


@pytest.mark.parametrize("runtime", ["workerd", "reference"])
def test_cold_starts_are_of_their_kinds(tmp_path: Path, runtime: str) -> None:
    run = small("cold-start", tmp_path, runtime)
    assert run.code == 0
    counts = {cell.mode: (cell.count, cell.discarded, cell.errors) for cell in run.report.cells}
    assert counts["isolate"] == (4, {}, {})
    assert counts["runtime"] == counts["process"] == (2, {}, {})
    assert run.report.baseline is not None
    assert run.report.baseline.name == "node"
    assert ("code-cache" in counts) == (runtime == "reference")
    assert left_out(run) == {"container"} | ({"code-cache"} if runtime == "workerd" else set())
    assert "container is not measured: no container can be started: no container engine: tried /nowhere" in run.words()
    if runtime == "reference":  # the machine may be so busy that an isolate is evicted late: then it says "not cold"
        count, discarded, errors = counts["code-cache"]
        assert (count + sum(discarded.values()), errors) == (6, {})


def test_a_container_is_started_where_there_is_an_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the length of each phase, which add up to the whole."""
    monkeypatch.setattr(cold_start, "CONTAINER_RUNTIME", f"{DOUBLES}:Container")
    run = ran(registry.named("cold-start"), Extent(launches=2, rounds=1, starts=1), tmp_path)
    cell = run.report.cell("container")
    assert cell is not None
    assert "container" not in left_out(run)
    assert (cell.count, cell.turns, cell.errors) == (2, 2, {})
    phases = {name: [value[number] for value in cell.observed.values()] for number, name in enumerate(("one", "other"))}
    assert list(cell.observed) == [f"phase {name} ms" for name in ("create", "start", "boot", "listen", "first byte")]
    assert cell.figures is not None
    for lengths, whole_ns in zip(phases.values(), cell.figures.per_launch_p50_ns, strict=True):
        assert lengths[:4] == [1, 2, 3, 4]
        assert sum(lengths) == pytest.approx(whole_ns / 1e6, rel=0.01)


def test_an_engine_that_starts_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cold_start, "CONTAINER_RUNTIME", f"{DOUBLES}:BrokenEngine")
    run = ran(registry.named("cold-start"), Extent(launches=1, rounds=1, starts=1), tmp_path)
    assert (run.code, run.report.complete) == (0, True)
    assert left_out(run) >= {"container"}
    assert "no container can be started: the engine has no room for another container" in run.words()


def test_phases_that_no_instant_ends_are_part_of_the_next() -> None:
    assert lengths_ns({"started": 5, "listening": 30}, 42) == {"start": 5, "listen": 25, "first byte": 12}
    assert lengths_ns({"created": 1, "something else": 7}, 3) == {"create": 1, "first byte": 2}
    assert lengths_ns({}, 42) == lengths_ns({"something else": 7}, 42) == {}
