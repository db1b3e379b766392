"""One dockerd: how it is started, how it says that it is ready, and how it is ended."""

import contextlib
import ctypes
import os
import select
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from start_engine import cgroups

READY_DEADLINE_S = 60.0
END_DEADLINE_S = 20.0
LOG_TAIL_LINES = 6

PR_SET_PDEATHSIG = 1

# Its mounts are its own: they go with it, and none is seen outside. It would also keep a key in /etc/docker.
ENTER = 'if [ -d /etc/docker ]; then mount -t tmpfs -o size=1m tmpfs /etc/docker; fi; exec "$0" "$@"'


class EngineFailed(Exception):
    """It did not come up, or it ended. The message says why, with its last words."""


@contextlib.contextmanager
def daemon(folder: Path, bridge: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A dockerd with everything it keeps in `folder`, and its socket; ready inside, gone with all it started after.

    Raises `EngineFailed` when it does not come up.
    """
    group = f"/{bridge}"
    name = folder / "engine.sock"
    (folder / "daemon.json").write_text("{}\n", encoding="ascii")  # else it would read the machine's
    command = [
        *("unshare", "--mount", "--propagation", "slave", "/bin/sh", "-c", ENTER, "dockerd"),
        *("--host", f"unix://{name}", "--config-file", folder / "daemon.json", "--pidfile", folder / "pid"),
        *("--data-root", folder / "data", "--exec-root", folder / "exec"),
        *("--bridge", bridge, "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"),
        *("--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", group),
        *("--shutdown-timeout", "1"),
    ]
    environment = {**os.environ, "NOTIFY_SOCKET": str(folder / "notify.sock")}
    with (folder / "log").open("wb") as log, _notified(folder / "notify.sock") as notes:
        process = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=environment,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - this process has one thread
        )
        try:
            _await_ready(process, notes, folder / "log")
            yield process, name
        finally:
            _end(process, folder, group)


def log_tail(log: Path) -> str:
    """The last lines it wrote."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join("    " + line[:300] for line in lines[-LOG_TAIL_LINES:])


def _end_with_parent() -> None:
    """Should this script be killed, the engine is asked to end: it then ends its containers too.

    What this process ignores, the engine and its containers would ignore as well: they get the usual.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@contextlib.contextmanager
def _notified(path: Path) -> Iterator[socket.socket]:
    """The socket on which a service says READY=1, as sd_notify(3) has it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notes:
        notes.bind(str(path))
        yield notes


def _await_ready(process: subprocess.Popen[bytes], notes: socket.socket, log: Path) -> None:
    ended = os.pidfd_open(process.pid)
    try:
        poll = select.poll()
        poll.register(notes, select.POLLIN)
        poll.register(ended, select.POLLIN)
        deadline = time.monotonic() + READY_DEADLINE_S
        while True:
            found = [descriptor for descriptor, _ in poll.poll(max(0.0, deadline - time.monotonic()) * 1000)]
            if notes.fileno() in found:
                if b"READY=1" in notes.recv(4096).splitlines():
                    return
            elif ended in found:
                raise EngineFailed(f"dockerd ended before it was ready; its last words:\n{log_tail(log)}")
            else:
                words = log_tail(log)
                raise EngineFailed(f"dockerd was not ready within {READY_DEADLINE_S:g} s; its last words:\n{words}")
    finally:
        os.close(ended)


def _end(process: subprocess.Popen[bytes], folder: Path, group: str) -> None:
    """Kill the containers, ask it to end, else kill it; then what it may have left: containerd, keepers, groups."""
    cgroups.kill(group)  # it would ask each to end, and wait
    process.terminate()
    try:
        process.wait(END_DEADLINE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    deadline = time.monotonic() + END_DEADLINE_S
    while (left := _started_by(folder)) and time.monotonic() < deadline:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    cgroups.kill(group)
    cgroups.remove(group)
    shutil.rmtree(folder, ignore_errors=True)


def _started_by(folder: Path) -> list[int]:
    """containerd and its keepers of containers: each names a path in the engine's folder on its command line."""
    needle = os.fsencode(folder / "exec") + b"/"
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if needle in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
    return found
