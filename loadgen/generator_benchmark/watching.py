"""One run of a tool, seen from outside: what the target served and what CPU time the tool took, meanwhile.

Every tool is treated alike. Its process is started on the generator's core; once the target has seen its first request
it is left to warm up; then the target's count and the process's CPU clock (all its threads, kernel and user) are read,
and read again a window later. Start-up and end are in no figure, and no tool's own count is.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import DeadlineExceeded, IsomarkError
from harness.process import Supervised
from loadgen.generator_benchmark.pinning import pinned
from loadgen.generator_benchmark.targets import Target
from loadgen.generator_benchmark.tools import environment

FIRST_REQUEST_DEADLINE_S = 30.0
"""Safety deadline for a tool to begin; Locust needs two seconds."""

END_DEADLINE_S = 60.0
"""Safety deadline for a tool to end after its time is over."""

POLL_S = 0.02
MEMORY_GUARD_BYTES = 4 << 30

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class ToolBroken(IsomarkError):
    """A tool did not do what it was started for."""


class EndedEarly(ToolBroken):
    """A tool ended before its window: by itself, or because this process was without a core for too long to see it."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """Between two instants: requests by the target's count, CPU time by the kernel's."""

    requests: int
    cpu_ns: int
    wall_ns: int

    @property
    def per_cpu_s(self) -> float:
        return self.requests * 1e9 / self.cpu_ns if self.cpu_ns else 0.0


@dataclass(frozen=True, kw_only=True)
class Watched:
    """`window` is the figure; the rest is for checking it. `whole` has all of the tool's run, start-up and end too.

    `resident_bytes` at the two ends of the window.
    """

    window: Window
    whole: Window
    resident_bytes: tuple[int, int]
    output: str


def watch(
    name: str, command: Sequence[str], target: Target, *, cpu: int, folder: Path, warm_up_s: float, window_s: float
) -> Watched:
    """Run a tool to its end. Raises `EndedEarly` when that is before the window's, `ToolBroken` if it never begins."""
    before = target.served()
    cpu_before_ns, started_ns = children_cpu_ns(), time.monotonic_ns()
    with _start(name, command, cpu=cpu, folder=folder) as process:
        _await_requests(process, target, before)
        if process.ended_within(warm_up_s):
            raise _ended_early(process)
        first = _reading(process.pid, target)
        if process.ended_within(window_s):
            raise _ended_early(process)
        last = _reading(process.pid, target)
        _await_end(process, END_DEADLINE_S + warm_up_s + window_s)  # what follows a window is no longer than it
        output = _output(process)
    whole = Window(
        requests=target.served() - before,
        cpu_ns=children_cpu_ns() - cpu_before_ns,
        wall_ns=time.monotonic_ns() - started_ns,
    )
    window = Window(
        requests=last.served - first.served, cpu_ns=last.cpu_ns - first.cpu_ns, wall_ns=last.at_ns - first.at_ns
    )
    return Watched(
        window=window, whole=whole, resident_bytes=(first.resident_bytes, last.resident_bytes), output=output
    )


def run(name: str, command: Sequence[str], *, cpu: int, folder: Path, deadline_s: float) -> str:
    """Run a tool to its end, unwatched; its output. Raises `DeadlineExceeded`."""
    with _start(name, command, cpu=cpu, folder=folder) as process:
        _await_end(process, deadline_s)
        return _output(process)


def children_cpu_ns() -> int:
    """CPU time of all processes this one has started and collected: user and system."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round((used.ru_utime + used.ru_stime) * 1e9)


def process_cpu_ns(pid: int) -> int:
    """CPU time of a process that lives or is not collected yet, of all its threads, the ended ones too."""
    # The kernel's name for another process's CPU clock: its id inverted, and 2 for the scheduler's own account
    # (include/linux/posix-timers_types.h). /proc has the same in ticks of 10 ms.
    return time.clock_gettime_ns(~pid << 3 | 2)


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES


@dataclass(frozen=True, kw_only=True)
class _Reading:
    at_ns: int
    served: int
    cpu_ns: int
    resident_bytes: int


def _reading(pid: int, target: Target) -> _Reading:
    served, cpu_ns = target.served(), process_cpu_ns(pid)
    return _Reading(at_ns=time.monotonic_ns(), served=served, cpu_ns=cpu_ns, resident_bytes=resident_bytes(pid))


def _start(name: str, command: Sequence[str], *, cpu: int, folder: Path) -> Supervised:
    with pinned(cpu):
        return Supervised(
            name,
            command,
            log=folder / "output",
            memory_guard_bytes=MEMORY_GUARD_BYTES,
            environment=environment(folder),
            folder=folder,
        )


def _await_requests(process: Supervised, target: Target, before: int) -> None:
    deadline = time.monotonic() + FIRST_REQUEST_DEADLINE_S
    while target.served() <= before:
        if process.ended_within(POLL_S):
            raise _ended_early(process)
        if time.monotonic() > deadline:
            raise ToolBroken(
                f"{process.name} sent no request in {FIRST_REQUEST_DEADLINE_S:g} s", log_tail=process.log_tail()
            )


def _await_end(process: Supervised, deadline_s: float = END_DEADLINE_S) -> None:
    if not process.ended_within(deadline_s):
        raise DeadlineExceeded(f"{process.name} did not end in {deadline_s:g} s", log_tail=process.log_tail())


def _output(process: Supervised) -> str:
    return process.log.read_text(encoding="utf-8", errors="replace")


def _ended_early(process: Supervised) -> EndedEarly:
    return EndedEarly(f"{process.name} ended before it was measured", log_tail=process.log_tail())
