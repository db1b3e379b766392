"""The last one standing: ends what its parent left behind when the parent is gone, however it went.

Run as a script by `harness.process`, in a session of its own, with the parent's pipe as standard input. Each line
names something that exists (`P pid`, `D folder`) or no longer does (`p pid`, `d folder`). The pipe closes when the parent
ends, SIGKILL included; then every process group still named is killed and every folder still named is removed.
Standard library only, nothing of isomark imported: it must start in milliseconds.
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
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:  # noqa: PTH123 - pathlib would double the start-up time
            return stream.read().rpartition(b")")[2].split()[19].decode()
    except (OSError, IndexError):
        return ""


def main() -> None:
    processes: dict[int, str] = {}
    folders: set[str] = set()
    for raw in sys.stdin.buffer:
        kind, _, name = raw.decode().rstrip("\n").partition(" ")
        if kind == "P":
            processes[int(name)] = start_time(int(name))
        elif kind == "p":
            processes.pop(int(name), None)
        elif kind == "D":
            folders.add(name)
        elif kind == "d":
            folders.discard(name)
    for pid, started in processes.items():
        # A group outlives its leader: when the leader is gone there is no start time to compare, and the group, whose
        # id cannot be reused while it has members, is still ours.
        if start_time(pid) in ("", started):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
    deadline = time.monotonic() + GONE_DEADLINE_S
    while any(start_time(pid) == started != "" and not _zombie(pid) for pid, started in processes.items()):
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _zombie(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:  # noqa: PTH123
            return stream.read().rpartition(b")")[2].split()[0] == b"Z"
    except (OSError, IndexError):
        return True


if __name__ == "__main__":
    main()
