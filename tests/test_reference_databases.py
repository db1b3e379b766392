"""The databases behind the reference runtime's bindings: a thread each, a time for each query, and an end."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from harness.adapters.reference.control.storage import StorageRefused, database_file
from harness.adapters.reference.control.storage.d1 import D1Database, Statement
from harness.adapters.reference.control.storage.files import CLOSED, Database
from harness.adapters.reference.control.storage.kv import KvStore
from harness.adapters.reference.control.storage.objects import ObjectStorage
from tests.storage_loops import DEADLINE_S, ENDLESS, closing, in_a_loop, rows_of, threads

ATTEMPTS = 5
"""A busy machine may hold up a quick query for all the time it has: then everything is asked again."""


def test_a_file_is_named_by_a_hash_and_lies_in_its_folder(tmp_path: Path) -> None:
    identities = ["", "a", "A", "../../etc/passwd", "/etc/passwd", "a\0b", "\ud800", "x" * 10_000]
    files = {database_file(tmp_path, kind, identity) for kind in ("kv", "d1") for identity in identities}
    assert len(files) == 2 * len(identities)
    assert {file.parent for file in files} == {tmp_path}
    assert all(set(file.stem) <= set("0123456789abcdef") and file.suffix == ".sqlite" for file in files)


@in_a_loop
async def test_a_long_query_holds_up_neither_the_loop_nor_another_database(tmp_path: Path) -> None:
    busy, free = D1Database(tmp_path / "busy.sqlite"), D1Database(tmp_path / "free.sqlite")
    async with closing(busy, free):
        await rows_of(busy, "SELECT 1")
        endless = asyncio.create_task(rows_of(busy, ENDLESS))
        waiting = asyncio.create_task(rows_of(busy, "SELECT 1"))
        for number in range(20):
            assert await rows_of(free, "SELECT ?", number) == [[number]]
        assert not endless.done()
        assert not waiting.done()  # one database's queries run one after another
    for task in (endless, waiting):
        with pytest.raises(StorageRefused, match=CLOSED):
            await task


@in_a_loop
async def test_closing_ends_thread_and_connection_in_the_middle_of_a_query(tmp_path: Path) -> None:
    database = Database(tmp_path / "one.sqlite", max_bytes=1 << 20, prepare=lambda connection: None)
    begun = threading.Event()

    def endless(connection: sqlite3.Connection) -> Any:
        begun.set()
        return connection.execute(ENDLESS).fetchone()

    before = threads()
    async with closing(database, database):
        running = asyncio.create_task(database.run(endless))
        queued = asyncio.create_task(database.run(endless))
        assert await asyncio.to_thread(begun.wait, DEADLINE_S)
        assert threads() - before
    assert threads() <= before
    for call in (running, queued, database.run(endless)):
        with pytest.raises(StorageRefused, match=CLOSED):
            await call
    sqlite3.connect(tmp_path / "one.sqlite", timeout=0).execute("CREATE TABLE t (x)").connection.close()


@in_a_loop
async def test_what_was_never_used_can_be_closed(tmp_path: Path) -> None:
    before = threads()
    for store in (KvStore(tmp_path / "kv"), D1Database(tmp_path / "d1"), ObjectStorage(tmp_path / "objects")):
        await store.close()
        await store.close()
    assert threads() <= before


@in_a_loop
async def test_a_query_has_its_time_and_waiting_for_another_does_not_count(tmp_path: Path) -> None:
    async with closing(before := D1Database(tmp_path / "d1")):
        await before.exec("CREATE TABLE t (x)")
    database = D1Database(tmp_path / "d1", query_limit_s=0.5)
    async with closing(database):
        for _ in range(ATTEMPTS):
            endless = [Statement("INSERT INTO t VALUES (1)"), Statement(ENDLESS)]
            too_long = [asyncio.create_task(database.query(endless)) for _ in range(2)]
            quick = asyncio.create_task(rows_of(database, "SELECT count(*) FROM t"))
            for task in too_long:
                with pytest.raises(StorageRefused, match="D1_ERROR: took longer than"):
                    await task
            with contextlib.suppress(StorageRefused):
                assert await quick == [[0]]
                return
    pytest.fail("a quick query that waited was refused each time")


@in_a_loop
async def test_a_caller_that_goes_away_leaves_the_database_usable(tmp_path: Path) -> None:
    database = D1Database(tmp_path / "d1", query_limit_s=0.5)
    async with closing(database):
        for _ in range(ATTEMPTS):
            running, queued = (asyncio.create_task(rows_of(database, ENDLESS)) for _ in range(2))
            await asyncio.sleep(0)  # both are asked for
            running.cancel()
            queued.cancel()
            with contextlib.suppress(StorageRefused):
                assert await rows_of(database, "SELECT 1") == [[1]]
                return
    pytest.fail("a quick query was refused each time")


@in_a_loop
async def test_a_look_before_the_time_is_over_interrupts_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "one.sqlite", max_bytes=1 << 20, prepare=lambda connection: None, limit_s=DEADLINE_S)
    begun, ended = threading.Event(), threading.Event()

    def hold() -> int:
        begun.set()
        return int(ended.wait(DEADLINE_S))

    def work(connection: sqlite3.Connection) -> list[Any]:
        connection.create_function("hold", 0, hold)
        return connection.execute("SELECT hold() UNION ALL SELECT 2 UNION ALL SELECT 3").fetchall()

    async with closing(database):
        running = asyncio.create_task(database.run(work))
        assert await asyncio.to_thread(begun.wait, DEADLINE_S)
        assert database._running is not None
        database._watch(database._running)
        database._watch(type(database._running)())  # one that waits
        ended.set()
        assert await running == [(1,), (2,), (3,)]


@in_a_loop
async def test_a_file_has_one_store(tmp_path: Path) -> None:
    def use(store: KvStore | ObjectStorage | D1Database) -> Coroutine[Any, Any, object]:
        match store:
            case KvStore():
                return store.get(["a"])
            case ObjectStorage():
                return store.list("a")
            case _:
                return store.query([Statement("SELECT 1")])

    for kind in (KvStore, ObjectStorage, D1Database):
        first, second = kind(tmp_path / kind.__name__), kind(tmp_path / kind.__name__)
        await use(first)
        with pytest.raises(StorageRefused, match="locked"):
            await use(second)
        await first.close()
        await use(second)
        await second.close()


@in_a_loop
async def test_a_stopped_store_is_taken_up_again(tmp_path: Path) -> None:
    for value in (None, b"kept"):
        store = KvStore(tmp_path / "kv")
        found = (await store.get(["k"])).get("k")
        assert (found and found.value) == value
        await store.put("k", b"kept")
        await store.close()
