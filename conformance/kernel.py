"""What the kernel knows of a runtime's processes: the truth from outside the guest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class ThreadTimes:
    """What the scheduler did with one thread so far: let it run, or made it wait for a core though it could run."""

    ran_ns: int
    held_back_ns: int


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What the threads of some processes did for a while.

    `cpu_ns`: all of them together. `busiest_ns`: the one that ran most. `held_back_ns`: for how long that one could
    have run and had no core; a clock on the wall sees it, an account of CPU time must not. `most_held_back_ns`: the
    same of whichever thread waited longest, be it the one that was to stop the busiest.
    """

    cpu_ns: int
    busiest_ns: int
    held_back_ns: int
    most_held_back_ns: int = 0

    @property
    def busy(self) -> float:
        """How long the busiest thread had no core for each second that it ran, in seconds, at most 1."""
        return min(1.0, self.held_back_ns / max(1, self.busiest_ns))


class Meter:
    """Reads what the threads of these processes use from now on."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._pids = tuple(pids)
        self._before = thread_times(self._pids)

    def usage(self) -> Usage:
        """So far. A thread that has ended meanwhile is not in it."""
        none = ThreadTimes(ran_ns=0, held_back_ns=0)
        times = [(self._before.get(thread, none), after) for thread, after in thread_times(self._pids).items()]
        spent = [(after.ran_ns - before.ran_ns, after.held_back_ns - before.held_back_ns) for before, after in times]
        busiest_ns, held_back_ns = max(spent, default=(0, 0))
        return Usage(
            cpu_ns=sum(ran_ns for ran_ns, _ in spent),
            busiest_ns=busiest_ns,
            held_back_ns=held_back_ns,
            most_held_back_ns=max((held_back_ns for _, held_back_ns in spent), default=0),
        )


def peak_resident_bytes(pids: Iterable[int]) -> int:
    """The most memory these processes ever had resident, added up (VmHWM). 0 for those that are gone."""
    return sum(_peak(Path(f"/proc/{pid}/status")) for pid in pids)


def environment(pids: Iterable[int]) -> frozenset[str]:
    """Names of the variables that these processes were started with; none of those that are gone or keep it secret."""
    entries = [entry for pid in pids for entry in _environ(Path(f"/proc/{pid}/environ")).split("\0")]
    return frozenset(entry.partition("=")[0] for entry in entries if entry)


def cpu_ns(pids: Iterable[int]) -> int:
    """CPU time that all threads of these processes have used so far, in nanoseconds of the scheduler's own clock."""
    return sum(times.ran_ns for times in thread_times(pids).values())


def thread_times(pids: Iterable[int]) -> Mapping[int, ThreadTimes]:
    """The times of each thread of these processes, by thread id."""
    times = {int(name): _times(Path(f"/proc/{pid}/task/{name}/schedstat")) for pid in pids for name in _threads(pid)}
    return {thread: found for thread, found in times.items() if found is not None}


def _threads(pid: int) -> list[str]:
    """None for a process that is gone."""
    try:
        return [path.name for path in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return []


def _peak(status: Path) -> int:
    try:
        found = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) << 10 if found else 0


def _environ(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _times(schedstat: Path) -> ThreadTimes | None:
    """None for a thread that is gone."""
    try:
        ran_ns, held_back_ns, _ = schedstat.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    return ThreadTimes(ran_ns=int(ran_ns), held_back_ns=int(held_back_ns))
