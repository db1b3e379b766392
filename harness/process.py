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

from harness.errors import NotReadyError, RuntimeDied, StartError, ToolchainError
from harness.reaper import GONE_DEADLINE_S, await_group_end

READY_DEADLINE_S = 60.0
"""Safety deadline for a runtime to come up; workerd takes 50 ms, Node 80 ms."""

ENDING_S = 5.0
"""How long one that closed its readiness descriptor is watched for its end: it comes at once, when it gets a core."""

LOG_TAIL_LINES = 12

MARK = {"ISOMARK_MARK": "in the environment of a process"}
"""In every process's environment, so that there is something that code in it could see and must not."""

# The shell tells the reaper its process id (the group's: it leads a new session) and becomes the program. Its
# standard output is the reaper's pipe until then. RLIMIT_DATA counts private writable memory: unlike RLIMIT_AS it
# leaves V8's large reservations alone, and unlike a cgroup it needs no privilege and leaves nothing to clean up.
_ENTER = (
    'echo "P $$"; unset PWD OLDPWD; ulimit -c 0; [ -z "$1" ] || ulimit -d "$1" || exit 125; '
    'log="$2"; shift 2; exec "$@" >"$log" 2>&1'
)


class _Reaper:
    """The pipe to this process's reaper, started on first use; one for the life of the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pipe: int | None = None

    def pipe(self) -> int:
        """The descriptor to write to; the kernel closes it when this process ends."""
        with self._lock:
            if self._pipe is None:
                self._pipe = self._started()
            return self._pipe

    def tell(self, kind: str, name: int | str | Path) -> None:
        # A write below PIPE_BUF is atomic, so lines of many threads and of starting children never mix.
        line = kind.encode() + b" " + str(name).encode("unicode_escape") + b"\n"
        try:
            os.write(self.pipe(), line)
        except BrokenPipeError:  # somebody ended the reaper: what begins from now on has a new one
            self.forget()
            os.write(self.pipe(), line)

    def forget(self) -> None:
        """Leave the reaper to others, as a forked child must: holding the pipe would keep the reaper waiting."""
        self._lock = threading.Lock()
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            os.close(pipe)

    @staticmethod
    def _started() -> int:
        reading, writing = os.pipe()
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", Path(__file__).with_name("reaper.py")],
                stdin=reading,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except BaseException:
            os.close(writing)
            raise
        finally:
            os.close(reading)
        process.returncode = 0  # it outlives this process on purpose: keep Popen from warning about that
        return writing


_REAPER = _Reaper()
os.register_at_fork(after_in_child=_REAPER.forget)


def leave_to_reaper(request: str, *, there: bool) -> None:
    """Have a request sent when this process is gone, however it went: `METHOD TARGET SOCKET`, HTTP on a unix socket.

    For what a server keeps on behalf of this process: say it before the server is asked to make that, and once more
    when it is `there`. Until then the request is sent again for a moment, for what the server is still about.
    """
    _REAPER.tell("H" if there else "A", request)


def take_from_reaper(request: str) -> None:
    """The server has let go of it: the request need not be sent."""
    _REAPER.tell("h", request)


@contextlib.contextmanager
def instance_folder() -> Iterator[Path]:
    """A new private folder that is gone afterwards, also when this process is killed."""
    path = Path(tempfile.gettempdir()).absolute() / f"isomark-{os.getpid()}-{secrets.token_hex(6)}"
    _REAPER.tell("D", path)
    path.mkdir(mode=0o700)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        if not path.exists():  # else the reaper tries once more at the end
            _REAPER.tell("d", path)


class Supervised:
    """One process group with a log. Use as a context manager: leaving it kills the group."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        memory_guard_bytes: int | None,
        environment: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        folder: Path | None = None,
    ) -> None:
        """Start `command` with that environment and `MARK` alone. Raises `ToolchainError` when it is no program.

        `memory_guard_bytes`: None for a program that maps far more than it uses and is guarded in another way.
        """
        self.name = name
        self.log = log
        self._stopped = False
        self._ending_seen = ""
        if not os.access(command[0], os.X_OK):
            raise ToolchainError(
                f"{name}: {command[0]} is not a program that can be run",
                remedy="run `isomark doctor` to see what is missing",
            )
        guard_kib = "" if memory_guard_bytes is None else str(memory_guard_bytes >> 10)
        self.started_ns = time.monotonic_ns()
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _ENTER, "sh", guard_kib, log, *command],
            stdin=subprocess.DEVNULL,
            stdout=_REAPER.pipe(),
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=pass_fds,
            cwd=folder,
            env={**(environment or {}), **MARK},
        )
        self.pid = self._process.pid
        try:
            self._pidfd = os.pidfd_open(self.pid)
        except OSError:  # no descriptors left
            self._end_group()
            raise

    def __enter__(self) -> Supervised:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def alive(self) -> bool:
        return not self.ended_within(0)

    def ended_within(self, seconds: float) -> bool:
        """Wait for the process's end, at most so long; whether it came.

        The ended process is not collected before `stop`, so that until then its id cannot become someone else's.
        """
        return self._stopped or bool(_readable((self._pidfd,), seconds))

    def stop(self) -> None:
        """Kill the whole group and wait for it. Safe to call again."""
        if self._stopped:
            return
        self._ending_seen = self._ending()
        self._stopped = True
        if self._end_group():
            _REAPER.tell("p", self.pid)
        os.close(self._pidfd)

    def exit_code(self) -> int:
        """What it ended with, 128 + n when signal n ended it. Only after `stop`."""
        code = int(self._process.returncode)
        return code if code >= 0 else 128 - code

    def _end_group(self) -> bool:
        """Kill every member and wait for them. False when one cannot be killed: the reaper tries once more."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        return await_group_end(self.pid, GONE_DEADLINE_S)

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
            readable = _readable((descriptor, self._pidfd), max(0.0, left))
            if left <= 0:
                raise NotReadyError(
                    f"{self.name} runs but did not say it was ready within {deadline_s:g} s",
                    expected="a line on its readiness descriptor",
                    log_tail=self.log_tail(),
                )
            if descriptor in readable:
                chunk = os.read(descriptor, 65_536)
                pending += chunk
                *whole, pending = pending.split(b"\n")
                if any(take(line.decode("utf-8", "replace")) for line in whole):
                    return
                if not chunk:
                    # The pipe is closed without the word: it ended, or is about to, or closed it for good.
                    self.ended_within(min(ENDING_S, max(0.0, left)))
                    raise self._not_started(refused)
            elif self._pidfd in readable:
                raise self._not_started(refused)

    def _not_started(self, refused: Callable[[str], StartError | Exception | None]) -> Exception:
        tail = self.log_tail(60)
        return refused(tail) or StartError(
            f"{self.name} {self._ending()} before it was ready",
            expected="a runtime that stays up",
            log_tail=self.log_tail(),
        )

    def _ending(self) -> str:
        if self._stopped:
            return self._ending_seen
        try:
            found = os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:  # where SIGCHLD is ignored, the kernel collects children and keeps no word of them
            return "ended"
        if found is None:
            return "closed its readiness descriptor"
        if found.si_code == os.CLD_EXITED:
            return f"ended with code {found.si_status}"
        return f"was killed by {_signal_name(found.si_status)}"


def _readable(descriptors: Sequence[int], seconds: float) -> list[int]:
    """Which of them can be read, or have ended, within so long. Not select(): it fails for descriptors above 1023."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return [descriptor for descriptor, _ in poll.poll(seconds * 1000)]


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # real-time signals have no names
        return f"signal {number}"
