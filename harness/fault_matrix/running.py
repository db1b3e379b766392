"""The runs of the matrix: one of the plain runtime, then one for each fault, so many side by side.

A test that looks at time may break because two runs share a core. So what came out as collateral is run once more, one
fault after the other, when all is quiet; only what breaks again counts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from enum import StrEnum

from harness.errors import DeadlineExceeded, IsomarkError
from harness.fault_matrix import judging
from harness.fault_matrix.child import CalledOff, SuiteRun, run_suite
from harness.fault_matrix.faults import SETTING, NamedFault
from harness.fault_matrix.plan import DEADLINE_S, Assignment, assignments, left_out, looked_at
from harness.fault_matrix.report import FaultResult, LeftOut, Outcome, PlainRun
from harness.fault_matrix.text import finished_line, plain_line, second_line

PLAIN_DEADLINE_S = 30 * 60.0
"""Safety deadline of the plain run, of which nothing is known yet: a runtime that never starts costs 20 s for a row."""


_TRUSTED = 0.8
"""The part of the time that is planned for: a broken runtime takes longer over many a row."""


class RowsChoice(StrEnum):
    """Which rows are looked at for collateral."""

    AREA = "area"  # those of the chosen areas
    ALL = "all"  # every row there is
    REQUIREMENT = "requirement"  # none: only whether each fault is killed


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the matrix is made of. `minutes`: what it may take altogether, which decides how much is looked at.

    `deadline_s` is that of each run, in place of the ones worked out from the plain run. `in_longer_profile`:
    requirements whose tests are all in a longer profile than `profile`.
    """

    specification: str
    faults: tuple[NamedFault, ...]
    in_longer_profile: Collection[str]
    areas: tuple[str, ...]
    rows: RowsChoice
    profile: str
    workers: int
    minutes: float
    deadline_s: float | None = None


@dataclass(kw_only=True)
class Matrix:
    """What is known so far. `why_incomplete` is empty once every fault has been tried."""

    settings: Settings
    plain: PlainRun | None = None
    found: dict[str, FaultResult] = field(default_factory=dict)
    why_incomplete: str = "it was still running when this was written"

    def results(self) -> tuple[FaultResult, ...]:
        """One for each fault, tried or not, in catalogue order."""
        return tuple(
            self.found.get(fault.name) or judging.not_tried(fault, Outcome.NOT_RUN, "the matrix ended before it")
            for fault in self.settings.faults
        )


def fill(matrix: Matrix, *, tell: Callable[[str], None], keep: Callable[[], None]) -> None:
    """Run everything. `tell` is given a line for each run that ended; `keep` is called whenever there is news.

    Raises `KeyboardInterrupt` once no child is left, with `matrix` as far as it got; `DeadlineExceeded` when the plain
    run did not end, and `IsomarkError` when it left nothing to compare with.
    """
    called_off = threading.Event()
    pool = ThreadPoolExecutor(matrix.settings.workers)
    futures: dict[Future[SuiteRun], Assignment] = {}
    try:
        plain = pool.submit(_plain_run, matrix.settings, called_off).result()
        planned = _plan(matrix, plain)
        tell(plain_line(matrix.plain))
        keep()
        # The longest first: what is short fills the gaps at the end.
        for each in sorted(planned, key=lambda each: -each.expected_s):
            futures[pool.submit(_fault_run, matrix.settings, each, called_off)] = each
        for future in as_completed(futures):
            found = judging.result(futures[future], plain.rows, future.result())
            matrix.found[found.name] = found
            tell(finished_line(found, done=len(matrix.found), of=len(matrix.settings.faults)))
            keep()
        for found in [each for each in matrix.found.values() if each.collateral and not each.problem]:
            again = pool.submit(_second_run, matrix.settings, found, called_off).result()
            matrix.found[found.name] = judging.second_look(found, plain.rows, again)
            tell(second_line(matrix.found[found.name]))
            keep()
        matrix.why_incomplete = ""
    except KeyboardInterrupt:
        tried = sum(each.outcome is not Outcome.LEFT_OUT for each in matrix.found.values())
        matrix.why_incomplete = f"interrupted after {tried} of {len(matrix.settings.faults)} faults"
        raise
    finally:
        called_off.set()
        pool.shutdown(cancel_futures=True)


def _plan(matrix: Matrix, plain: SuiteRun) -> tuple[Assignment, ...]:
    """What to run for each fault; those that need no run are settled at once."""
    settings = matrix.settings
    planned = assignments(
        settings.faults,
        plain.rows,
        alone=settings.rows is RowsChoice.REQUIREMENT,
        budget_s=(settings.minutes * 60 * _TRUSTED - plain.duration_s) * settings.workers,
    )
    with_rows = {each.fault.name for each in planned}
    for fault in settings.faults:
        if fault.name in with_rows:
            continue
        longer = fault.requirement in settings.in_longer_profile
        matrix.found[fault.name] = judging.not_tried(
            fault,
            Outcome.LEFT_OUT if longer else Outcome.UNDECIDED,
            f"the tests of {fault.requirement} are in --profile=full"
            if longer
            else f"the suite has no test of {fault.requirement}",
        )
    matrix.plain = PlainRun(
        rows=len(plain.rows),
        duration_s=round(plain.duration_s, 1),
        broken=judging.broken_on_plain(plain.rows.values()),
        looked_at=looked_at(plain.rows, planned),
        left_out=tuple(
            LeftOut(requirement=row.requirement, test=row.test, duration_ms=row.duration_ms)
            for row in left_out(plain.rows, planned)
        ),
    )
    return planned


def _plain_run(settings: Settings, called_off: threading.Event) -> SuiteRun:
    words = ["conformance"]
    if settings.rows is RowsChoice.AREA:
        words.append(f"--area={','.join(settings.areas)}")
    elif settings.rows is RowsChoice.REQUIREMENT:
        words += [f"--requirement={each}" for each in sorted({fault.requirement for fault in settings.faults})]
    run = run_suite(
        settings.specification,
        words,
        profile=settings.profile,
        deadline_s=settings.deadline_s or PLAIN_DEADLINE_S,
        called_off=called_off,
        # As crowded as the runs of the faults will be, so that what a row takes here is what it takes there.
        side_by_side=settings.workers,
    )
    if run.problem:
        error = DeadlineExceeded if run.late else IsomarkError
        raise error(
            f"the suite could not be run on the plain runtime: {run.problem}",
            expected="a whole run to compare the faults with",
            remedy=f"see what `pytest {' '.join(words)} --runtime={settings.specification}` says",
        )
    return run


def _fault_run(settings: Settings, assignment: Assignment, called_off: threading.Event) -> SuiteRun:
    return _with_fault(settings, assignment.fault.name, assignment.words, assignment.deadline_s, called_off)


def _second_run(settings: Settings, found: FaultResult, called_off: threading.Event) -> SuiteRun:
    return _with_fault(settings, found.name, [each.test for each in found.collateral], DEADLINE_S, called_off)


def _with_fault(
    settings: Settings, fault: str, words: Sequence[str], deadline_s: float, called_off: threading.Event
) -> SuiteRun:
    if called_off.is_set():
        raise CalledOff
    return run_suite(
        f"{settings.specification},{SETTING}={fault}",
        words,
        profile=settings.profile,
        deadline_s=settings.deadline_s or deadline_s,
        called_off=called_off,
    )
