"""What the tests of load scenarios share: running one with a small extent, and runtimes that are not what they say."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import jsonschema
import pytest

from harness import schemas
from harness.adapters.node import NodeRuntime
from harness.application import Application
from harness.features import Feature
from harness.histograms import hlog
from harness.load_results import LoadReport, read_load
from harness.runtime import PLAIN, Conditions, Instance, IsolatesOnDemand
from loadgen.scenarios import command
from loadgen.scenarios.bench import pids_of
from loadgen.scenarios.extent import Extent
from loadgen.scenarios.model import Scenario
from loadgen.scenarios.placement import pin_threads


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
    content = json.loads((folder / command.LOAD_FILE).read_text())
    jsonschema.validate(content, schemas.schema_of(*schemas.FILES["load.schema.json"]))
    report = read_load(folder / command.LOAD_FILE)
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
    assert written == {command.LOAD_FILE, *(name for cell in report.cells for name in cell.files)}


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
