"""What must not become a figure does not: wrong answers, warm isolates, a generator that cannot keep up."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.features import Feature
from harness.histograms.histogram import HIGHEST_NS, LatencyHistogram
from harness.load_results import (
    BeyondRange,
    GeneratorSaturated,
    NothingTimed,
    NotVerified,
    Repeated,
    Unanswered,
    WrongAnswers,
)
from loadgen.engine import Check, One, Tally, get
from loadgen.engine import saturation as engine_saturation
from loadgen.scenarios import cells, cold_burst, cold_start, command, doubts, engine_turn, probes, registry, warm
from loadgen.scenarios.bench import Bench, endpoint_of
from loadgen.scenarios.engine_turn import EngineTurn
from loadgen.scenarios.extent import Extent
from loadgen.scenarios.model import OPEN, CellPlan, Plan, Scenario, Taken, Turn
from loadgen.scenarios.record import CellRecord, Entry, Record
from loadgen.scenarios.under_test import UnderTest
from tests.scenario_runs import Ran, ran

SMALL = Extent(launches=2, rounds=2, seconds=0.15, warm_up_s=0.05)
DOUBLES = "tests.scenario_runs"


def closed_only(folder: Path, double: str, extent: Extent = SMALL) -> Ran:
    return ran(warm.SCENARIO, extent, folder, runtime=f"{DOUBLES}:{double}")


def test_what_answers_wrongly_is_never_timed(tmp_path: Path) -> None:
    run = closed_only(tmp_path, "GreetsWrongly")
    (cell,) = run.report.cells
    assert run.code == command.NOT_ALL_TIMED
    assert (cell.figures, cell.generator_figures, cell.count, cell.turns, cell.files) == (None, None, 0, 0, ())
    assert cell.not_timed == "not timed: 3 of 3 answers were wrong: wrong body"
    assert [type(warning) for warning in run.report.warnings if warning.words.startswith(cell.mode)] == [NotVerified]


def test_wrong_answers_after_verification_are_in_no_figure(tmp_path: Path) -> None:
    run = closed_only(tmp_path, "GreetsWronglyLater")
    (cell,) = run.report.cells
    assert run.code == command.NOT_ALL_TIMED
    assert (cell.figures, cell.count, cell.files) == (None, 0, ())
    assert cell.errors.keys() == {"wrong body"}
    assert cell.not_timed == "no answer was right and of its kind"
    assert any(isinstance(warning, NothingTimed) for warning in run.report.warnings)


def test_errors_are_kept_by_class_beside_the_right_answers(tmp_path: Path) -> None:
    # A machine that is busy with others may not come to every tenth request: more time, then.
    for longer in (1, 4, 16):
        extent = replace(SMALL, seconds=longer * SMALL.seconds)
        run = closed_only(tmp_path / str(longer), "GreetsWronglyNowAndThen", extent)
        (cell,) = run.report.cells
        if cell.errors:
            break
    assert run.code == 0
    assert cell.figures is not None
    assert cell.errors.keys() == {"wrong-status"}
    assert cell.errors["wrong-status"] == pytest.approx(cell.count / 9, rel=0.2, abs=3)
    assert any(isinstance(warning, WrongAnswers) for warning in run.report.warnings)


def test_a_warm_isolate_is_no_cold_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cold_start, "CONTAINER_RUNTIME", f"{DOUBLES}:NoEngine")
    extent = Extent(launches=1, rounds=1, count=4)
    run = ran(cold_start.SCENARIO, extent, tmp_path, runtime=f"{DOUBLES}:WarmForCold")
    cell = run.report.cell("isolate")
    assert cell is not None
    assert run.code == command.NOT_ALL_TIMED
    assert (cell.figures, cell.count, cell.errors, cell.discarded) == (None, 0, {}, {"not cold": 4})


def test_a_burst_of_warm_isolates_is_no_burst(tmp_path: Path) -> None:
    extent = Extent(launches=1, rounds=2, points=(3,))
    run = ran(cold_burst.SCENARIO, extent, tmp_path, runtime=f"{DOUBLES}:WarmForCold")
    each, last = run.report.cells
    assert run.code == command.NOT_ALL_TIMED
    assert (each.count, each.discarded, each.figures) == (0, {"not cold": 6}, None)
    assert (last.count, last.discarded, last.figures) == (0, {"burst not whole": 2}, None)


def test_the_first_answer_of_an_isolate_is_not_warm(tmp_path: Path) -> None:
    run = closed_only(tmp_path, "NeverTheSame")
    (cell,) = run.report.cells
    assert (cell.figures, cell.count, cell.errors) == (None, 0, {})
    assert cell.discarded.keys() == {"not warm"}


def slow_generator(bench: Bench, plan: Plan) -> Sequence[Turn]:
    """Its check takes five milliseconds for each answer, at five hundred a second."""
    endpoint = endpoint_of(bench.launch([probes.worker("hello")]), "hello")

    def slow(_body: bytes) -> str | None:
        time.sleep(0.005)  # the generator's own slowness is what is tested
        return None

    request = One(get(endpoint, "/"), Check(body_check=slow))
    return [
        EngineTurn(mode="slow", endpoint=endpoint, requests=lambda: request, connections=8, rate_rps=500, seconds=0.2)
    ]


def one_cell(mode: str) -> CellPlan:
    return CellPlan(mode=mode, title=mode, what="a test", verified="a test", loop=OPEN, connections=8, rate_rps=500)


SLOW = Scenario(
    name="slow",
    about="a generator that cannot keep up",
    extents={},
    plan=lambda _tested, _extent: Plan(cells=(one_cell("slow"),)),
    start=slow_generator,
)


def test_a_saturated_generator_gives_no_figure_of_the_target(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ran(SLOW, Extent(launches=1, rounds=4), tmp_path)
    (cell,) = run.report.cells
    assert cell.saturated
    assert cell.figures is None
    assert cell.generator_figures is not None
    assert cell.saturation.startswith("the generator was saturated")
    assert (cell.turns, run.code) == (4, 0)
    kinds = {type(warning): warning for warning in run.report.warnings}
    assert GeneratorSaturated in kinds
    repeated = kinds[Repeated]
    assert isinstance(repeated, Repeated)
    assert repeated.turns == 1, "a quarter of the turns may be done again, and no more"
    (row,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("slow  ")]
    assert "the generator's limit, not the target's" in row
    assert "." not in row, "no time and no rate is shown"


def test_a_turn_that_is_done_again_and_good_is_a_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts = iter([True])

    def once(tally: Tally, plan: object) -> engine_saturation.Saturation:
        saturated = next(verdicts, False)
        return engine_saturation.Saturation(
            saturated=saturated, work_share=0.1, behind_share=0, max_late_ns=0, words="said by the test"
        )

    monkeypatch.setattr(engine_turn, "verdict", once)
    run = ran(warm.SCENARIO, Extent(launches=1, rounds=2, seconds=0.1), tmp_path)
    (cell,) = run.report.cells
    assert (cell.saturated, cell.turns, cell.figures is None) == (False, 2, False)
    assert [warning.turns for warning in run.report.warnings if isinstance(warning, Repeated)] == [1]


def test_derived_figures_leave_out_what_is_not_the_targets() -> None:
    record = Record(plan=Plan(cells=(one_cell("a"), one_cell("b"))), started_epoch_s=0, started=0)
    for mode, saturated in (("a", False), ("b", True)):
        values = LatencyHistogram([1_000, 2_000, 3_000])
        tally = Tally(response=values, service=values, requests=3)
        entry = Entry(launch=1, start_s=0, length_s=1, taken=Taken(tally=tally, saturated=saturated))
        record.cells[mode] = CellRecord(entries=[entry])
    assert record.by_launch("a", 0.5) == {1: 2_000}
    assert record.by_launch("b", 0.5) == {}
    assert record.by_launch("no such mode", 0.5) == {}


def test_requests_without_an_answer_are_said() -> None:
    plan = Plan(cells=(one_cell("a"),))
    record = Record(plan=plan, started_epoch_s=0, started=0, launches=10)
    tally = Tally(scheduled=10, censored=4)
    record.cells["a"].entries.append(Entry(launch=1, start_s=0, length_s=1, taken=Taken(tally=tally)))
    cell, files = cells.cell("test", plan.cells[0], record)
    assert (cell.censored, cell.figures, files) == (4, None, {})
    said = [warning for warning in doubts.of_cell(cell, record) if isinstance(warning, Unanswered)]
    assert [(each.unanswered, each.scheduled) for each in said] == [(4, 10)]


def test_answers_that_no_histogram_holds_are_said() -> None:
    record = Record(plan=Plan(cells=(one_cell("a"),)), started_epoch_s=0, started=0, launches=10)
    response, service = LatencyHistogram([1_000, 2 * HIGHEST_NS]), LatencyHistogram([1_000, 1_000])
    tally = Tally(response=response, service=service, requests=2, scheduled=2)
    record.cells["a"].entries.append(Entry(launch=1, start_s=0, length_s=1, taken=Taken(tally=tally)))
    cell, _ = cells.cell("test", record.plan.cells[0], record)
    said = [warning for warning in doubts.of_cell(cell, record) if isinstance(warning, BeyondRange)]
    assert [(each.answers, cell.count) for each in said] == [(1, 2)]
    assert "1 of 2 right answers took more than 60 s" in said[0].words


@pytest.mark.parametrize("name", ["warmm", "cold_start", "zebra", ""])
def test_a_scenario_that_is_not_known_is_refused_with_the_near_miss(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        registry.named(name)
    near = {"warmm": "'warm'", "cold_start": "'cold-start'"}.get(name, "known: bill, bindings, chain")
    assert near in str(caught.value)


@pytest.mark.parametrize("rates", [(0,), (-1,), (float("nan"),), (float("inf"),), (100, 2_000_000)])
def test_senseless_rates_are_refused(rates: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="no rate of requests"):
        replace(SMALL, rates_rps=rates)


@dataclass
class Words:
    """A command line, as argparse gives it."""

    profile: str = "quick"
    launches: int | None = None
    rates: str | None = None


def test_the_command_line_changes_the_extent() -> None:
    extent = command.extent_of(warm.SCENARIO, Words(launches=2, rates="50,50,75.5"))  # type: ignore[arg-type]
    assert (extent.launches, extent.rates_rps) == (2, (50.0, 75.5))
    for words, scenario, said in (
        (Words(rates="fast"), warm.SCENARIO, "no list of rates"),
        (Words(rates="5"), cold_start.SCENARIO, "has no open loop"),
        (Words(launches=0), warm.SCENARIO, "out of range"),
    ):
        with pytest.raises(UsageError, match=said):
            command.extent_of(scenario, words)  # type: ignore[arg-type]


def test_without_a_folder_nothing_begins() -> None:
    with pytest.raises(UsageError, match="nowhere to write"):
        command.run_scenario(warm.SCENARIO, SMALL, argparse.Namespace(out=None))


def test_a_plan_follows_from_the_features_alone() -> None:
    extent = registry.named("bindings").extents["quick"]
    plan = registry.named("bindings").plan(UnderTest(name="it", features=frozenset({Feature.KV_NAMESPACES})), extent)
    assert [cell.mode for cell in plan.cells] == ["kv-get-1", "kv-get-101", "kv-put-1", "kv-put-101"]
    assert plan.left_out.keys() == {"d1-query-1", "d1-query-101", "object-call-1", "object-call-101"}
