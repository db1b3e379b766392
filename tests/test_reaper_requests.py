"""What a server keeps for a suite is let go of when the suite is killed: the reaper asks for it. Needs no engine."""

import contextlib
import signal
import socket
import sys
import threading

import pytest

from tests.child_run import Child

KEEPS = """
import os, signal, sys
from harness.process import instance_folder, leave_to_reaper, take_from_reaper
kept, let_go, path = "DELETE /kept/%20é?force=1", "DELETE /let-go", sys.argv[1]
with instance_folder():
    there = sys.argv[3] == "there"
    leave_to_reaper(f"{kept} {path}", there=False)
    leave_to_reaper(f"{kept} {path}", there=there)
    leave_to_reaper(f"{let_go} {path}", there=True)
    leave_to_reaper("nonsense", there=False)
    leave_to_reaper("DELETE /nobody-there /no/such/socket", there=False)
    take_from_reaper(f"{let_go} {path}")
    print("go", flush=True)
    os.kill(os.getpid(), signal.SIGKILL) if sys.argv[2] == "killed" else take_from_reaper(f"{kept} {path}")
"""


class Keeper:
    """A server on a unix socket that notes each request and answers with the next status."""

    def __init__(self, path, *statuses):
        self.requests = []
        self._statuses = list(statuses)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection:
                    status = self._statuses.pop(0) if self._statuses else 204
                    self.requests.append(connection.recv(4096).decode().splitlines()[0])
                    connection.sendall(f"HTTP/1.0 {status} Words\r\n\r\n".encode())


def child(tmp_path, ending, thing="there"):
    return Child(tmp_path / "child", [sys.executable, "-c", KEEPS, str(tmp_path / "s"), ending, thing], {})


@pytest.mark.parametrize(
    ("thing", "statuses", "times"),
    [
        ("there", (204,), 1),
        ("there", (404,), 1),  # gone by itself
        ("there", (409, 500, 404), 3),  # on its way
        ("asked for", (404, 404, 204), 3),  # made a moment after the kill
    ],
)
def test_what_was_not_let_go_is_asked_for(tmp_path, thing, statuses, times):
    """SIGKILL: that request alone is sent, and again for as long as something may come of it."""
    with contextlib.closing(Keeper(tmp_path / "s", *statuses)) as keeper, child(tmp_path, "killed", thing) as run:
        assert run.ended() == -signal.SIGKILL
        run.wait_until(lambda: not run.leftovers(), "the folder to be gone")
        run.wait_until(lambda: not run.processes(), "the reaper to be gone")
        assert keeper.requests == ["DELETE /kept/%20é?force=1 HTTP/1.0"] * times


def test_what_was_let_go_is_not_asked_for(tmp_path):
    """An orderly end: the server hears nothing."""
    with contextlib.closing(Keeper(tmp_path / "s")) as keeper, child(tmp_path, "orderly") as run:
        assert run.ended() == 0
        run.wait_until(lambda: not run.leftovers(), "the folder to be gone")
        run.wait_until(lambda: not run.processes(), "the reaper to be gone")
        assert keeper.requests == []
