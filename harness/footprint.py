"""What a launch leaves behind, in this process and on this machine: the measuring half of the contract kit."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.errors import PromiseBroken

GONE_DEADLINE_S = 10.0
"""Safety deadline for what was told to end; a killed process is gone within milliseconds."""

_STARTING = frozenset({"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "socket.bind"})


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """What this process holds at one moment. `processes` are its descendants, uncollected ones included."""

    processes: frozenset[int]
    files: frozenset[str]
    descriptors: int
    threads: frozenset[str]

    @classmethod
    def now(cls, folder: Path) -> Footprint:
        gc.collect()
        return cls(
            processes=descendants(),
            files=frozenset(path.name for path in folder.iterdir()),
            descriptors=len(list(Path("/proc/self/fd").iterdir())),
            threads=frozenset(f"{thread.name} ({thread.ident})" for thread in threading.enumerate()),
        )

    def beyond(self, before: Footprint) -> list[str]:
        """What is there now and was not before, as phrases."""
        more = self.descriptors - before.descriptors
        phrases = {
            "process": sorted(map(str, self.processes - before.processes)),
            "temporary file": sorted(self.files - before.files),
            "thread": sorted(self.threads - before.threads),
            "open descriptors:": [f"{more} more than before"] if more > 0 else [],
        }
        return [f"{what} {each}" for what, found in phrases.items() for each in found]


@contextlib.contextmanager
def leaving_nothing(folder: Path) -> Iterator[None]:
    """What begins inside must have ended at the end, whether or not the body raises. Temporary files go to `folder`.

    Raises `PromiseBroken` naming each process, temporary file, thread or descriptor that is still there.
    """
    folder.mkdir(exist_ok=True)
    with _temporary_files_in(folder):
        before = Footprint.now(folder)
        try:
            yield
        finally:
            gone = soon(lambda: not Footprint.now(folder).beyond(before))
        if not gone:
            raise PromiseBroken("nothing left behind", "; ".join(Footprint.now(folder).beyond(before)))


def soon(holds: Callable[[], bool]) -> bool:
    """Wait until it holds; False when it does not within the time that what was told to end may take."""
    deadline = time.monotonic() + GONE_DEADLINE_S
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@contextlib.contextmanager
def starting_nothing(what: str) -> Iterator[None]:
    """This thread starts no process and binds no port inside. Raises `PromiseBroken` saying what it did."""
    _watch_this_thread()
    events: list[str] = []
    _watched.events = events
    try:
        yield
    finally:
        _watched.events = None
    if events:
        raise PromiseBroken(f"{what} before anything is started", ", ".join(events))


def descendants() -> frozenset[int]:
    """The ids of the processes that descend from this one."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return frozenset(found - {os.getpid()})


@contextlib.contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    before, variable = tempfile.tempdir, os.environ.get("TMPDIR")
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
        if variable is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = variable


class _Watched(threading.local):
    events: list[str] | None = None


_watched = _Watched()
_hooked = threading.Event()


def _watch_this_thread() -> None:
    """An audit hook sees what no patch of one function would; it cannot be taken away, so it is added once."""

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in _STARTING and _watched.events is not None:
            _watched.events.append(f"{event} {arguments[0]!r}" if arguments else event)

    if not _hooked.is_set():
        _hooked.set()
        sys.addaudithook(hook)
