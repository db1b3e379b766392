"""What becomes of a fault, and what a kill matrix comes to."""

import json

import jsonschema
import msgspec
import pytest

from harness import schemas
from harness.fault_matrix import judging, keeping, plan
from harness.fault_matrix.report import FAULTS_SCHEMA, Broken, FaultResult, FaultsReport, Outcome
from harness.fault_matrix.text import finished_line, sentence, table
from harness.rows import Status
from tests.sample_matrix import (
    BUDGET_S,
    COLD,
    COLLATERAL,
    KILLED,
    LEFT_OUT,
    PLAIN,
    SURVIVED,
    WALL,
    a_report,
    came,
    judged,
)


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


def test_a_test_is_never_failed_only_where_no_fault_failed_it():
    """Whichever fault it was and whatever it broke; an error of the harness or a test that was not reached fails none.

    Parameters of one test are one; what was not run is not listed.
    """
    wall_fails = judged(came(wall=Status.TIMEOUT, cold_slow=Status.ERROR), WALL)
    assert judging.never_failed([KILLED]) == (("ISO-2", "t.py::cold_slow"),)
    assert judging.never_failed([KILLED, wall_fails]) == (
        ("ISO-2", "t.py::cold_slow"),
        ("CPU-9", "t.py::wall_again"),
    )
    assert judging.never_failed([SURVIVED, COLLATERAL, LEFT_OUT]) == (("CPU-9", "t.py::wall_again"),)
    named = ("t.py::one[a]", "t.py::one[::1]", "t.py::two[a]")
    broken = msgspec.structs.replace(KILLED.killed_by[0], test="t.py::one[::1]")
    both = msgspec.structs.replace(KILLED, tests=named, killed_by=(broken,), consequences=())
    assert judging.never_failed([both]) == (("ISO-2", "t.py::two"),)


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
