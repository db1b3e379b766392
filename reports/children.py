"""Running a half of the suite as a child that never outlives this process's interest in it.

Each child leads a process group of its own. Whatever ends this side early (Ctrl-C, a hang-up, a request to terminate)
is passed on as an interrupt, so that the child can stop what it started; what is left of the group is then killed.
A child of `run_logged` ends with this process even when that is killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from harness.process import Supervised, instance_folder

GRACE_S = 20.0
"""Seconds an interrupted child has to stop the runtimes it started and to write what it knows."""

_POLL_S = 0.05

_LOOK_S = 0.25

LAST_LINES = 12


@dataclass(frozen=True, kw_only=True)
class ChildEnd:
    """How a child ended: its exit code, 128 + n when signal n ended it, and the last lines it said."""

    exit_code: int
    last_words: str


def run_child(command: Sequence[str], *, folder: Path, grace_s: float = GRACE_S) -> int:
    """Run to the end with this process's stdout and stderr, and return the exit code, 128 + n when signal n ended it.

    Raises `KeyboardInterrupt` after the child is gone when this process is interrupted, and `OSError` when the program
    cannot be started.
    """
    with _noted_endings() as noted:
        child = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, process_group=0)
        try:
            while not _ends_within(child.pid, _POLL_S):
                if noted:
                    _end(child.pid, grace_s)
                    break
        finally:
            _signal_group(child.pid, signal.SIGKILL)
            child.wait()
    if noted:
        raise KeyboardInterrupt
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def run_logged(
    name: str,
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    meanwhile: Callable[[], None] = lambda: None,
    grace_s: float = GRACE_S,
) -> ChildEnd:
    """Run to the end, unheard: what it says is kept until then. `meanwhile` is called every quarter of a second.

    `environment` is added to this process's own. Raises `KeyboardInterrupt` after the child is gone when this process
    is interrupted (a second time: without waiting further for the child), `ToolchainError` when there is no such
    program, and `OSError` when there is no room to begin.
    """
    with _noted_endings() as noted, instance_folder() as place:
        with Supervised(
            name,
            command,
            log=place / "log",
            memory_guard_bytes=None,
            environment={**os.environ, **(environment or {})},
            folder=folder,
        ) as child:
            while not noted and not child.ended_within(_LOOK_S):
                meanwhile()
            if noted:
                _end_politely(child, noted, grace_s)
        end = ChildEnd(exit_code=child.exit_code(), last_words=child.log_tail(LAST_LINES))
    if noted:
        raise KeyboardInterrupt
    return end


def _end_politely(child: Supervised, noted: list[int], grace_s: float) -> None:
    """Ask the leader alone: it knows what it started, and in which order that ends well."""
    for polite in (signal.SIGINT, signal.SIGTERM):
        asked = len(noted)
        with suppress(ProcessLookupError):
            os.kill(child.pid, polite)
        deadline = time.monotonic() + grace_s
        while time.monotonic() < deadline and len(noted) == asked:
            if child.ended_within(_POLL_S):
                return


def _ends_within(pid: int, period_s: float) -> bool:
    """Wait without reaping: the id stays the child's own until the group has been dealt with."""
    deadline = time.monotonic() + period_s
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _end(pid: int, grace_s: float) -> None:
    for polite in (signal.SIGINT, signal.SIGTERM):
        _signal_group(pid, polite)
        if _ends_within(pid, grace_s):
            return


def _signal_group(pid: int, number: signal.Signals) -> None:
    # The leader is not reaped yet, so this id cannot have become somebody else's.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


@contextmanager
def _noted_endings() -> Iterator[list[int]]:
    """The numbers of the signals that asked this process to end, noted as they come.

    Noted and not raised: an exception between the start of a child and knowing its id would leave the child behind.
    """
    noted: list[int] = []
    endings = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda came, _frame: noted.append(came)) for number in endings}
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
