"""The last one standing: ends what its parent left behind when the parent is gone, however it went.

Run as a script by `harness.process`, in a session of its own, with the parent's pipe as standard input. Each line
names something that exists (`P pid`, `D folder`, `H request`) or no longer does (`p`, `d`, `h`); folders and requests
are written with Python's escapes, so that no character in one can end the line. The pipe closes when the parent ends,
SIGKILL included; then every process group still named is killed, every request is sent (`METHOD TARGET SOCKET`, to the
server behind a unix socket that keeps something for the parent: a container) and every folder is removed. `A request`
is for what the parent is only about to have the server make: it is sent again for a moment, a DELETE until it finds
what it is about. Standard library only, nothing of isomark imported: it must start in milliseconds.
"""

import contextlib
import os
import shutil
import signal
import socket
import sys
import time

GONE_DEADLINE_S = 20.0

ASKED_FOR_S = 10.0
"""How long a server is asked again: what the parent was about to have made may not be there yet."""

ANSWER_DEADLINE_S = 30.0

NO_ANSWER, NOT_FOUND = 0, 404


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
    requests: dict[str, bool] = {}
    for raw in sys.stdin.buffer:
        with contextlib.suppress(ValueError):  # a line that cannot be read must not cost the others
            _take(raw.rstrip(b"\n"), processes, folders, requests)
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
    deadline = time.monotonic() + ASKED_FOR_S
    pending = {request for request, there in requests.items() if not done(request, there)}
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    while pending and time.monotonic() < deadline:
        time.sleep(0.1)
        pending = {request for request in pending if not done(request, requests[request])}


def done(request: str, there: bool) -> bool:
    """Send it; whether there is nothing more to be had: it was done, or is gone, or nobody is there to do it."""
    status = sent(request)
    if 200 <= status < 300:
        return there or request.startswith("DELETE ")
    return status == NO_ANSWER or (status == NOT_FOUND and there)


def sent(request: str) -> int:
    """The status of the answer."""
    try:
        method, target, path = request.split(" ", 2)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_DEADLINE_S)
            connection.connect(path)
            connection.sendall(f"{method} {target} HTTP/1.0\r\nHost: engine\r\nContent-Length: 0\r\n\r\n".encode())
            answer = b""
            while b"\r\n" not in answer:
                piece = connection.recv(4096)
                if not piece:
                    return NO_ANSWER
                answer += piece
        return int(answer.split(None, 2)[1])
    except (OSError, ValueError, IndexError):
        return NO_ANSWER


def _take(line: bytes, processes: dict[int, str], folders: set[str], requests: dict[str, bool]) -> None:
    kind, _, name = line.partition(b" ")
    if kind == b"P":
        processes[int(name)] = start_time(int(name))
    elif kind == b"p":
        processes.pop(int(name), None)
    elif kind == b"D":
        folders.add(name.decode("unicode_escape"))
    elif kind == b"d":
        folders.discard(name.decode("unicode_escape"))
    elif kind in (b"A", b"H"):
        requests[name.decode("unicode_escape")] = kind == b"H"
    elif kind == b"h":
        requests.pop(name.decode("unicode_escape"), None)


def _stat(pid: int) -> list[str]:
    """/proc's fields from the state on: state, parent, group, ...; empty when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:  # noqa: PTH123 - as above
            return stream.read().rpartition(b")")[2].decode().split()
    except OSError:
        return []


if __name__ == "__main__":
    main()
