"""What the kernel counts for a container, read from this side: its processes, its CPU time, its deaths for memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Cgroup:
    """One container's control group, in either version. What is not there is None: then the kernel cannot be asked."""

    processes: Path | None
    cpu: Path | None
    memory: Path | None

    def pids(self) -> tuple[int, ...]:
        """Every process in it; none when it is gone."""
        text = _read(self.processes)
        return tuple(map(int, text.split())) if text else ()

    def cpu_ns(self) -> int | None:
        """CPU time that all its processes used, ended ones too."""
        text = _read(self.cpu)
        if text is None:
            return None
        microseconds = re.search(r"^usage_usec (\d+)", text, re.MULTILINE)  # version 2; version 1 has nothing else
        return int(microseconds[1]) * 1000 if microseconds else int(text)

    def oom_kills(self) -> int | None:
        """How many of its processes the kernel killed for want of memory."""
        found = re.search(r"^oom_kill (\d+)", _read(self.memory) or "", re.MULTILINE)
        return int(found[1]) if found else None


def of(pid: int) -> Cgroup:
    """The group of a process, by /proc. Where the file systems of control groups are not mounted, nothing is known."""
    groups = dict(_groups(pid))
    tops = dict(_tops())
    whole = _folder(tops, groups, "")
    memory, cpu = (_folder(tops, groups, name) for name in ("memory", "cpuacct"))
    processes = memory or whole
    return Cgroup(
        processes=processes and processes / "cgroup.procs",
        cpu=cpu / "cpuacct.usage" if cpu else whole and whole / "cpu.stat",
        memory=memory / "memory.oom_control" if memory else whole and whole / "memory.events",
    )


def _groups(pid: int) -> Iterator[tuple[str, str]]:
    """Controller and path; the hierarchy of version 2 has no controllers, and the name ""."""
    for line in (_read(Path(f"/proc/{pid}/cgroup")) or "").splitlines():
        _, controllers, path = line.split(":", 2)
        for name in controllers.split(","):
            yield name, path


def _tops() -> Iterator[tuple[str, Path]]:
    for line in (_read(Path("/proc/self/mounts")) or "").splitlines():
        _, where, kind, options, *_ = line.split()
        if kind == "cgroup2":
            yield "", Path(where)
        elif kind == "cgroup":
            for option in options.split(","):
                yield option, Path(where)


def _folder(tops: dict[str, Path], groups: dict[str, str], controller: str) -> Path | None:
    if controller not in tops or controller not in groups:
        return None
    folder = tops[controller] / groups[controller].lstrip("/")
    return folder if folder.is_dir() else None


def _read(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return None
