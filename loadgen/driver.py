"""The driver process seen from the orchestrator: started under the reaper, told of launches, asked for what it saw."""

from __future__ import annotations

import contextlib
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from harness.errors import ConnectionLost, DeadlineExceeded, IsomarkError
from harness.process import Supervised, instance_folder
from loadgen.messages import (
    Channel,
    Fault,
    FromDriver,
    Launch,
    Measured,
    ProcessStarted,
    ProcessWanted,
    Ready,
    TargetLost,
)

READY_DEADLINE_S = 30.0
"""Safety deadline for Python to import Locust; it takes half a second."""

MEMORY_GUARD_BYTES = 2 << 30

_SOURCES = Path(__file__).resolve().parent.parent


class Driver:
    """Use `started()`. One launch at a time."""

    def __init__(self, process: Supervised, channel: Channel) -> None:
        self._process = process
        self._channel = channel
        self.locust_version = ""

    @classmethod
    @contextlib.contextmanager
    def started(cls) -> Iterator[Driver]:
        """A driver that is ready; leaving the context ends it. Raises `IsomarkError` when it does not come up."""
        with instance_folder() as folder, contextlib.ExitStack() as stack:
            ours, theirs = socket.socketpair()
            channel = Channel(ours)
            stack.callback(channel.close)
            with theirs:
                process = Supervised(
                    "load driver",
                    [sys.executable, "-m", "loadgen.drive", str(theirs.fileno())],
                    log=folder / "log",
                    memory_guard_bytes=MEMORY_GUARD_BYTES,
                    environment={"PYTHONPATH": str(_SOURCES)},
                    pass_fds=[theirs.fileno()],
                    folder=folder,
                )
            driver = cls(stack.enter_context(process), channel)
            ready = driver._receive(time.monotonic() + READY_DEADLINE_S)
            if not isinstance(ready, Ready):
                raise driver._broken(f"began with {type(ready).__name__}")
            driver.locust_version = ready.locust
            yield driver

    def measure(self, launch: Launch, *, start: Callable[[], ProcessStarted], deadline_s: float) -> Measured:
        """Have one launch measured; `start` is called for each process that the driver wants started.

        Raises `ConnectionLost` when a target is gone, `DeadlineExceeded` after `deadline_s`, `IsomarkError` when the
        driver itself fails, and what `start` raises.
        """
        deadline = time.monotonic() + deadline_s
        self._send(launch)
        while True:
            match self._receive(deadline):
                case ProcessWanted():
                    self._send(start())
                case Measured() as measured:
                    return measured
                case TargetLost(cell=cell, reason=reason):
                    raise ConnectionLost(f"{cell}: nothing accepts connections any more ({reason})")
                case Fault(traceback=traceback):
                    raise IsomarkError("the load driver failed", log_tail=traceback)
                case Ready():
                    raise self._broken("was ready twice")

    def _send(self, message: Launch | ProcessStarted) -> None:
        try:
            self._channel.send(message)
        except OSError as error:
            raise self._broken("is gone") from error

    def _receive(self, deadline: float) -> FromDriver:
        try:
            message: FromDriver | None = self._channel.receive(
                FromDriver, timeout_s=max(0.001, deadline - time.monotonic())
            )
        except TimeoutError as error:
            raise DeadlineExceeded(
                "the load driver did not finish in time", log_tail=self._process.log_tail()
            ) from error
        except msgspec.DecodeError as error:
            raise self._broken(f"sent what is no message: {error}") from error
        if message is None:
            raise self._broken("ended in the middle")
        return message

    def _broken(self, how: str) -> IsomarkError:
        return IsomarkError(f"the load driver {how}", log_tail=self._process.log_tail())
