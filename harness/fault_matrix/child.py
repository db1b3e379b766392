"""One run of the conformance suite in a child process, which leaves nothing behind however this process ends."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.fault_matrix import keeping
from harness.fault_matrix.keeping import read
from harness.process import Supervised, instance_folder
from harness.redaction import without_machine_paths
from harness.rows import Row
from harness.toolchain import CHECKOUT

_LOOK_S = 0.2
"""How long a run goes on at most after it was called off."""

# No plugin but the suite's own, which keeps the order of the test ids given, and nothing remembered.
_PLAIN_PYTEST = ("-q", "--tb=short", "-p", "no:cacheprovider", "-p", keeping.__name__)
_ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


class CalledOff(Exception):
    """The run was ended on request, before its end."""


@dataclass(frozen=True, kw_only=True)
class SuiteRun:
    """What a run found: its rows by test. `problem`: why it is not whole; `late`: its deadline is the reason."""

    rows: dict[str, Row]
    duration_s: float
    problem: str = ""
    late: bool = False


def run_suite(
    specification: str,
    words: Sequence[str],
    *,
    profile: str,
    deadline_s: float,
    called_off: threading.Event,
    side_by_side: int = 1,
) -> SuiteRun:
    """Judge a runtime. `words`: what to run, as pytest's arguments; test ids are run in the order given, or so many
    `side_by_side`.

    Raises `CalledOff` soon after `called_off` is set. A run past its deadline is ended; its rows until then count.
    """
    with instance_folder() as folder:
        arguments = folder / "arguments"
        arguments.write_text("".join(f"{word}\n" for word in words), encoding="utf-8")  # a command line is not as long
        kept = folder / "rows"
        spread = ("-p", "xdist.plugin", "-n", str(side_by_side)) if side_by_side > 1 else ()
        started = time.monotonic()
        with Supervised(
            "pytest",
            [
                *(sys.executable, "-m", "pytest", *_PLAIN_PYTEST, *spread, f"--basetemp={folder / 'tests'}"),
                *(f"--runtime={specification}", f"--profile={profile}", f"{keeping.OPTION}={kept}", f"@{arguments}"),
            ],
            log=folder / "log",
            memory_guard_bytes=None,  # the runtimes inside are given theirs
            environment=_environment(),
            folder=CHECKOUT,
        ) as child:
            late = not _ended(child, started + deadline_s, called_off)
        duration_s = time.monotonic() - started
        rows, problem = _left_behind(kept, child)
        if late:
            problem = f"it was ended after its deadline of {deadline_s:g} s"
        return SuiteRun(rows=_by_test(rows), duration_s=duration_s, problem=problem, late=late)


def _ended(child: Supervised, deadline: float, called_off: threading.Event) -> bool:
    """Wait for the child's own end. False when the deadline came first."""
    while not child.ended_within(_LOOK_S):
        if called_off.is_set():
            raise CalledOff
        if time.monotonic() > deadline:
            return False
    return True


def _left_behind(kept: Path, child: Supervised) -> tuple[tuple[Row, ...], str]:
    """The rows of the tests that ran, and why they are not all."""
    rows, end = read(kept)
    problem = end.problem if end else "it did not come to its end"
    if problem and not rows:  # pytest itself says what is wrong
        problem += f"; last lines of its log:\n{without_machine_paths(child.log_tail())}"
    return rows, problem


def _by_test(rows: Iterable[Row]) -> dict[str, Row]:
    return {row.test: row for row in rows}


def _environment() -> dict[str, str]:
    """This process's own, without what another pytest, such as one that tests this, has put there."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")} | _ALONE
