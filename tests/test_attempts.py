"""What has shown nothing is run again, up to three times in all; what has shown something stands."""

import pytest

from harness.rows import Status
from tests.child_run import run

TESTS = """
import itertools
import pytest

TRIED = {}

def attempt(name):
    TRIED[name] = TRIED.get(name, 0) + 1
    Path(os.environ["TMPDIR"], f"note-{name}-{TRIED[name]}.txt").write_text(str(os.getpid()))
    return TRIED[name]

@pytest.fixture
def fresh():
    return []

@requirement("ISO-2")
def test_second_time(launch, judge, tmp_path, fresh):
    number = attempt("second_time")
    fresh.append(number)
    judge.saw("attempts that this one shares anything with", len(fresh) + len(judge.evidence) - 1)
    pids = launch(project(tmp_path)[0]).instrument(Processes).pids()
    judge.saw("left of others", [pid for pid in TRIED.setdefault("pids", []) if Path(f"/proc/{pid}").exists()])
    TRIED["pids"] += pids
    judge.control(number == 2, expected="a quiet machine", saw="a busy one")

@requirement("ISO-2")
def test_never(judge):
    judge.control(False, expected="a quiet machine", saw=f"a busy one {attempt('never')}")

@requirement("ISO-2")
def test_then_broken(judge):
    judge.control(attempt("then_broken") > 1, expected="a quiet machine", saw="a busy one")
    judge.promise(False, expected="this", saw="that")

@requirement("ISO-2")
def test_broken(judge):
    judge.promise(attempt("broken") > 1, expected="this", saw="that")

@requirement("ISO-2")
def test_slip():
    assert attempt("slip") > 1
    raise KeyError("a slip in the test")

@requirement("ISO-2")
def test_leaves_badly(launch, judge, tmp_path):
    launch(project(tmp_path, name="leaves-badly")[0])
    judge.control(attempt("leaves_badly") > 1, expected="a quiet machine", saw="a busy one")
"""

ROWS = {
    "test_second_time": (Status.PASS, 2),
    "test_never": (Status.INCONCLUSIVE, 3),
    "test_then_broken": (Status.FAIL, 2),
    "test_broken": (Status.FAIL, 1),
    "test_slip": (Status.FAIL, 1),
    "test_leaves_badly": (Status.ERROR, 1),
}


@pytest.fixture(scope="module", params=[(), ("-n", "2")], ids=["alone", "in parallel"])
def finished(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    options = (f"--report={folder / 'report'}", *request.param)
    _, output, child = run(folder, TESTS, *options, runtime="tests.misbehaving:Misbehaving")
    rows = {row.test.rpartition("::")[2]: row for row in child.report().rows if "test_promises" in row.test}
    return output, child, rows


@pytest.mark.parametrize("function", ROWS)
def test_only_what_shows_nothing_is_tried_again(finished, function):
    row = finished[2][function]
    assert (row.status, row.attempts) == ROWS[function], row.reason
    notes = list(finished[1].temporary.glob(f"note-{function.removeprefix('test_')}-*.txt"))
    assert len(notes) == row.attempts


def test_there_is_one_row_for_all_attempts(finished):
    assert finished[2].keys() == ROWS.keys()
    assert finished[1].report().complete


def test_each_attempt_begins_anew(finished):
    """With fixtures and a judge of its own, when nothing of the one before is left."""
    evidence = finished[2]["test_second_time"].evidence
    assert evidence["attempts that this one shares anything with"] == 0
    assert evidence["left of others"] == []


def test_why_each_showed_nothing_is_kept(finished):
    evidence = finished[2]["test_never"].evidence
    assert "a busy one 1" in evidence["attempt 1 showed nothing"]
    assert "a busy one 2" in evidence["attempt 2 showed nothing"]
    assert "attempt 3 showed nothing" not in evidence
    assert "a busy one 3" in finished[2]["test_never"].reason


def test_the_closing_text_says_how_often_it_was_tried(finished):
    assert "INCONCLUSIVE test_never (3 attempts)" in finished[0]
    assert "FAIL         test_then_broken (2 attempts)" in finished[0]
    assert "test_broken (" not in finished[0]


def test_nothing_is_left(finished):
    assert finished[1].leftovers() == []
