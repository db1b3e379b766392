"""One at a time: a lock on a file that the kernel lets go when its holder ends, however that ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from harness.environment import now_utc
from harness.errors import AlreadyRunning, ReportFileError

LOCK_FILE = ".lock"


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says of whoever holds it, or held it last."""

    pid: int
    started: str


@contextmanager
def only_one(folder: Path, what: str, *, named: bool = True) -> Iterator[None]:
    """Hold the folder's lock. A file without a holder is no obstacle; the children of this process do not hold it.

    `named`: the lock is a file in the folder that says who holds it; else it is on the folder itself, and leaves
    nothing behind. Raises `AlreadyRunning` at once when somebody else holds it, and `ReportFileError` for a folder that
    cannot be written to.
    """
    path = folder / LOCK_FILE if named else folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT if named else os.O_RDONLY | os.O_DIRECTORY, 0o644)
    except OSError as error:
        raise ReportFileError(
            f"{path} cannot be written to: {error.strerror}", remedy="name a folder you may write to"
        ) from error
    try:
        _lock(descriptor, path, what)
        if named:
            with suppress(OSError):  # on a full disk the lock holds all the same
                text = msgspec.json.encode(Holder(pid=os.getpid(), started=now_utc()))
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, text + b"\n", 0)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path, what: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise AlreadyRunning(
            f"{what} is at work already, at {path}{_who(path)}",
            expected="one at a time",
            remedy="wait for its end, or name another folder",
        ) from None
    except OSError as error:
        raise ReportFileError(f"{path} cannot be locked: {error.strerror}") from error


def _who(path: Path) -> str:
    """Who holds it. Empty where the lock has no names, or its holder has not written its own yet."""
    try:
        holder = msgspec.json.decode(path.read_bytes(), type=Holder)
    except (OSError, msgspec.DecodeError):
        return ""
    return f": process {holder.pid}, since {holder.started}"
