"""What the tests of load scenarios share: running one with a small extent, and runtimes that are not what they say."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import jsonschema
import pytest

from harness import schemas
from harness.adapters.node import NodeRuntime
from harness.application import Application
from harness.errors import StartError, ToolchainError
from harness.features import Feature
from harness.histograms import hlog
from harness.load_results import LeftOut, LoadReport, read_load
from harness.runtime import PLAIN, Conditions, Instance, IsolatesOnDemand, Processes, StartPhases
from loadgen.scenarios import command, registry
from loadgen.scenarios.bench import pids_of
from loadgen.scenarios.extent import Extent
from loadgen.scenarios.model import Scenario
from loadgen.scenarios.placement import pin_threads
from loadgen.scenarios.report import LOAD_FILE


@dataclass(frozen=True, kw_only=True)
class Ran:
    code: int
    report: LoadReport
    folder: Path

    def words(self) -> str:
        return "\n".join(warning.words for warning in self.report.warnings)


def ran(
    scenario: Scenario, extent: Extent, folder: Path, *, runtime: str = "node", seed: int | None = 7, text: str = "text"
) -> Ran:
    """Run it, and hold what it wrote against the published schema and against itself."""
    arguments = argparse.Namespace(
        runtime=runtime, baseline="node", profile="quick", launches=None, seed=seed, out=folder, format=text, rates=None
    )
    code = command.run_scenario(scenario, extent, arguments)
    content = json.loads((folder / LOAD_FILE).read_text())
    jsonschema.validate(content, schemas.schema_of(*schemas.FILES["load.schema.json"]))
    report = read_load(folder / LOAD_FILE)
    check_files(report, folder)
    return Ran(code=code, report=report, folder=folder)


def check_files(report: LoadReport, folder: Path) -> None:
    """Each cell's log holds as many values as the cell counts, one line per launch, and no file is left over."""
    for cell in report.cells:
        assert bool(cell.files) == (cell.figures is not None or cell.generator_figures is not None), cell.mode
        for name in cell.files:
            if name.endswith(".hlog"):
                series = hlog.read((folder / name).read_text())
                assert all(tag.startswith(f"{cell.scenario}/{cell.mode}") for tag in series)
                assert [sum(len(each.histogram) for each in intervals) for intervals in series.values()] == [
                    cell.count
                ] * len(series)
                assert len(series) == (2 if cell.loop == "open" else 1)
                figures = cell.figures or cell.generator_figures
                assert figures is not None
                assert {len(intervals) for intervals in series.values()} == {len(figures.per_launch_p50_ns)}
    written = {path.name for path in folder.iterdir()}
    assert written == {LOAD_FILE, *(name for cell in report.cells for name in cell.files)}


class Rewritten(NodeRuntime):
    """Serves other code than it was given: `SOURCE` in place of each Worker's."""

    SOURCE = ""

    @contextlib.contextmanager
    def launch(self, application: Application, conditions: Conditions = PLAIN) -> Iterator[Instance]:
        workers = tuple(worker.with_source(self.SOURCE) for worker in application.workers)
        with super().launch(replace(application, workers=workers), conditions) as instance:
            yield instance


class GreetsWrongly(Rewritten):
    SOURCE = 'export default { fetch: () => Response.json({ hello: "nobody" }) };'


class GreetsWronglyLater(Rewritten):
    """Right as long as it is only verified."""

    SOURCE = """
    let served = 0;
    export default { fetch: () => Response.json({ hello: ++served <= 3 ? "isomark" : "nobody", nonce: "n", served }) };
    """


class GreetsWronglyNowAndThen(Rewritten):
    SOURCE = """
    let served = 0;
    export default {
      fetch() {
        served += 1;
        if (served % 10 === 0) return new Response("no", { status: 503 });
        return Response.json({ hello: "isomark", nonce: "n", served });
      },
    };
    """


class NeverTheSame(Rewritten):
    """As if each request had an isolate of its own."""

    SOURCE = """
    let served = 0;
    export default { fetch: () => Response.json({ hello: "isomark", nonce: `n${++served}`, served: 1 }) };
    """


class _AlwaysTheSame(IsolatesOnDemand):
    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    def address(self, worker: str) -> tuple[str, str]:
        return self._instance.url(worker), "isomark-isolate"


