"""What the kernel knows of a runtime's processes: the truth from outside the guest."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path


def peak_resident_bytes(pids: Iterable[int]) -> int:
    """The most memory these processes ever had resident, added up (VmHWM). 0 for those that are gone."""
    return sum(_peak(Path(f"/proc/{pid}/status")) for pid in pids)


def cpu_ns(pids: Iterable[int]) -> int:
    """CPU time that all threads of these processes have used so far, in nanoseconds of the scheduler's own clock."""
    return sum(_run_ns(path) for pid in pids for path in Path(f"/proc/{pid}/task").glob("*/schedstat"))


def _peak(status: Path) -> int:
    try:
        found = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) << 10 if found else 0


def _run_ns(schedstat: Path) -> int:
    try:
        return int(schedstat.read_text(encoding="ascii").split()[0])
    except (OSError, IndexError):
        return 0
