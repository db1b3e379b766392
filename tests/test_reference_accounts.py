"""A second pair of eyes on the reference runtime's ledger: the kernel's clocks of the threads that run isolates."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.kernel import Meter
from harness.application import Application
from harness.registry import resolve
from harness.runtime import Conditions, Instance, Ledger, Outcome, Processes, Request
from loadgen.isolate_figures import isolate_threads_ns

# What a request does is in its query: B = so many rounds of work, W = wait so many ms, S = have the other Worker work.
SOURCE = """
import { WorkerEntrypoint } from "cloudflare:workers";
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let sink = 1;
function burn(rounds) {
  for (let round = 0; round < rounds; round += 1) sink = Math.imul(sink ^ round, 0x9e3779b1) >>> 0;
  return sink;
}
export default class extends WorkerEntrypoint {
  burn(rounds) { return burn(rounds); }
  async fetch(request) {
    for (const step of JSON.parse(new URL(request.url).searchParams.get("steps"))) {
      if (step[0] === "B") burn(step[1]);
      if (step[0] === "W") await pause(step[1]);
      if (step[0] === "S") await this.env.OTHER.burn(step[1]);
    }
    return new Response("done");
  }
}
"""

THOUSANDS = st.integers(min_value=500, max_value=20_000)
STEP = st.one_of(
    st.tuples(st.just("B"), THOUSANDS.map(lambda thousands: thousands * 1000)),
    st.tuples(st.just("W"), st.integers(min_value=0, max_value=20)),
    st.tuples(st.just("S"), THOUSANDS.map(lambda thousands: thousands * 1000)),
)
REQUEST = st.lists(STEP, min_size=1, max_size=6)
LOAD = st.lists(REQUEST, min_size=1, max_size=6)

ENOUGH_MS = 150.0
"""What the kernel must have seen for a share of it to mean something: below, the fixed cost of turns shows."""

ERROR = 0.05
HELD_BACK = 0.05
"""The share of the time for which the busiest thread had no core, above which a miss is the machine's: try again."""

ATTEMPTS = 4


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The CPU time on all bills, what the isolates' threads used, and for which share of it they had no core."""

    charged_ms: float
    used_ms: float
    busy: float

    @property
    def error(self) -> float:
        return self.charged_ms / self.used_ms - 1


def _project(folder: Path) -> Application:
    for name, other in (("one", "two"), ("two", "one")):
        worker = folder / name
        worker.mkdir()
        (worker / "index.mjs").write_text(SOURCE)
        (worker / "wrangler.json").write_text(
            json.dumps(
                {
                    "name": name,
                    "main": "index.mjs",
                    "compatibility_date": "2026-02-01",
                    "services": [{"binding": "OTHER", "service": other}],
                }
            )
        )
    return Application.load(folder / "one", folder / "two")


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory):
    application = _project(tmp_path_factory.mktemp("accounts"))
    with resolve("reference").launch(application, Conditions(instruments=frozenset({Ledger}))) as running:
        for worker in ("one", "two"):  # compiled and warm, so that what follows is its own cost only
            for _ in range(3):
                _ask(running, worker, [("B", 20_000_000), ("S", 20_000_000)])
        yield running


def _ask(instance: Instance, worker: str, steps: list[tuple[str, int]]) -> None:
    answer = instance.fetch(worker, Request(path="/?steps=" + json.dumps(steps).replace(" ", "").replace('"', "%22")))
    assert answer.status == 200, answer.text


def _charged_ms(instance: Instance, mark: int, load: list[list[tuple[str, int]]]) -> list[float]:
    ledger = instance.instrument(Ledger)
    calls = sum(step[0] == "S" for steps in load for step in steps)
    records = [
        *ledger.since(mark, worker="one", at_least=len(load)),
        *ledger.since(mark, worker="two", at_least=calls),
    ]
    assert len(records) == len(load) + calls
    assert {record.outcome for record in records} == {Outcome.OK}
    assert all(0 <= record.cpu_time_ms <= record.wall_time_ms for record in records)
    return [record.cpu_time_ms for record in records]


def _compare(instance: Instance, load: list[list[tuple[str, int]]]) -> Comparison:
    pids, mark = instance.instrument(Processes).pids(), instance.instrument(Ledger).mark()
    meter, before = Meter(pids), isolate_threads_ns(pids)
    with ThreadPoolExecutor(len(load)) as pool:
        list(pool.map(lambda steps: _ask(instance, "one", steps), load))
    charged_ms = sum(_charged_ms(instance, mark, load))
    usage = meter.usage()
    return Comparison(
        charged_ms=charged_ms,
        used_ms=(isolate_threads_ns(pids) - before) / 1e6,
        busy=usage.busy,
    )


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(load=LOAD)
def test_all_cpu_charged_is_what_the_isolate_threads_used(instance: Instance, load) -> None:
    """Over random loads, the CPU time on all bills is within 5 % of what the kernel saw the isolates' threads use."""
    load = [[*steps, ("B", 30_000_000), ("B", 30_000_000)] for steps in load]
    attempts = []
    for _ in range(ATTEMPTS):
        attempts.append(_compare(instance, load))
        if attempts[-1].busy < HELD_BACK or abs(attempts[-1].error) <= ERROR:
            break
    quietest = min(attempts, key=lambda attempt: (abs(attempt.error) > ERROR, attempt.busy))
    assert quietest.used_ms >= ENOUGH_MS
    assert abs(quietest.error) <= ERROR, attempts


def test_the_comparison_would_notice(instance: Instance) -> None:
    """The control: the same comparison fails when a twentieth and more of the work is left off the bill."""
    load = [[("B", 60_000_000)], [("B", 60_000_000), ("S", 30_000_000)]]
    pids = instance.instrument(Processes).pids()
    mark = instance.instrument(Ledger).mark()
    before = isolate_threads_ns(pids)
    for steps in load:
        _ask(instance, "one", steps)
    charged = _charged_ms(instance, mark, load)
    used_ms = (isolate_threads_ns(pids) - before) / 1e6
    assert (sum(charged) - min(charged)) / used_ms < 0.95
