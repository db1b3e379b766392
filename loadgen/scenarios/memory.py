"""What a runtime's processes take of the machine's memory, as the kernel counts it."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

LEAST_GUARD_BYTES, MOST_GUARD_BYTES = 1 << 30, 16 << 30

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Of several processes together. `pss_bytes`: None where the kernel does not let this process see it."""

    resident_bytes: int
    pss_bytes: int | None


NOTHING = Reading(resident_bytes=0, pss_bytes=0)


def reading(pids: Iterable[int]) -> Reading:
    """What they take now."""
    known = tuple(pids)
    return Reading(resident_bytes=resident_bytes(known), pss_bytes=pss_bytes(known))


def guard_bytes() -> int:
    """What a runtime may take here: half of what is free now, within 1 to 16 GiB."""
    return min(MOST_GUARD_BYTES, max(LEAST_GUARD_BYTES, _available_bytes() // 2))


def resident_bytes(pids: Iterable[int]) -> int:
    """Of all of them; a process that has ended has none."""
    return sum(_resident_bytes(pid) for pid in pids)


def pss_bytes(pids: Iterable[int]) -> int | None:
    """The proportional set size of all of them: of a page that n processes share, each has a part in n.

    A process that has ended has none. None when one of them may not be looked into, which takes the right to trace it.
    """
    found = [_pss_bytes(pid) for pid in pids]
    return None if None in found else sum(each for each in found if each is not None)


def share_of_guard(pids: Iterable[int], guard: int) -> float:
    """How near they are to what ends them: resident memory against the guard, or data against the kernel's limit.

    The kernel counts private writable memory, resident or not (RLIMIT_DATA), and each process for itself.
    """
    known = tuple(pids)
    shares = [resident_bytes(known) / guard]
    for pid in known:
        limit = _data_limit_bytes(pid)
        if limit is not None:
            shares.append(_status_bytes(pid, "VmData") / limit)
    return max(shares)


def _available_bytes() -> int:
    return _field_bytes(Path("/proc/meminfo"), "MemAvailable")


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    except OSError:
        return 0


def _pss_bytes(pid: int) -> int | None:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return None if Path(f"/proc/{pid}").exists() else 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), None)


def _status_bytes(pid: int, name: str) -> int:
    return _field_bytes(Path(f"/proc/{pid}/status"), name)


def _data_limit_bytes(pid: int) -> int | None:
    try:
        soft, _ = resource.prlimit(pid, resource.RLIMIT_DATA)
    except OSError:
        return None
    return None if soft == resource.RLIM_INFINITY else soft


def _field_bytes(path: Path, name: str) -> int:
    """A line like `VmData:  1234 kB`; 0 where there is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), 0)
