"""Starting, watching and ending the processes of a runtime, so that none outlives the run.

Every process is started in a group of its own, inside a limit on its private memory, and is known to the reaper
(`harness/reaper.py`) before its program begins: whatever becomes of this process, the group is killed and the folder
removed. Readiness is an event on a pipe, watched together with the process's own end; nothing is polled.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from harness.errors import NotReadyError, RuntimeDied, StartError, ToolchainError

READY_DEADLINE_S = 20.0
"""Safety deadline for a runtime to come up; workerd takes 50 ms, Node 80 ms."""

LOG_TAIL_LINES = 12

# The shell tells the reaper its process id (the group's, since it leads a new session) and becomes the program. Its standard
# output is the reaper's pipe until then. RLIMIT_DATA counts private writable memory: unlike RLIMIT_AS it leaves
# V8's large reservations alone, and unlike a cgroup it needs no privilege and leaves nothing to clean up.
_ENTER = 'echo "P $$"; ulimit -c 0; ulimit -d "$1" || exit 125; log="$2"; shift 2; exec "$@" >"$log" 2>&1'


class _Reaper:
    """The pipe to this process's reaper, started on first use; one for the life of the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pipe: IO[bytes] | None = None
        self._owner = 0

    def pipe(self) -> IO[bytes]:
        with self._lock:
            if self._pipe is None or self._owner != os.getpid():
                script = Path(__file__).with_name("reaper.py")
                process = subprocess.Popen(
                    [sys.executable, "-I", "-S", script],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
                process.returncode = 0  # it outlives this process on purpose: keep Popen from warning about that
                assert process.stdin is not None
                self._pipe, self._owner = process.stdin, os.getpid()
            return self._pipe

    def tell(self, line: str) -> None:
        # A write below PIPE_BUF is atomic, so lines of many threads and of starting children never mix.
        os.write(self.pipe().fileno(), f"{line}\n".encode())


_REAPER = _Reaper()


@contextlib.contextmanager
def instance_folder() -> Iterator[Path]:
    """A new private folder that is gone afterwards, also when this process is killed."""
    path = Path(tempfile.gettempdir()) / f"isomark-{os.getpid()}-{secrets.token_hex(6)}"
    _REAPER.tell(f"D {path}")
    path.mkdir(mode=0o700)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        _REAPER.tell(f"d {path}")


class Supervised:
    """One process group with a log. Use as a context manager: leaving it kills the group."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        memory_guard_bytes: int,
        environment: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        folder: Path | None = None,
    ) -> None:
        """Start `command`. Raises `ToolchainError` when there is no such program."""
        self.name = name
        self.log = log
        self._stopped = False
        if not os.access(command[0], os.X_OK):
            raise ToolchainError(
                f"{name}: {command[0]} is not a program that can be run", remedy="run `isomark doctor` to see what is missing"
            )
        self.started_ns = time.monotonic_ns()
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _ENTER, "sh", str(memory_guard_bytes >> 10), log, *command],
            stdin=subprocess.DEVNULL,
            stdout=_REAPER.pipe(),
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=pass_fds,
            cwd=folder,
            env=dict(environment or {}),
        )
        self.pid = self._process.pid
        self._pidfd = os.pidfd_open(self.pid)

    def __enter__(self) -> Supervised:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def alive(self) -> bool:
        return not self._stopped and self._process.poll() is None

    def ended_within(self, seconds: float) -> bool:
        """Wait for the process's end, at most so long; whether it came."""
        if self._stopped:
            return True
        return bool(select.select([self._pidfd], [], [], seconds)[0])

    def stop(self) -> None:
        """Kill the whole group and wait for it. Safe to call again."""
        if self._stopped:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._pidfd)
        self._stopped = True
        _REAPER.tell(f"p {self.pid}")

    def log_tail(self, lines: int = LOG_TAIL_LINES) -> str:
        """The last lines the process wrote."""
        try:
            with self.log.open("rb") as stream:
                stream.seek(0, os.SEEK_END)
                stream.seek(max(0, stream.tell() - 16_384))
                text = stream.read().decode("utf-8", "replace")
        except OSError:
            return ""
        return "\n".join(line[:400] for line in text.splitlines()[-lines:])

    def died(self) -> RuntimeDied:
        """The error that says how the process ended."""
        return RuntimeDied(f"{self.name} was serving and then {self._ending()}", log_tail=self.log_tail())

    def await_ready(
        self,
        descriptor: int,
        take: Callable[[str], bool],
        *,
        deadline_s: float = READY_DEADLINE_S,
        refused: Callable[[str], StartError | Exception | None] = lambda _log: None,
    ) -> None:
        """Hand each line from `descriptor` to `take` until it returns True.

        Raises `NotReadyError` after `deadline_s`, and when the process ends before: what `refused` makes of its log,
        else `StartError`.
        """
        deadline = time.monotonic() + deadline_s
        pending = b""
        while True:
            left = deadline - time.monotonic()
            readable, _, _ = select.select([descriptor, self._pidfd], [], [], max(0.0, left))
            if descriptor in readable:
                chunk = os.read(descriptor, 65_536)
                pending += chunk
                *whole, pending = pending.split(b"\n")
                if any(take(line.decode("utf-8", "replace")) for line in whole):
                    return
                if not chunk:
                    # The pipe is closed without the word: it ended, or is about to, or closed it for good.
                    self.ended_within(min(1.0, max(0.0, left)))
                    raise self._not_started(refused)
            elif self._pidfd in readable:
                raise self._not_started(refused)
            elif left <= 0:
                raise NotReadyError(
                    f"{self.name} runs but did not say it was ready within {deadline_s:g} s",
                    expected="a line on its readiness descriptor",
                    log_tail=self.log_tail(),
                )

    def _not_started(self, refused: Callable[[str], StartError | Exception | None]) -> Exception:
        tail = self.log_tail(60)
        return refused(tail) or StartError(
            f"{self.name} {self._ending()} before it was ready",
            expected="a runtime that stays up",
            log_tail=self.log_tail(),
        )

    def _ending(self) -> str:
        code = self._process.poll()
        if code is None:
            return "closed its readiness descriptor"
        if code < 0:
            return f"was killed by {signal.Signals(-code).name}"
        return f"ended with code {code}"