class WarmForCold(NodeRuntime):
    """Says that it makes isolates on demand, and serves every name from one process."""

    def features(self) -> frozenset[Feature]:
        return super().features() | {Feature.ISOLATES_ON_DEMAND}

    @contextlib.contextmanager
    def launch(self, application: Application, conditions: Conditions = PLAIN) -> Iterator[Instance]:
        with super().launch(application, conditions) as instance:
            instance._instruments[IsolatesOnDemand] = _AlwaysTheSame(instance)
            yield instance


class NoEngine(NodeRuntime):
    """As the container adapter on a machine without an engine."""

    name = "container"

    def version(self) -> str:
        raise ToolchainError("no container engine: tried /nowhere")


class BrokenEngine(NodeRuntime):
    """As the container adapter where the engine answers and starts nothing."""

    name = "container"

    @contextlib.contextmanager
    def launch(self, application: Application, conditions: Conditions = PLAIN) -> Iterator[Instance]:
        raise StartError("the engine has no room for another container")
        yield


class _Phases(StartPhases):
    def __init__(self, instants_ns: Mapping[str, int]) -> None:
        self._instants_ns = instants_ns

    def phases_ns(self) -> Mapping[str, int]:
        return self._instants_ns


class Container(NodeRuntime):
    """As the container adapter, without a container; it tells phases that come to 10 ms, and nobody its processes."""

    name = "container"

    INSTANTS_NS: ClassVar = {
        "created": 1_000_000,
        "started": 3_000_000,
        "process up": 6_000_000,
        "listening": 10_000_000,
    }

    @contextlib.contextmanager
    def launch(self, application: Application, conditions: Conditions = PLAIN) -> Iterator[Instance]:
        with super().launch(application, conditions) as instance:
            instance._instruments[StartPhases] = _Phases(self.INSTANTS_NS)
            del instance._instruments[Processes]
            yield instance


class Elsewhere(NodeRuntime):
    """Puts itself on every core there is, wherever it was started."""

    @contextlib.contextmanager
    def launch(self, application: Application, conditions: Conditions = PLAIN) -> Iterator[Instance]:
        with super().launch(application, conditions) as instance:
            pin_threads(pids_of(instance), frozenset(range(os.cpu_count() or 1)))
            yield instance


def two_cores() -> bool:
    return len(os.sched_getaffinity(0)) >= 2


needs_two_cores = pytest.mark.skipif(not two_cores(), reason="one core: nothing can be apart")


EXTENTS = {
    "cold-start": Extent(launches=1, rounds=1, count=4),
    "cold-burst": Extent(launches=1, rounds=2, points=(1, 5)),
    "warm": Extent(launches=1, rounds=2, seconds=0.15, warm_up_s=0.05, rates_rps=(50, 100)),
    "concurrency": Extent(launches=1, rounds=1, seconds=0.15, warm_up_s=0.05, points=(1, 20)),
    "density": Extent(launches=1, rounds=1, points=(10, 30), instances=(1, 3)),
    "chain": Extent(launches=1, rounds=1, seconds=0.1, warm_up_s=0.05, points=(1, 4)),
    "streaming": Extent(launches=1, rounds=1, seconds=0.15, warm_up_s=0.05, points=(100_003, 1 << 20)),
    "tenants": Extent(launches=1, rounds=1, seconds=0.3, warm_up_s=0.05, rates_rps=(100,)),
    "bindings": Extent(launches=1, rounds=1, seconds=0.2, warm_up_s=0.05, points=(1, 101)),
    "bill": Extent(launches=1, rounds=1, count=2),
}


def small(name: str, folder: Path, runtime: str) -> Ran:
    """That scenario with its small extent; with a longer one where the machine has no time for a single answer."""
    for longer in (1, 4, 16):
        extent = replace(EXTENTS[name], seconds=longer * EXTENTS[name].seconds)
        run = ran(registry.named(name), extent, folder / str(longer), runtime=runtime)
        cells = run.report.cells
        if not extent.seconds or all(cell.count or cell.errors or cell.not_timed.startswith("not") for cell in cells):
            break
    return run


def left_out(run: Ran) -> set[str]:
    return {mode for warning in run.report.warnings if isinstance(warning, LeftOut) for mode in warning.modes}
