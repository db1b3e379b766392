"""The fault matrix on paper: which faults, which rows, what became of each, and what it all comes to."""

import argparse
import json

import jsonschema
import msgspec
import pytest

from harness import catalogue, schemas
from harness.adapters.workerd import WorkerdRuntime
from harness.conformance_run import CONFORMANCE
from harness.errors import ConfigurationError, UnknownRuntimeError, UsageError
from harness.fault_matrix import faults, judging, keeping, plan
from harness.fault_matrix.child import SuiteRun
from harness.fault_matrix.choosing import chosen
from harness.fault_matrix.command import FaultsCommand
from harness.fault_matrix.faults import NamedFault
from harness.fault_matrix.report import FAULTS_SCHEMA, Broken, FaultResult, FaultsReport, LeftOut, Outcome, PlainRun
from harness.fault_matrix.text import finished_line, sentence, table
from harness.rows import Status
from tests.test_reports_samples import a_row
from tests.test_results import RUN, RUNTIME
from tests.third_party import TinyRuntime

CATALOGUE = catalogue.load(CONFORMANCE / "requirements.toml")
HERE = __name__
BUDGET_S = 1e6


class OneFault(TinyRuntime):
    name = "one"

    def __init__(self, fault=None):
        self.fault = fault

    @classmethod
    def faults(cls):
        return {"always-cold": "ISO-2"}


class GradedToo(OneFault):
    @classmethod
    def faults(cls):
        return {"slow-start": "ISO-8", "always-cold": "ISO-2"}


class KnowsNoSetting(TinyRuntime):
    def faults(self):
        return {"always-cold": "ISO-2"}


class Carries(OneFault):
    """Says of its one fault what it is told to."""

    value = "ISO-2"

    def faults(self):
        return {"lie": self.value}


# --- which faults


