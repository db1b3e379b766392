"""One SQLite file and the one thread that works on it.

Statements of one file run one after another in its own thread, so different files run side by side and no query holds
up the event loop (sqlite3 lets go of the interpreter lock while it runs). The files die with the run: nothing is synced
to disk, and the rollback journal is kept in memory.
"""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

INTERRUPT_AGAIN_S = 0.05
"""An interrupt only reaches a statement that runs; one that was just about to start is caught by the next."""

CLOSED = "the storage is closed"

_PRAGMAS = (
    "PRAGMA journal_mode = MEMORY",
    "PRAGMA synchronous = OFF",
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA secure_delete = OFF",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA foreign_keys = ON",
)


class StorageRefused(Exception):
    """The storage does not do what it was asked for; the text is for the Worker that asked."""


def database_file(folder: Path, kind: str, identity: str) -> Path:
    """The file in `folder` for one resource: another for each `kind` and `identity`, named by a hash, never by a text
    that a Worker or its configuration chose."""
    digest = hashlib.sha256(f"{kind}\0{identity}".encode("utf-8", "surrogatepass")).hexdigest()
    return folder / f"{digest[:40]}.sqlite"


def utf8(text: str) -> bytes:
    """The text in UTF-8; half of a broken surrogate pair becomes U+FFFD, as JavaScript's `toWellFormed()` has it."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def behind_prefix(prefix: bytes) -> bytes:
    """The first byte string, in order, behind all UTF-8 texts that begin with `prefix`. UTF-8 has no byte 255."""
    return prefix[:-1] + bytes((prefix[-1] + 1,)) if prefix else b"\xff"


def next_after(key: bytes) -> bytes:
    """The byte string that comes right after `key` in order."""
    return key + b"\0"


class _Job:
    """One piece of work and when it began, which the thread writes under the database's lock."""

    def __init__(self) -> None:
        self.future: Future[Any] = Future()
        self.started_s = 0.0
        self.watch: asyncio.TimerHandle | None = None


class Database:
    """A SQLite file, opened when it is first used.

    `prepare` sets a new connection up (its tables, its restrictions). A piece of work that would make the file larger
    than `max_bytes` fails; one that runs longer than `limit_s` is interrupted.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int,
        prepare: Callable[[sqlite3.Connection], None],
        limit_s: float | None = None,
    ) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._prepare = prepare
        self._limit_s = limit_s
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=f"storage {path.stem[:12]}")
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._running: _Job | None = None
        self._closed = False
        self._ending: asyncio.Task[None] | None = None

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns, called in the database's thread after everything asked for earlier.

        A caller that is cancelled leaves work that has begun to its end. Raises `StorageRefused` for every error of
        SQLite's, and when the database is closed, before or meanwhile.
        """
        if self._closed:
            raise StorageRefused(CLOSED)
        job = _Job()
        future = self._executor.submit(self._work, job, work)
        job.future = future
        if self._limit_s is not None:
            self._look_again(job, self._limit_s)
        try:
            return await asyncio.wrap_future(future)
        finally:
            if job.watch is not None and future.done():
                job.watch.cancel()

    async def close(self) -> None:
        """End the thread and the connection. Work under way is interrupted, work that waits is refused."""
        if self._ending is None:
            self._closed = True
            self._ending = asyncio.create_task(self._end())
        await asyncio.shield(self._ending)

    async def _end(self) -> None:
        disconnected = asyncio.wrap_future(self._executor.submit(self._disconnect))
        while not disconnected.done():
            with self._lock:
                self._interrupt()
            await asyncio.wait({disconnected}, timeout=INTERRUPT_AGAIN_S)
        self._executor.shutdown(wait=True)  # nothing is left to do in it: this waits for no more than the thread's exit
        disconnected.result()

    def _interrupt(self) -> None:
        if self._connection is not None:
            self._connection.interrupt()

    def _look_again(self, job: _Job, after_s: float) -> None:
        job.watch = asyncio.get_running_loop().call_later(after_s, self._watch, job)

    def _watch(self, job: _Job) -> None:
        """Interrupt work that has had its time. Waiting in the queue does not count."""
        if job.future.done() or self._closed:
            return
        assert self._limit_s is not None
        wait_s = self._limit_s
        with self._lock:
            if self._running is job:
                wait_s = job.started_s + self._limit_s - time.monotonic()
                if wait_s <= 0:
                    self._interrupt()
                    wait_s = INTERRUPT_AGAIN_S
        self._look_again(job, wait_s)

    def _work(self, job: _Job, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._closed:
            raise StorageRefused(CLOSED)
        try:
            connection = self._connected()
            with self._lock:
                job.started_s = time.monotonic()
                self._running = job
            return work(connection)
        except sqlite3.Error as error:
            if interrupted(error):
                raise StorageRefused(CLOSED if self._closed else f"took longer than {self._limit_s:g} s") from error
            raise StorageRefused(described(error)) from error
        except MemoryError as error:
            raise StorageRefused("out of memory: SQLITE_NOMEM") from error
        finally:
            with self._lock:
                self._running = None

    def _connected(self) -> sqlite3.Connection:
        """The thread's connection. A file that another store or process has is an error at once, not a wait."""
        if self._connection is None:
            # No transaction begins but by `transaction`.
            connection = sqlite3.connect(self._path, isolation_level=None, timeout=0)
            try:
                for pragma in _PRAGMAS:
                    connection.execute(pragma).fetchall()
                # With the locking mode above: the file is this store's until it is closed.
                connection.execute("BEGIN EXCLUSIVE")
                connection.commit()
                (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
                connection.execute(f"PRAGMA max_page_count = {max(1, self._max_bytes // page_bytes)}").fetchall()
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            with self._lock:
                self._connection = connection
        return self._connection

    def _disconnect(self) -> None:
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing."""
    connection.execute("BEGIN")
    try:
        yield
        connection.commit()
    except BaseException:
        with suppress(sqlite3.Error):  # closing the connection rolls back too
            connection.rollback()
        raise


def interrupted(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT


def described(error: sqlite3.Error) -> str:
    """The error's own words and the name of its kind, as the platform joins them."""
    name = "_".join(getattr(error, "sqlite_errorname", "SQLITE_ERROR").split("_")[:2])
    if name == "SQLITE_FULL":
        return f"Exceeded maximum size of the storage: {name}"
    return f"{error}: {name}"
