"""The control groups of the engine's containers: one group above them all, which is ended and removed as a whole."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

GONE_DEADLINE_S = 20.0
"""Safety deadline: what was killed dies when it gets a core."""


def hierarchies() -> list[Path]:
    """Where cgroup file systems are mounted: one in version 2, one for each controller in version 1."""
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    fields = [line.split() for line in mounts]
    return [Path(where) for _, where, kind, *_ in fields if kind in {"cgroup", "cgroup2"}]


def kill(group: str) -> None:
    """Kill every process in the group of that name and below."""
    deadline = time.monotonic() + GONE_DEADLINE_S
    while (pids := {pid for top in _tops(group) for pid in _members(top)}) and time.monotonic() < deadline:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def remove(group: str) -> None:
    """Remove the group and those below, which must be empty; the kernel may see that a moment after its last death."""
    deadline = time.monotonic() + GONE_DEADLINE_S
    while tops := _tops(group):
        for top in tops:
            for folder, _, _ in os.walk(top, topdown=False):
                with contextlib.suppress(OSError):
                    Path(folder).rmdir()
        if time.monotonic() > deadline:
            return
        time.sleep(0.01)


def _tops(group: str) -> list[Path]:
    return [top for each in hierarchies() if (top := each / group.lstrip("/")).is_dir()]


def _members(top: Path) -> Iterator[int]:
    for folder, _, _ in os.walk(top):
        with contextlib.suppress(OSError):
            yield from map(int, Path(folder, "cgroup.procs").read_text(encoding="ascii").split())