def options(*words):
    parser = argparse.ArgumentParser()
    FaultsCommand().configure(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize(
    ("words", "kind", "named"),
    [
        (["--runtime=workerd"], UsageError, "runtime 'workerd' has no faults to switch on"),
        (["--runtime=workrd"], UnknownRuntimeError, "did you mean 'workerd'?"),
        ([f"--runtime={HERE}:OneFault,fault=always-cold"], UsageError, "has a fault switched on already"),
        ([f"--runtime={HERE}:OneFault", "--area=IOS"], UsageError, "no area 'IOS'\n  expected: did you mean 'ISO'?"),
        ([f"--runtime={HERE}:OneFault", "--fault=always-code"], UsageError, "did you mean 'always-cold'?"),
        ([f"--runtime={HERE}:OneFault", "--fault=always-cold", "--area=MEM"], UsageError, "which is not of the areas"),
        ([f"--runtime={HERE}:OneFault", "--area=PLC"], UsageError, "has no faults in the areas PLC"),
        ([f"--runtime={HERE}:OneFault", "-n", "0"], UsageError, "-n 0 is out of range"),
        ([f"--runtime={HERE}:OneFault", "--deadline=-1"], UsageError, "--deadline=-1 is out of range"),
        ([f"--runtime={HERE}:OneFault", "--minutes=nan"], UsageError, "--minutes=nan is out of range"),
        ([f"--runtime={HERE}:KnowsNoSetting", "--fault=always-cold"], UsageError, "no setting 'fault'"),
        (
            [f"--runtime={HERE}:OneFault", "--area=ISO"],
            ConfigurationError,
            "the catalogue names shared-globals (ISO-1), serialise-requests (ISO-3)",
        ),
        ([f"--runtime={HERE}:Carries", "--area=ISO"], ConfigurationError, "the runtime has lie (ISO-2), which the cat"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_called_wrongly(words, kind, named):
    """A wrong word, or faults that are not the catalogue's, are told before anything is run."""
    with pytest.raises(kind) as caught:
        chosen(options(*words), CATALOGUE)
    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("ISO-222", "is about 'ISO-222', which is no requirement\n  expected: did you mean 'ISO-2'"),
        (5, "is about '', which is no requirement"),
        (NamedFault(name="", requirement="ISO-2", also=("ISO-5",)), "makes ISO-5 fall too and does not say why"),
        (NamedFault(name="", requirement="ISO-2", also=("ISO-2",), why="so"), "names its own requirement"),
        (NamedFault(name="", requirement="ISO-2", also=("ISO-55",), why="so"), "is about 'ISO-55'"),
    ],
)
def test_a_fault_must_say_something_sound(value, named):
    runtime = Carries()
    runtime.value = value
    with pytest.raises(ConfigurationError) as caught:
        faults.carried_by(runtime, CATALOGUE)
    assert named in str(caught.value)


def test_faults_without_more_words_are_those_the_runtime_has():
    """Their areas are the areas, what they break needs a kill, and what is only measured is left out."""
    found = chosen(options(f"--runtime={HERE}:GradedToo", "--fault=always-cold"), CATALOGUE)
    assert found.settings.faults == (NamedFault(name="always-cold", requirement="ISO-2"),)
    assert found.settings.areas == ("ISO",)
    assert found.requirements == ("ISO-2",)
    with pytest.raises(UsageError, match="has no fault 'slow-start'"):
        chosen(options(f"--runtime={HERE}:GradedToo", "--fault=slow-start"), CATALOGUE)


def test_only_what_the_runtime_claims_must_have_faults():
    """The tiny runtime claims core: of the faults the catalogue names, those of other classes are not missed."""
    core = {
        fault: requirement.id
        for requirement in CATALOGUE.requirement
        if requirement.area == "ISO" and requirement.requirement_class == "core"
        for fault in requirement.faults
    }
    carried = [NamedFault(name=name, requirement=requirement) for name, requirement in core.items()]
    faults.check_agreement(carried, CATALOGUE, ["ISO"], TinyRuntime().classes())
    with pytest.raises(ConfigurationError, match="never-evict"):
        faults.check_agreement(carried, CATALOGUE, ["ISO"], WorkerdRuntime().classes())


def test_the_reference_runtime_carries_what_the_catalogue_names():
    """Else `isomark faults` would end before it began."""
    words = options("--area=ISO,MEM,CPU,SUB,CON")
    found = chosen(words, CATALOGUE)
    assert {fault.area for fault in found.settings.faults} == {"ISO", "MEM", "CPU", "SUB", "CON"}
    assert set(found.requirements) <= {fault.requirement for fault in found.settings.faults}


# --- which rows

COLD = NamedFault(name="always-cold", requirement="ISO-2", also=("ISO-5",), why="each is new")
WALL = NamedFault(name="wall-limit", requirement="CPU-9")


def rows(*given):
    return {
        row.test: row
        for row in (a_row(name, status, test=f"t.py::{test}", duration_ms=ms) for name, test, ms, status in given)
    }


PLAIN = rows(
    ("ISO-2", "cold", 100, Status.PASS),
    ("ISO-2", "cold_slow", 9_000, Status.PASS),
    ("ISO-5", "per_request", 300, Status.PASS),
    ("CPU-9", "wall", 400, Status.PASS),
    ("CPU-9", "wall_again", 200, Status.PASS),
    ("CPU-2", "wait", 2_500, Status.PASS),
    ("CPU-2", "broken", 10, Status.FAIL),
    ("CPU-3", "unsupported", 20, Status.UNSUPPORTED),
)


def test_own_rows_first_then_what_holds_without_the_fault():
    """A row of another requirement that fails anyway is not run: it cannot come out worse."""
    cold, wall = plan.assignments([COLD, WALL], PLAIN, alone=False, budget_s=BUDGET_S)
    assert cold.own == ("t.py::cold", "t.py::cold_slow")
    assert cold.others == ("t.py::per_request", "t.py::wall", "t.py::wall_again", "t.py::wait", "t.py::unsupported")
    assert cold.words == (f"--maxfail={3 + plan.MOST_BROKEN}", *cold.own, *cold.others)
    assert wall.own == ("t.py::wall", "t.py::wall_again")
    assert cold.not_run + wall.not_run == ()
    assert plan.left_out(PLAIN, [cold, wall]) == ()
    assert plan.looked_at(PLAIN, [cold, wall]) == ("CPU-2", "CPU-3", "CPU-9", "ISO-2", "ISO-5")
    assert cold.deadline_s > plan.DEADLINE_S + 3 * 9


@pytest.mark.parametrize(
    ("room_s", "left_out"),
    [
        (16.0, []),
        (7.0, ["cold_slow"]),
        (6.4, ["cold_slow", "wall"]),
        (1.4, ["cold_slow", "wait", "wall"]),
        (0.0, ["cold", "cold_slow", "per_request", "unsupported", "wait", "wall", "wall_again"]),
    ],
)
def test_when_time_is_short_each_requirement_keeps_its_quickest_row(room_s, left_out):
    """The quickest row of every requirement comes before the second of any; own rows are run whatever they take."""
    own_s = 2 * plan.START_S + (100 + 9_000 + 400 + 200 + 4 * plan.ROW_OVERHEAD_MS) / 1000
    found = plan.assignments([COLD, WALL], PLAIN, alone=False, budget_s=own_s + room_s)
    assert sorted(row.test.removeprefix("t.py::") for row in plan.left_out(PLAIN, found)) == left_out
    assert [each.own for each in found] == [("t.py::cold", "t.py::cold_slow"), ("t.py::wall", "t.py::wall_again")]


def test_alone_means_own_rows_alone():
    cold, wall = plan.assignments([COLD, WALL], PLAIN, alone=True, budget_s=BUDGET_S)
    assert cold.others + wall.others + cold.not_run + wall.not_run == ()


def test_a_fault_without_rows_is_not_assigned():
    nothing = NamedFault(name="never-evict", requirement="ISO-6")
    assert plan.assignments([nothing], PLAIN, alone=False, budget_s=BUDGET_S) == ()


# --- what became of a fault


def came(problem="", **statuses):
    """The run of a fault in which these tests came out so, and all others as on the plain runtime."""
    found = dict(PLAIN)
    for name, status in statuses.items():
        row = found.pop(f"t.py::{name}")
        if status is not None:
            found[row.test] = msgspec.structs.replace(row, status=status, reason="it came out otherwise")
    return SuiteRun(rows=found, duration_s=1.0, problem=problem)


def judged(run, fault=COLD):
    (assignment,) = plan.assignments([fault], PLAIN, alone=False, budget_s=BUDGET_S)
    return judging.result(assignment, PLAIN, run)


@pytest.mark.parametrize("status", [Status.FAIL, Status.CRASH, Status.TIMEOUT])
def test_one_broken_test_of_its_requirement_kills(status):
    found = judged(came(cold=status))
    assert (found.outcome, found.killed) == (Outcome.KILLED, True)
    assert [(each.test, each.plain, each.status) for each in found.killed_by] == [("t.py::cold", "pass", status)]
    assert found.clean
    assert found.detail == ""


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (Status.PASS, Outcome.SURVIVED),
        (Status.ERROR, Outcome.UNDECIDED),
        (Status.INCONCLUSIVE, Outcome.UNDECIDED),
        (Status.UNSUPPORTED, Outcome.UNDECIDED),
        (None, Outcome.UNDECIDED),
    ],
)
def test_what_breaks_nothing_does_not_kill(status, outcome):
    """An error of the harness, a failed control and a test that was not reached notice nothing."""
    found = judged(came(cold=status))
    assert (found.outcome, found.killed, found.killed_by, found.clean) == (outcome, False, (), False)
    assert f"cold: {status.value if status else 'not reached'}" in found.detail


