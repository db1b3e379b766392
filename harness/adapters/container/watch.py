"""One thread per container: takes what its host script says and what it prints, and sees it end.

The script's unix socket is the lifeline: a container whose suite is gone ends. Whose process is at its other end the
kernel says, in this machine's process ids, so that the container's end is an event and its files can be read.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from harness.adapters.container import cgroup
from harness.adapters.container.cgroup import Cgroup
from harness.adapters.node import handler
from harness.adapters.node.handler import Said
from harness.errors import EngineError

LOG_LINES = 60
LONGEST_LINE = 400

_FRAME = struct.Struct(">BxxxI")
"""What stands before each piece of a container's output: which stream, and how many bytes."""

_PEER = struct.Struct("3i")
"""struct ucred: process, user, group."""


@dataclass(frozen=True, kw_only=True)
class Death:
    """What was to be seen when the process ended. None: the kernel could not be asked."""

    at_ns: int
    oom_kills: int | None
    cpu_ns: int | None


class Watch:
    """Begins with `listener`, on which the script will say its first word, and `output`, the container's own.

    `take` is called with every word and `died` with the death, after the last word, both under `changed`, which is
    notified of everything that happens.
    """

    def __init__(
        self,
        listener: socket.socket,
        output: socket.socket,
        take: Callable[[Said], None],
        died: Callable[[Death], None],
    ) -> None:
        self.changed = threading.Condition()
        self.pid: int | None = None
        self.death: Death | None = None
        self.silent = False
        """The container's output has ended: it is gone, or its engine is."""
        self.wrong: Exception | None = None
        """Something on the lifeline that the script does not say, or why the process behind it cannot be followed."""
        self._take = take
        self._died = died
        self._listener = listener
        self._output = output
        self._output_rest = b""
        self._lines: deque[str] = deque([""], maxlen=LOG_LINES)
        self._lifeline: socket.socket | None = None
        self._lifeline_rest = b""
        self._pidfd: int | None = None
        self._cgroup: Cgroup | None = None
        self._stop_reading, self._stop_writing = os.pipe()
        self._poll = select.poll()
        for descriptor in (listener.fileno(), output.fileno(), self._stop_reading):
            self._poll.register(descriptor, select.POLLIN)
        self._thread = threading.Thread(target=self._follow, name="container", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let go of the container, which ends of itself then, and stop."""
        os.close(self._stop_writing)
        self._thread.join()
        os.close(self._stop_reading)
        for each in (self._lifeline, self._listener):
            if each is not None:
                each.close()
        if self._pidfd is not None:
            os.close(self._pidfd)

    def await_change(self, holds: Callable[[], bool], deadline_s: float) -> bool:
        """Wait until it holds, looked at under `changed`; False when it does not within so long."""
        with self.changed:
            return self.changed.wait_for(holds, deadline_s)

    def settle(self) -> None:
        """Take everything the script said before this call."""
        with self.changed:
            self._hear()

    def log_tail(self, lines: int) -> str:
        with self.changed:
            return "\n".join(line for line in list(self._lines)[-lines - 1 :] if line)

    def pids(self) -> tuple[int, ...]:
        """The container's processes, in this machine's ids; none once it has ended."""
        with self.changed:
            if self.pid is None or self.death is not None:
                return ()
            found = self._cgroup.pids() if self._cgroup else ()
            return tuple(dict.fromkeys([self.pid, *(pid for pid in found if pid > 0)]))

    def _follow(self) -> None:
        while True:
            ready = {descriptor for descriptor, _ in self._poll.poll()}
            if self._stop_reading in ready:
                return
            with self.changed:
                if self._pidfd is not None and self._pidfd in ready:
                    self._poll.unregister(self._pidfd)
                    self._see_death()  # first: the files it reads are gone soon
                if self._lifeline is None and self._listener.fileno() in ready:
                    self._accept()
                if self._lifeline is not None and self._lifeline.fileno() in ready:
                    self._hear()
                if self._output.fileno() in ready:
                    self._read_output()
                self.changed.notify_all()

    def _accept(self) -> None:
        lifeline, _ = self._listener.accept()
        lifeline.setblocking(False)
        self._poll.unregister(self._listener.fileno())
        self._lifeline = lifeline
        pid, _, _ = _PEER.unpack(lifeline.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
        found = cgroup.of(pid)
        try:
            self._pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            gone = True
        except OSError as error:
            self.wrong = _not_followed(pid, error)
            return  # whatever it says is not taken: its end would not be seen
        else:
            gone = False
            self._poll.register(self._pidfd, select.POLLIN)
        self.pid, self._cgroup = pid, found
        self._poll.register(lifeline.fileno(), select.POLLIN)
        if gone:
            self._see_death()

    def _see_death(self) -> None:
        oom_kills, cpu_ns = (self._cgroup.oom_kills(), self._cgroup.cpu_ns()) if self._cgroup else (None, None)
        self.death = Death(at_ns=time.monotonic_ns(), oom_kills=oom_kills, cpu_ns=cpu_ns)
        self._hear()
        self._died(self.death)

    def _hear(self) -> None:
        if self._lifeline is None:
            return
        with contextlib.suppress(BlockingIOError):
            while True:
                piece = self._received(self._lifeline)
                if not piece:
                    with contextlib.suppress(KeyError):
                        self._poll.unregister(self._lifeline.fileno())
                    return
                *lines, self._lifeline_rest = (self._lifeline_rest + piece).split(b"\n")
                for line in lines:
                    self._take_line(line)

    def _take_line(self, line: bytes) -> None:
        try:
            self._take(handler.said(line))
        except Exception as error:  # noqa: BLE001 - raised again by whoever waits for the container
            self.wrong = error

    def _read_output(self) -> None:
        piece = self._received(self._output)
        if not piece:
            self.silent = True
            self._poll.unregister(self._output.fileno())
            return
        self._output_rest += piece
        while len(self._output_rest) >= _FRAME.size:
            _, length = _FRAME.unpack_from(self._output_rest)
            whole = _FRAME.size + length
            if len(self._output_rest) < whole:
                return
            self._print(self._output_rest[_FRAME.size : whole].decode("utf-8", "replace"))
            self._output_rest = self._output_rest[whole:]

    def _print(self, text: str) -> None:
        first, *more = text.split("\n")
        self._lines[-1] = (self._lines[-1] + first)[:LONGEST_LINE]
        self._lines.extend(line[:LONGEST_LINE] for line in more)

    @staticmethod
    def _received(connection: socket.socket) -> bytes:
        try:
            return connection.recv(1 << 16)
        except ConnectionError:
            return b""


def _not_followed(pid: int, error: OSError) -> EngineError:
    """The kernel's word for a process that is in no namespace of process ids of this one's is 0."""
    if pid == 0:
        return EngineError(
            "a container's process has no id here: the engine's processes are in another namespace than this suite's",
            expected="an engine and a suite that see the same processes",
            remedy="run both in the same place; `docker/start-engine COMMAND` starts an engine that is",
        )
    return EngineError(
        f"a container's process {pid} cannot be followed: {error.strerror}", expected="a descriptor for it (pidfd_open)"
    )
