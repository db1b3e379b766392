"""Writing journal.jsonl as a run goes, and reading what an interrupted one left behind."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import AlreadyRunning, ReportFileError
from harness.interleaved_results import JOURNAL_FILE, JOURNAL_SCHEMA
from loadgen.interleaved.messages import Head, Line


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What is there already. `size_bytes`: up to the end of the last whole line; what follows was torn off."""

    head: Head
    lines: tuple[Line, ...]
    size_bytes: int


class Journal:
    """One file, of which this process is the only writer. Each line is in it, or not at all, once `write` returns.

    It lasts then, also through a power cut.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._size_bytes = os.fstat(descriptor).st_size

    def kept(self) -> Kept | None:
        """None where not even a head is whole. Raises `ReportFileError` for a line that is whole and wrong."""
        data = os.pread(self._descriptor, self._size_bytes, 0)
        *whole, _torn = data.split(b"\n")
        if not whole:
            return None
        head: Head = self._decoded(whole[0], 1, Head)
        if head.schema != JOURNAL_SCHEMA:
            raise ReportFileError(
                f"{self.path} has schema {head.schema!r}",
                expected=repr(JOURNAL_SCHEMA),
                remedy="resume it with the isomark that wrote it",
            )
        lines = tuple(self._decoded(text, number, Line) for number, text in enumerate(whole[1:], 2))
        return Kept(head=head, lines=lines, size_bytes=sum(len(text) + 1 for text in whole))

    def cut(self, size_bytes: int) -> None:
        """Forget what follows. Raises `ReportFileError`."""
        with self._telling():
            os.ftruncate(self._descriptor, size_bytes)
        self._size_bytes = size_bytes

    def write(self, line: Head | Line) -> None:
        """Raises `ReportFileError` when the disk does not take it; then the file is as it was before."""
        data = msgspec.json.encode(line) + b"\n"
        with self._telling():
            try:
                written = 0
                while written < len(data):
                    written += os.pwrite(self._descriptor, data[written:], self._size_bytes + written)
                os.fdatasync(self._descriptor)
            except OSError:
                with contextlib.suppress(OSError):  # a torn line is dropped by whoever reads it
                    os.ftruncate(self._descriptor, self._size_bytes)
                raise
        self._size_bytes += len(data)

    def _decoded(self, text: bytes, number: int, kind: Any) -> Any:
        try:
            return msgspec.json.decode(text, type=kind)
        except msgspec.MsgspecError as error:
            raise ReportFileError(
                f"line {number} of {self.path} is damaged: {error}",
                expected="a journal as the run wrote it",
                remedy="begin again without --resume",
            ) from error

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ReportFileError(
                f"{self.path} cannot be written: {error.strerror or error}",
                remedy="make room and go on with --resume; every launch that was finished is kept",
            ) from error


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Journal]:
    """The journal of that folder, made if there is none.

    Raises `AlreadyRunning` while another process has it open, `ReportFileError` where it cannot be written.
    """
    path = folder / JOURNAL_FILE
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise ReportFileError(
            f"{path} cannot be opened: {error.strerror}", remedy="name a folder you may write to"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                f"another run is writing to {path}", expected="a folder to itself", remedy="wait, or name another --out"
            ) from None
        yield Journal(path, descriptor)
    finally:
        os.close(descriptor)