def test_a_test_that_fails_without_the_fault_kills_nothing():
    """It would fail with any fault."""
    plain = {**PLAIN, "t.py::cold": msgspec.structs.replace(PLAIN["t.py::cold"], status=Status.FAIL)}
    (assignment,) = plan.assignments([COLD], plain, alone=False, budget_s=BUDGET_S)
    found = judging.result(assignment, plain, came(cold=Status.FAIL))
    assert found.outcome is Outcome.UNDECIDED
    assert "cold: fail, but fail without the fault too" in found.detail


def test_what_falls_beside_it_is_foretold_or_collateral():
    found = judged(came(cold=Status.FAIL, per_request=Status.FAIL, wall=Status.INCONCLUSIVE, unsupported=Status.ERROR))
    assert [each.test for each in found.consequences] == ["t.py::per_request"]
    assert found.spared == ()
    assert [(each.requirement, each.plain, each.status) for each in found.collateral] == [
        ("CPU-9", "pass", "inconclusive"),
        ("CPU-3", "unsupported", "error"),
    ]
    assert not found.clean


def test_what_comes_out_better_or_was_broken_before_is_no_collateral():
    found = judged(came(cold=Status.FAIL, unsupported=Status.PASS, broken=Status.CRASH))
    assert found.collateral == ()


