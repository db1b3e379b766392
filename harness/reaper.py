"""The last one standing: ends what its parent left behind when the parent is gone, however it went.

Run as a script by `harness.process`, in a session of its own, with the parent's pipe as standard input. Each line
names something that exists (`P pid`, `D folder`) or no longer does (`p pid`, `d folder`); folders are written with
Python's escapes, so that no character in one can end the line. The pipe closes when the parent ends, SIGKILL
included; then every process group still named is killed and every folder still named is removed. Standard library
only, nothing of isomark imported: it must start in milliseconds.
"""

import contextlib
import os
import shutil
import signal
import sys
import time

GONE_DEADLINE_S = 5.0


def start_time(pid: int) -> str:
    """The kernel's start time of a process, so that a reused id is never killed. Empty when there is none."""
    found = _stat(pid)
    return found[19] if found else ""


def group_lives(group: int) -> bool:
    """Whether a process group still has a member that runs; one that only waits to be collected does not count."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib would double the start-up time
        if name.isdigit():
            found = _stat(int(name))
            if found and found[2] == str(group) and found[0] not in "ZX":
                return True
    return False


def await_group_end(group: int, deadline_s: float) -> bool:
    """Wait until a killed group is gone: it takes its members a moment to die. False when one is still there."""
    deadline = time.monotonic() + deadline_s
    while group_lives(group):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def main() -> None:
    processes: dict[int, str] = {}
    folders: set[str] = set()
    for raw in sys.stdin.buffer:
        with contextlib.suppress(ValueError):  # a line that cannot be read must not cost the others
            _take(raw.rstrip(b"\n"), processes, folders)
    ours = [
        # A group outlives its leader: when the leader is gone there is no start time to compare, and the group, whose
        # id cannot be reused while it has members, is still ours.
        pid
        for pid, started in processes.items()
        if start_time(pid) in ("", started)
    ]
    for pid in ours:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
    for pid in ours:
        await_group_end(pid, GONE_DEADLINE_S)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _take(line: bytes, processes: dict[int, str], folders: set[str]) -> None:
    kind, _, name = line.partition(b" ")
    if kind == b"P":
        processes[int(name)] = start_time(int(name))
    elif kind == b"p":
        processes.pop(int(name), None)
    elif kind == b"D":
        folders.add(name.decode("unicode_escape"))
    elif kind == b"d":
        folders.discard(name.decode("unicode_escape"))


def _stat(pid: int) -> list[str]:
    """/proc's fields from the state on: state, parent, group, ...; empty when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:  # noqa: PTH123 - as above
            return stream.read().rpartition(b")")[2].decode().split()
    except OSError:
        return []


if __name__ == "__main__":
    main()
