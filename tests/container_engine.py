"""A container engine for tests: one that the environment names, else a private one, shared by all workers of a run.

`ISOMARK_REQUIRE_ENGINE=1` makes a missing engine an error; else the tests that need one are skipped, and say so.
"""

import contextlib
import fcntl
import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from harness.adapters.container import engine as engines
from harness.adapters.container.owner import OWNER_LABEL
from harness.errors import EngineError
from harness.toolchain import CHECKOUT

START_ENGINE = CHECKOUT / "docker" / "start-engine"

DEADLINE_S = 300.0
"""Safety deadline for an engine to come or go."""


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    """The engine's socket."""
    try:
        named = any(os.environ.get(variable) for variable in engines.CHOOSING)
        if named or not can_start_one():
            yield str(engines.find().socket)
            return
        with joined(shared_folder(tmp_path_factory)) as path:
            yield path
    except EngineError as error:
        if os.environ.get("ISOMARK_REQUIRE_ENGINE"):
            raise
        pytest.skip(f"not run: {error.happened}; docker/README.md says how to get one")


def can_start_one():
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    return os.geteuid() == 0 and all(shutil.which(name, path=places) for name in ("dockerd", "containerd", "runc"))


def shared_folder(tmp_path_factory):
    """The same for all pytest-xdist workers of a run, and for no other run."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@contextlib.contextmanager
def joined(folder):
    """Use the engine of that folder, which is started by whoever comes first and ends when the last one has left."""
    users, starting = folder / "engine-users", folder / "engine-starting"
    with users.open("ab") as use:
        with starting.open("ab") as start:
            fcntl.flock(start, fcntl.LOCK_EX)
            fcntl.flock(use, fcntl.LOCK_SH)  # waits while an engine that nobody used any more is going
            path = _socket_in(folder) or _started(folder, users)
        yield path
    if "PYTEST_XDIST_WORKER" not in os.environ:
        wait_until(lambda: not Path(path).parent.exists(), "the engine to be gone")


def _socket_in(folder):
    note = folder / "engine-socket"
    path = note.read_text().strip().removeprefix("unix://") if note.exists() else ""
    return path if path and answers(path) else None


def _started(folder, users):
    note, errors = folder / "engine-socket", folder / "engine-errors"
    for file in (note, errors):
        file.write_text("")
    # Through a shell that does not wait: it must be no descendant of a test process, which watches its own.
    subprocess.run(
        ["/bin/sh", "-c", 'exec "$3" --while-locked "$4" >"$1" 2>"$2" &', "sh", note, errors, START_ENGINE, users],
        check=True,
    )
    wait_until(lambda: note.read_text().endswith("\n") or errors.read_text().endswith("\n"), "an engine or an error")
    if not note.read_text():
        raise EngineError(errors.read_text().strip())
    return _socket_in(folder)


@contextlib.contextmanager
def private_engine():
    """One that a test may end as it likes; its socket and the process of the script."""
    if not can_start_one():
        pytest.skip("not run: it ends an engine of its own, and this user cannot start one")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen([START_ENGINE], start_new_session=True, **pipes) as script:
        try:
            path = script.stdout.readline().strip().removeprefix("unix://")
            assert path
            yield path, script
        finally:
            script.terminate()
            script.wait(DEADLINE_S)
    wait_until(lambda: not Path(path).parent.exists(), "the engine's folder to be gone")


def answers(path):
    try:
        asked(path, "GET", "/_ping")
    except OSError:
        return False
    return True


def asked(path, method, target):
    """One request to the engine, past everything that is tested: the status and the JSON."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(DEADLINE_S)
        connection.connect(path)
        connection.sendall(f"{method} {target} HTTP/1.0\r\nHost: test\r\nContent-Length: 0\r\n\r\n".encode())
        whole = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = whole.partition(b"\r\n\r\n")
    with contextlib.suppress(ValueError):
        return int(head.split()[1]), json.loads(body)
    return int(head.split()[1]), body


def containers_of(path, pid):
    """Those a process made, running or not."""
    _, found = asked(path, "GET", "/containers/json?all=1")
    return [each for each in found if (each["Labels"] or {}).get(OWNER_LABEL, "").split(" ")[2:3] == [str(pid)]]


def wait_until(holds, what):
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)