def test_what_was_foretold_and_holds_is_said():
    """ISO-5 was looked at and stood; what no row was run of is not said to have stood."""
    assert judged(came(cold=Status.FAIL)).spared == ("ISO-5",)
    assert judged(came(cold=Status.FAIL, per_request=None)).spared == ()


def test_a_run_that_was_cut_short_is_not_clean():
    """Its fault may be killed all the same; what was not reached is said."""
    found = judged(came(cold=Status.FAIL, wall=None, problem="it was ended after its deadline of 1 s"))
    assert found.killed
    assert not found.clean
    assert found.not_run == ("t.py::wall",)


def test_only_what_breaks_again_counts():
    """A row that held the second time is unsteady; one the second run did not get to stays collateral."""
    first = judged(came(cold=Status.FAIL, wall=Status.FAIL, wall_again=Status.FAIL, unsupported=Status.FAIL))
    found = judging.second_look(first, PLAIN, came(wall_again=Status.FAIL, unsupported=None))
    assert [each.test for each in found.collateral] == ["t.py::wall_again", "t.py::unsupported"]
    assert [each.test for each in found.unsteady] == ["t.py::wall"]


# --- what it comes to


SLOW = LeftOut(requirement="CPU-2", test="t.py::test_slow", duration_ms=2512.0)


def a_report(*results, unproven=(), complete=True):
    return FaultsReport(
        proven=complete and not unproven and all(each.clean for each in results),
        complete=complete,
        why_incomplete="" if complete else "interrupted after 1 of 2 faults",
        run=RUN,
        runtime=RUNTIME,
        environment={"cores": 2, "packages": {"pytest": "9"}},
        areas={"ISO": "isolates", "CPU": "CPU time"},
        rows="area",
        requirements={"ISO-2": "it is warm", "CPU-9": "it may wait"},
        plain=PlainRun(rows=len(PLAIN), duration_s=12.0, looked_at=("ISO-2",), left_out=(SLOW, SLOW)),
        faults=results,
        unproven=unproven,
    )


KILLED = judged(came(cold=Status.FAIL, per_request=Status.FAIL))
SURVIVED = judged(came(), WALL)
COLLATERAL = judged(came(wall=Status.CRASH, cold=Status.FAIL), WALL)
LEFT_OUT = judging.not_tried(WALL, Outcome.LEFT_OUT, "the tests of CPU-9 are in --profile=full")


@pytest.mark.parametrize(
    ("results", "unproven", "words"),
    [
        ([KILLED], (), "PROVEN: 1 of 1 fault killed, none with collateral in 6 other rows"),
        ([KILLED, LEFT_OUT], (), "PROVEN: 1 of 1 fault killed, none with collateral in 6 other rows, 1 left out"),
        (
            [KILLED],
            ("CPU-9",),
            "NOT PROVEN: 1 of 1 fault killed, none with collateral in 6 other rows, no killed fault for CPU-9",
        ),
        ([KILLED, SURVIVED], (), "NOT PROVEN: 1 of 2 faults killed, none with collateral in 6 other rows"),
        ([KILLED, COLLATERAL], (), "NOT PROVEN: 2 of 2 faults killed, 1 with collateral"),
    ],
)
def test_the_sentence(results, unproven, words):
    assert sentence(a_report(*results, unproven=unproven)) == words


