"""A plain run, the run of a fault on it, and a matrix of every outcome, for tests."""

import msgspec

from harness.fault_matrix import judging, plan
from harness.fault_matrix.child import SuiteRun
from harness.fault_matrix.faults import NamedFault
from harness.fault_matrix.report import FaultsReport, LeftOut, Outcome, PlainRun
from harness.rows import Status
from tests.test_reports_samples import a_row
from tests.test_results import RUN, RUNTIME

BUDGET_S = 1e6


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