def test_unproven_are_requirements_without_a_kill():
    assert judging.unproven(["ISO-2", "CPU-9", "CPU-2"], [KILLED, SURVIVED]) == ("CPU-9", "CPU-2")


def test_the_table_says_what_to_look_into():
    """Survivors with what their tests did, collateral with what changed, runs that were not whole."""
    cut = judged(came(cold=Status.FAIL, problem="it was ended after its deadline of 1 s\nand more"))
    text = table(a_report(cut, SURVIVED, COLLATERAL, complete=False))
    assert text.startswith("INCOMPLETE: interrupted after 1 of 2 faults.")
    assert "wall-limit (CPU-9): wall: pass; wall_again: pass" in text
    assert "wall-limit: ISO-2 cold: pass became fail, it came out otherwise" in text
    assert "always-cold: it was ended after its deadline of 1 s\n    and more" in text
    assert "  2 of CPU-2\n  nothing was looked at of CPU-2: a larger --minutes would" in text
    assert text.endswith(sentence(a_report(cut, SURVIVED, COLLATERAL, complete=False)))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (KILLED, "  1/2 always-cold (ISO-2): killed by 1 of 2 tests, no collateral in 6 rows, 1.0 s"),
        (SURVIVED, "  1/2 wall-limit (CPU-9): SURVIVED, no collateral in 6 rows, 1.0 s"),
        (COLLATERAL, "  1/2 wall-limit (CPU-9): killed by 1 of 2 tests, COLLATERAL in 1 row, 1.0 s"),
    ],
)
def test_a_line_for_each_fault(found, words):
    assert finished_line(found, done=1, of=2) == words


def test_the_file_has_a_schema_that_it_follows():
    """What is written is read again as it was, and the schema refuses what is not it."""
    report = a_report(KILLED, SURVIVED, COLLATERAL, LEFT_OUT, unproven=("CPU-9",))
    content = json.loads(msgspec.json.encode(report))
    assert msgspec.json.decode(msgspec.json.encode(report), type=FaultsReport) == report
    schema = schemas.schema_of(FAULTS_SCHEMA, FaultsReport)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(content, schema)
    for damage in ({"schema": "isomark/faults/2"}, {"proven": "yes"}, {"faults": [{"name": "x"}]}, {"more": 1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**content, **damage}, schema)
    assert {"name", "requirement", "killed", "killed_by", "collateral", "also", "not_run"} <= set(content["faults"][0])


def test_rows_of_a_run_that_was_killed_are_read(tmp_path):
    """The last line may be cut off; then there is no end, and with an end it is told."""
    lines = [msgspec.json.encode(row) for row in PLAIN.values()]
    file = tmp_path / "rows"
    assert keeping.read(file) == ((), None)
    file.write_bytes(b"\n".join(lines[:2]) + b"\n" + lines[2][:40])
    assert keeping.read(file) == (tuple(PLAIN.values())[:2], None)
    file.write_bytes(lines[0] + b"\n" + msgspec.json.encode(keeping.End(problem="stopped")) + b"\n")
    assert keeping.read(file) == ((PLAIN["t.py::cold"],), keeping.End(problem="stopped"))


def test_a_broken_row_keeps_both_sides():
    row = PLAIN["t.py::broken"]
    assert judging.broken_on_plain(PLAIN.values()) == (
        Broken(requirement="CPU-2", test=row.test, plain=Status.FAIL, status=Status.FAIL, reason=row.reason),
    )
    assert isinstance(judging.not_tried(COLD, Outcome.NOT_RUN, ""), FaultResult)
