"""What the reference runtime's bindings keep: values come back as they went in, guests stay in their file, and no query
holds up anything but its own database."""

from __future__ import annotations

import asyncio
import functools
import math
import sqlite3
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.adapters.reference.control.storage import StorageRefused, d1, database_file, kv, objects
from harness.adapters.reference.control.storage.d1 import D1Database, ExecResult, Guard, Statement, statements_in
from harness.adapters.reference.control.storage.files import CLOSED, Database
from harness.adapters.reference.control.storage.kv import KvStore
from harness.adapters.reference.control.storage.objects import ObjectStorage

DEADLINE_S = 60.0
"""Safety deadline of each test: far above what any takes."""

ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"
STRANGE_KEYS = [
    "a",
    "b",
    "a/b",
    "/",
    "'",
    '"',
    "a\0b",
    "\0",
    ".a",
    "..a",
    "...",
    "😀",
    "é",
    "e\u0301",
    "\uffff",
    "%_",
    " ",
]

names = (
    st.sampled_from(["a", "ab", "b", "ba", "c"])
    | st.sampled_from(STRANGE_KEYS)
    | st.text(min_size=1, max_size=4).filter(lambda text: text not in (".", ".."))
)


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """The test as a plain function that runs it in an event loop of its own."""

    @functools.wraps(test)
    def call(*arguments: Any, **named: Any) -> None:
        asyncio.run(asyncio.wait_for(test(*arguments, **named), DEADLINE_S))

    return call


@asynccontextmanager
async def closing(*stores: Database | D1Database) -> AsyncIterator[None]:
    """Whatever becomes of the test, no endless query is left to hold up the end of the process."""
    try:
        yield
    finally:
        await asyncio.gather(*(store.close() for store in stores))


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("storage ")}


async def rows_of(database: D1Database, sql: str, *params: Any) -> list[list[Any]]:
    return (await database.query([Statement(sql, params)]))[0].rows


def in_order(keys: Any) -> list[str]:
    return sorted(keys, key=str.encode)


# Files and threads


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
    database = D1Database(tmp_path / "d1", query_limit_s=0.5)
    async with closing(database):
        await database.exec("CREATE TABLE t (x)")
        endless = [Statement("INSERT INTO t VALUES (1)"), Statement(ENDLESS)]
        too_long = [asyncio.create_task(database.query(endless)) for _ in range(2)]
        quick = asyncio.create_task(rows_of(database, "SELECT count(*) FROM t"))
        for task in too_long:
            with pytest.raises(StorageRefused, match="D1_ERROR: took longer than"):
                await task
        assert await quick == [[0]]


@in_a_loop
async def test_a_caller_that_goes_away_leaves_the_database_usable(tmp_path: Path) -> None:
    database = D1Database(tmp_path / "d1", query_limit_s=0.5)
    async with closing(database):
        running, queued = (asyncio.create_task(rows_of(database, ENDLESS)) for _ in range(2))
        await asyncio.sleep(0)  # both are asked for
        running.cancel()
        queued.cancel()
        assert await rows_of(database, "SELECT 1") == [[1]]


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


# KV

kv_steps = st.one_of(
    st.tuples(
        st.just("put"),
        names,
        st.binary(max_size=20),
        st.sampled_from([None, 60, 61, 120]),
        st.none() | st.booleans() | st.text(max_size=5) | st.dictionaries(st.text(max_size=3), st.integers()),
    ),
    st.tuples(st.just("delete"), names),
    st.tuples(st.just("get"), st.lists(names, max_size=5)),
    st.tuples(st.just("list"), st.just("") | names, st.integers(1, 4)),
    st.tuples(st.just("pass"), st.sampled_from([1, 59.5, 60])),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(kv_steps, max_size=30))
@example([("put", "k", b"", 60, None), ("pass", 60)])
@in_a_loop
async def test_kv_is_a_dictionary_whose_entries_end(steps: list[Any]) -> None:
    now = [1_000_000.0]
    model: dict[str, tuple[bytes, int | None, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        store = KvStore(Path(folder) / "kv", now_s=lambda: now[0])
        for step in [*steps, ("list", "", 1000)]:
            match step:
                case "put", key, value, ttl, metadata:
                    await store.put(key, value, expiration_ttl=ttl, metadata=metadata)
                    model[key] = (value, ttl and int(now[0]) + ttl, metadata)
                case "delete", key:
                    await store.delete(key)
                    model.pop(key, None)
                case "pass", seconds:
                    now[0] += seconds
            model = {key: entry for key, entry in model.items() if entry[1] is None or entry[1] > now[0]}
            match step:
                case "get", keys:
                    found = await store.get(keys)
                    assert {key: (entry.value, entry.metadata) for key, entry in found.items()} == {
                        key: (model[key][0], model[key][2]) for key in keys if key in model
                    }
                case "list", prefix, limit:
                    pages = await pages_of(store, prefix, limit)
                    assert all(len(page) == limit for page in pages[:-1])
                    listed = [(key.name, key.expiration, key.metadata) for page in pages for key in page]
                    assert listed == [(key, *model[key][1:]) for key in in_order(model) if key.startswith(prefix)]
        await store.close()


async def pages_of(store: KvStore, prefix: str, limit: int) -> list[list[kv.KeyInfo]]:
    pages = [await store.list(prefix, limit)]
    while not pages[-1].list_complete:
        pages.append(await store.list(prefix, limit, pages[-1].cursor))
    assert pages[-1].cursor is None
    return [page.keys for page in pages]


@settings(max_examples=40, deadline=None)
@given(st.sets(names, min_size=1, max_size=12), st.integers(1, 3), st.randoms(use_true_random=False))
@in_a_loop
async def test_a_cursor_is_a_place_in_the_order_whatever_is_deleted(keys: set[str], limit: int, random: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = KvStore(Path(folder) / "kv")
        for key in keys:
            await store.put(key, b"")
        deleted: set[str] = set()
        seen: list[str] = []
        cursor = None
        while True:
            page = await store.list("", limit, cursor)
            seen += [key.name for key in page.keys]
            if page.list_complete:
                break
            cursor = page.cursor
            for key in random.sample(sorted(keys), min(2, len(keys))):
                await store.delete(key)
                deleted.add(key)
        assert seen == in_order(set(seen))
        assert keys - deleted <= set(seen) <= keys
        await store.close()


@in_a_loop
async def test_kv_at_its_limits(tmp_path: Path) -> None:
    store = KvStore(tmp_path / "kv", now_s=lambda: 1000.0)
    longest = "é" * 256
    await store.put(longest, b"", expiration=1060, metadata="m" * 1022)
    assert (await store.list()).keys == [kv.KeyInfo(name=longest, expiration=1060, metadata="m" * 1022)]
    largest = bytes(25 << 20)
    await store.put("a", largest)
    assert (await store.get(["a"]))["a"].value == largest
    await store.put("b", b"1")
    with pytest.raises(StorageRefused, match="413"):
        await store.get(["a", "b"])
    refused: list[tuple[str, dict[str, Any]]] = [
        ("", {}),
        (".", {}),
        ("..", {}),
        ("é" * 256 + "a", {}),
        ("k", {"value": bytes((25 << 20) + 1)}),
        ("k", {"metadata": "m" * 1023}),
        ("k", {"metadata": math.nan}),
        ("k", {"metadata": b"bytes"}),
        ("k", {"expiration_ttl": 59}),
        ("k", {"expiration_ttl": 60.5}),
        ("k", {"expiration_ttl": "60"}),
        ("k", {"expiration": 1059}),
        ("k", {"expiration": -1}),
        ("k", {"expiration": 1 << 60}),
    ]
    for key, options in refused:
        with pytest.raises(StorageRefused, match=r"^4\d\d "):
            await store.put(key, **{"value": b"", **options})
    for limit, cursor in (
        (0, None),
        (1001, None),
        (-1, None),
        (1.5, None),
        (True, None),
        (1, "*"),
        (1, "é"),
        (1, "YQ"),
    ):
        with pytest.raises(StorageRefused, match=r"^400 "):
            await store.list("", limit, cursor)  # type: ignore[arg-type]
    cursor = (await store.list("", 1)).cursor  # behind "a"
    await store.put("c", b"")
    assert [key.name for key in (await store.list("c", 1000, cursor)).keys] == ["c"]
    await store.delete("c")
    with pytest.raises(StorageRefused, match=r"^414 "):
        await store.list("p" * 513)
    with pytest.raises(StorageRefused, match=r"^400 "):
        await store.get([str(number) for number in range(101)])
    with pytest.raises(StorageRefused, match=r"^400 "):
        await store.get([1])  # type: ignore[list-item]
    assert {key.name for key in (await store.list()).keys} == {longest, "a", "b"}
    await store.close()


@in_a_loop
async def test_half_a_surrogate_pair_becomes_the_replacement_character(tmp_path: Path) -> None:
    store, storage = KvStore(tmp_path / "kv"), ObjectStorage(tmp_path / "objects")
    await store.put("a\ud83d", b"1", metadata="\udc00")
    assert (await store.get(["a\ud83d"]))["a\ud83d"] == kv.Entry(value=b"1", metadata="\ufffd")
    assert [key.name for key in (await store.list()).keys] == ["a\ufffd"]
    await storage.put("one", [("\ud800b", '"\udfff"')])
    assert await storage.get("one", ["\ud800b"]) == [("\ufffdb", '"\ufffd"')]
    await asyncio.gather(store.close(), storage.close())


@in_a_loop
async def test_a_namespace_does_not_grow_past_its_size(tmp_path: Path) -> None:
    store = KvStore(tmp_path / "kv", max_bytes=200_000)
    await store.put("a", bytes(100_000))
    with pytest.raises(StorageRefused, match="SQLITE_FULL"):
        await store.put("b", bytes(100_000))
    await store.put("a", bytes(90_000))
    assert set(await store.get(["a", "b"])) == {"a"}
    assert (tmp_path / "kv").stat().st_size <= 200_000
    await store.close()


# Durable Objects

ids = st.sampled_from(["one", "two", "One", "one\0", "on", ""])
object_keys = names | st.just("")
bounds = st.none() | object_keys
object_steps = st.one_of(
    st.tuples(st.just("put"), ids, st.lists(st.tuples(object_keys, st.text(max_size=5)), max_size=8)),
    st.tuples(st.just("get"), ids, st.lists(object_keys, max_size=5)),
    st.tuples(st.just("delete"), ids, st.lists(object_keys, max_size=5)),
    st.tuples(st.just("delete_all"), ids),
    st.tuples(
        st.just("list"),
        ids,
        st.fixed_dictionaries(
            {
                "end": bounds,
                "prefix": bounds,
                "reverse": st.none() | st.booleans(),
                "limit": st.none() | st.integers(1, 4),
            },
            optional={"start": bounds},
        )
        | st.fixed_dictionaries({"startAfter": bounds, "prefix": bounds}),
    ),
)


def expected_list(entries: dict[str, str], options: dict[str, Any]) -> list[tuple[str, str]]:
    start, after, end = (options.get(name) for name in ("start", "startAfter", "end"))
    keys = [
        key
        for key in in_order(entries)
        if key.startswith(options.get("prefix") or "")
        and (start is None or key.encode() >= start.encode())
        and (after is None or key.encode() > after.encode())
        and (end is None or key.encode() < end.encode())
    ]
    if options.get("reverse"):
        keys.reverse()
    return [(key, entries[key]) for key in keys[: options.get("limit")]]


@settings(max_examples=80, deadline=None)
@given(st.lists(object_steps, max_size=30))
@example([("put", "one", [("a", "1"), ("b", "2")]), ("list", "one", {"prefix": "a", "end": "c"})])
@in_a_loop
async def test_object_storage_is_a_sorted_dictionary_for_each_id(steps: list[Any]) -> None:
    model: dict[str, dict[str, str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        storage = ObjectStorage(Path(folder) / "objects")
        for step in [*steps, *(("list", object_id, {}) for object_id in [*model, "one", "two"])]:
            entries = model.setdefault(step[1], {})
            match step:
                case "put", object_id, new:
                    await storage.put(object_id, new)
                    entries.update(new)
                case "get", object_id, keys:
                    wanted = in_order(set(keys) & set(entries))
                    assert await storage.get(object_id, keys) == [(key, entries[key]) for key in wanted]
                case "delete", object_id, keys:
                    assert await storage.delete(object_id, keys) == len(set(keys) & set(entries))
                    model[object_id] = {key: value for key, value in entries.items() if key not in keys}
                case "delete_all", object_id:
                    await storage.delete_all(object_id)
                    model[object_id] = {}
                case "list", object_id, options:
                    assert await storage.list(object_id, options) == expected_list(entries, options)
        await storage.close()


@in_a_loop
async def test_namespaces_share_nothing(tmp_path: Path) -> None:
    files = [database_file(tmp_path, "objects", name) for name in ("one", "other")]
    one, other = (ObjectStorage(file) for file in files)
    await one.put("id", [("key", "1")])
    assert await other.list("id") == []
    await other.put("id", [("key", "2")])
    await one.delete_all("id")
    assert (await one.list("id"), await other.list("id")) == ([], [("key", "2")])
    await asyncio.gather(one.close(), other.close())


@in_a_loop
async def test_object_storage_at_its_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = ObjectStorage(tmp_path / "objects")
    small = ObjectStorage(tmp_path / "small", max_value_bytes=objects.KV_BACKED_VALUE_BYTES)
    longest, largest = "é" * 1024, "v" * (2 << 20)
    await storage.put("one", [(longest, largest)])
    assert await storage.list("one") == [(longest, largest)]
    many = [(str(number), "v") for number in range(129)]
    await storage.put("many", many[:128])
    assert len(await storage.get("many", [key for key, _ in many[:128]])) == 128
    for refused in ([("ok", "v"), (longest + "a", "v")], [("ok", "v"), ("k", largest + "v")], many, [(1, "v")]):
        with pytest.raises(StorageRefused):
            await storage.put("one", refused)  # type: ignore[arg-type]
    assert await storage.get("one", ["ok", "k"]) == []  # all or nothing
    with pytest.raises(StorageRefused, match="131072"):
        await small.put("one", [("k", "é" * (64 << 10) + "a")])
    full = ObjectStorage(tmp_path / "full", max_bytes=200_000)
    with pytest.raises(StorageRefused, match="SQLITE_FULL"):
        await full.put("one", [("a", "v" * 100_000), ("b", "v" * 150_000)])
    assert await full.list("one") == []
    await full.close()
    for call in (storage.get, storage.delete):
        with pytest.raises(StorageRefused, match="128"):
            await call("many", [key for key, _ in many])
    wrong: list[dict[str, Any]] = [
        {"limit": 0},
        {"limit": -1},
        {"limit": "1"},
        {"start": "a", "startAfter": "a"},
        {"prefix": 1},
        {"reverse": "no"},
    ]
    for options in wrong:
        with pytest.raises(StorageRefused):
            await storage.list("one", options)
    monkeypatch.setattr(objects, "ANSWER_BYTES", 2 << 20)
    with pytest.raises(StorageRefused, match="in one answer"):
        await storage.list("one")
    await asyncio.gather(storage.close(), small.close())


# D1

values = (
    st.none()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)


@settings(max_examples=30, deadline=None)
@given(st.lists(values | st.binary(max_size=20), min_size=1, max_size=10))
@in_a_loop
async def test_values_come_back_as_they_were_given(given_values: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = D1Database(Path(folder) / "d1")
        await database.exec("CREATE TABLE t (x)")
        wired = [d1.to_wire(value) for value in given_values]
        for params in (given_values, wired):
            await database.query([Statement("INSERT INTO t VALUES (?)", [value]) for value in params])
            stored = [row[0] for row in await rows_of(database, "SELECT x FROM t ORDER BY rowid")]
            assert stored == wired
            await rows_of(database, "DELETE FROM t")
        assert msgspec.json.decode(msgspec.json.encode(wired)) == wired
        await database.close()


@in_a_loop
async def test_numbers_are_whole_or_real_as_javascript_means_them(tmp_path: Path) -> None:
    database = D1Database(tmp_path / "d1")
    kinds = [
        (1, "integer"),
        (1.0, "integer"),
        (1.5, "real"),
        (1e300, "real"),
        (2**70, "real"),
        (True, "integer"),
        (-(2**63), "integer"),
    ]
    for value, kind in kinds:
        assert await rows_of(database, "SELECT typeof(?1), ?1", value) == [[kind, value]]
    assert await rows_of(database, "SELECT 9e999, CAST(x'ff41' AS TEXT), 'a' || char(0) || 'b'") == [
        [None, "\ufffdA", "a\0b"]
    ]
    assert await rows_of(database, "SELECT ?, ?", b"\0\xff", {"b": "AP8="}) == [[{"b": "AP8="}] * 2]
    for wrong in ([1], {"b": "*"}, {"b": 1}, {}, {"b": "", "c": 1}, math.inf, math.nan, 10**400, object()):
        with pytest.raises(StorageRefused, match=r"^D1_ERROR: "):
            await rows_of(database, "SELECT ?", wrong)
    await database.close()


@in_a_loop
async def test_results_have_columns_rows_and_meta(tmp_path: Path) -> None:
    database = D1Database(tmp_path / "d1")
    created, inserted, selected, nothing = await database.query(
        [
            Statement("CREATE TABLE t (id INTEGER PRIMARY KEY, x)"),
            Statement("INSERT INTO t (x) VALUES (?), (?) RETURNING id", ["a", "b"]),
            Statement("SELECT x, x, id AS 'the id' FROM t ORDER BY id DESC"),
            Statement("SELECT x FROM t WHERE id = 99"),
        ]
    )
    assert (created.columns, created.rows, created.meta.changes) == ([], [], 0)
    assert (inserted.columns, inserted.rows) == (["id"], [[1], [2]])
    assert (inserted.meta.changes, inserted.meta.rows_written, inserted.meta.last_row_id) == (2, 2, 2)
    assert (selected.columns, selected.rows) == (["x", "x", "the id"], [["b", "b", 2], ["a", "a", 1]])
    assert (selected.meta.changes, selected.meta.rows_read) == (0, 2)
    assert (nothing.columns, nothing.rows) == (["x"], [])
    assert selected.meta.duration_ms >= 0
    (alone,) = await database.query([Statement("SELECT x FROM t")], "none")
    assert (alone.rows, alone.meta.rows_read) == ([], 2)
    assert alone.meta.size_after_bytes == (tmp_path / "d1").stat().st_size
    wire = {"duration", "changes", "last_row_id", "rows_read", "rows_written", "size_after"}
    assert set(msgspec.to_builtins(alone)["meta"]) == wire
    await database.close()


@in_a_loop
async def test_a_batch_is_one_transaction(tmp_path: Path) -> None:
    database = D1Database(tmp_path / "d1")
    await database.exec("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
    await database.exec("CREATE TABLE child (id REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)")
    one = Statement("INSERT INTO parent VALUES (1)")
    orphan = Statement("INSERT INTO child VALUES (5)")
    failures = {
        "UNIQUE constraint failed: parent.id: SQLITE_CONSTRAINT": [one, one],
        "no such table: nowhere: SQLITE_ERROR": [one, Statement("SELECT * FROM nowhere")],
        "UNIQUE constraint failed": [
            one,
            Statement("INSERT OR ROLLBACK INTO parent VALUES (1)"),
            Statement("SELECT 1"),
        ],
        "FOREIGN KEY constraint failed: SQLITE_CONSTRAINT": [one, orphan],
        "a parameter of a kind that is not supported": [one, Statement("SELECT ?", [[]])],
        "No SQL statements detected": [one, Statement("-- nothing")],
    }
    for text, statements in failures.items():
        with pytest.raises(StorageRefused, match=rf"^D1_ERROR: {text}"):
            await database.query(statements)
        assert await rows_of(database, "SELECT (SELECT count(*) FROM parent), (SELECT count(*) FROM child)") == [[0, 0]]
    await database.query([orphan, Statement("INSERT INTO parent VALUES (5)")])
    assert await rows_of(database, "SELECT * FROM child") == [[5]]
    with pytest.raises(StorageRefused, match=r"^D1_ERROR: No SQL"):
        await database.query([])
    await database.close()


@in_a_loop
async def test_calls_made_at_once_run_one_after_another_in_their_order(tmp_path: Path) -> None:
    database = D1Database(tmp_path / "d1")
    await database.exec("CREATE TABLE t (n); INSERT INTO t VALUES (0)")
    add = [Statement("UPDATE t SET n = n + 1"), Statement("SELECT n FROM t")]
    answers = await asyncio.gather(*(database.query(add) for _ in range(50)))
    assert [answer[1].rows for answer in answers] == [[[number]] for number in range(1, 51)]
    await database.close()


@in_a_loop
async def test_exec_runs_lines(tmp_path: Path) -> None:
    database = D1Database(tmp_path / "d1")
    lines = "CREATE TABLE t (x)\n\n  -- a comment\nINSERT INTO t VALUES (';'); INSERT INTO t VALUES (2);\nSELECT 1"
    done = await database.exec(lines)
    assert done.count == 4
    assert set(msgspec.to_builtins(done)) == {"count", "duration"}
    trigger = "CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t WHERE x = 2; DELETE FROM t WHERE x = 3; END;"
    assert isinstance(await database.exec(trigger), ExecResult)
    with pytest.raises(
        StorageRefused, match=r"^D1_EXEC_ERROR: Error in line 2: nonsense: .*syntax error: SQLITE_ERROR"
    ):
        await database.exec("INSERT INTO t VALUES (9)\nnonsense")
    with pytest.raises(StorageRefused, match=r"^D1_EXEC_ERROR: Error in line 1: .*incomplete input"):
        await database.exec("CREATE TABLE u (\nx)")
    with pytest.raises(StorageRefused, match=r"^D1_EXEC_ERROR: No SQL"):
        await database.exec("\n-- nothing\n")
    assert await rows_of(database, "SELECT x FROM t") == [[";"], [2]]
    await database.close()


pieces = st.sampled_from(
    [
        "SELECT 1",
        "SELECT ';'",
        "SELECT 'it''s;'",
        'SELECT ";" FROM [;] WHERE `;``;`',
        "SELECT 1 -- ; not yet\n",
        "/* ; */ SELECT 2 /* ' */",
        "CREATE TRIGGER t AFTER INSERT ON u BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; SELECT ';'; END",
        "create temp trigger t begin select 1; end",
    ]
)


@given(st.lists(pieces, max_size=6), st.sampled_from(["", ";", " ; ;", " -- end"]))
def test_statements_are_told_apart(statements: list[str], end: str) -> None:
    text = ";\n".join(statements) + end
    found = statements_in(text)
    assert [each.rstrip(";").strip() for each in found] == [
        (each + (end if last and end == " -- end" else "")).strip()
        for last, each in ((index == len(statements) - 1, each) for index, each in enumerate(statements))
    ]


@given(st.text(alphabet="';\"`[]/*-\n aEND", max_size=60))
def test_any_text_is_told_apart_without_loss(text: str) -> None:
    found = statements_in(text)
    rest = text
    for statement in found:
        at = rest.index(statement)
        rest = rest[at + len(statement) :]
    assert statements_in(rest) == []


@in_a_loop
async def test_a_database_refuses_to_grow_past_its_cap(tmp_path: Path) -> None:
    database = D1Database(tmp_path / "d1", max_bytes=100_000)
    await database.exec("CREATE TABLE t (x)")
    inserted = [Statement("INSERT INTO t VALUES (zeroblob(30000))")] * 2
    await database.query(inserted)
    with pytest.raises(StorageRefused, match=r"^D1_ERROR: Exceeded maximum .*SQLITE_FULL"):
        await database.query(inserted)
    assert await rows_of(database, "SELECT count(*) FROM t") == [[2]]
    assert (tmp_path / "d1").stat().st_size <= 100_000
    await rows_of(database, "DELETE FROM t")
    await rows_of(database, "INSERT INTO t VALUES (1)")
    await database.close()


@in_a_loop
async def test_an_answer_has_a_largest_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(d1, "ANSWER_BYTES", 100_000)
    database = D1Database(tmp_path / "d1")
    async with closing(database):
        for sql in (ENDLESS.replace("count(*)", "x"), "SELECT zeroblob(200000)"):
            with pytest.raises(StorageRefused, match="in one answer"):
                await rows_of(database, sql)
        assert await rows_of(database, "SELECT 1") == [[1]]


ORDINARY = [
    "CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT, y UNIQUE)",
    "INSERT INTO a (x, y) VALUES ('one', 1), ('two', 2) ON CONFLICT DO NOTHING",
    "ALTER TABLE a RENAME TO b",
    "ALTER TABLE b RENAME COLUMN x TO z",
    "ALTER TABLE b ADD COLUMN w DEFAULT 1",
    "ALTER TABLE b DROP COLUMN w",
    "CREATE INDEX i ON b (z)",
    "CREATE VIEW v AS SELECT upper(z) AS z FROM b",
    "CREATE TRIGGER t AFTER DELETE ON b BEGIN INSERT INTO b (z) VALUES ('again'); END",
    "DELETE FROM b WHERE y = 1",
    "SELECT * FROM v ORDER BY z",
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 3) SELECT sum(x) OVER () FROM c",
    """SELECT value ->> '$.a', json_extract(value, '$.a') FROM json_each('[{"a": 1}]')""",
    "SELECT date('now'), current_timestamp, 'a' LIKE 'A', 'a' GLOB '*', round(1.5), sqrt(4)",
    "EXPLAIN QUERY PLAN SELECT * FROM b",
    "PRAGMA table_info(b)",
    "PRAGMA table_list",
    "SELECT name FROM pragma_table_info('b')",
    "PRAGMA foreign_key_list(b)",
    "PRAGMA defer_foreign_keys = on",
    "PRAGMA quick_check",
    "PRAGMA optimize",
    "ANALYZE",
    "REINDEX",
    "DROP TRIGGER t",
    "DROP VIEW v",
    "DROP INDEX i",
    "CREATE TABLE c AS SELECT * FROM b",
    "DROP TABLE b",
]


@in_a_loop
async def test_ordinary_sql_is_allowed(tmp_path: Path) -> None:
    database = D1Database(tmp_path / "d1")
    for sql in ORDINARY:
        await rows_of(database, sql)
    await database.close()


REFUSED = [
    "ATTACH '{folder}/victim' AS v",
    "ATTACH 'file:{folder}/victim?mode=ro' AS v",
    "ATTACH '{folder}/new' AS v",
    "ATTACH ':memory:' AS v",
    "ATTACH '' AS v",
    "DETACH main",
    "VACUUM",
    "VACUUM INTO '{folder}/new'",
    "SELECT load_extension('{folder}/new')",
    "SELECT fts3_tokenizer('simple')",
    "SELECT fts3_tokenizer('mine', x'4141414141414141')",
    "SELECT readfile('{folder}/secret')",
    "SELECT writefile('{folder}/new', 'x')",
    "SELECT edit('x', 'touch {folder}/new')",
    "SELECT sqlite_version()",
    "SELECT sqlite_rename_table('main', 'table', 't', 't', 'a', 'b', 0)",
    "CREATE VIRTUAL TABLE f USING fts5 (x)",
    "CREATE VIRTUAL TABLE f USING fts3 (x, tokenize=simple)",
    "CREATE VIRTUAL TABLE f USING csv(filename='{folder}/secret')",
    "CREATE VIRTUAL TABLE f USING dbstat(temp)",
    "SELECT count(*) FROM dbstat",
    "SELECT sql FROM sqlite_stmt",
    "SELECT * FROM fts3tokenize('simple', 'a')",
    "CREATE TEMP TABLE x (y)",
    "CREATE TABLE temp.x (y)",
    "CREATE TEMP VIEW x AS SELECT 1",
    "CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END",
    "BEGIN",
    "BEGIN IMMEDIATE",
    "begin /* anew */ exclusive transaction",
    "COMMIT",
    "END",
    "ROLLBACK",
    "SAVEPOINT s",
    "RELEASE s",
    "ROLLBACK TO s",
    "PRAGMA database_list",
    "SELECT * FROM pragma_database_list",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA main.journal_mode = OFF",
    "PRAGMA locking_mode = NORMAL",
    "PRAGMA writable_schema = 1",
    "PRAGMA trusted_schema = 1",
    "PRAGMA temp_store_directory = '{folder}'",
    "PRAGMA max_page_count = 1000000",
    "PRAGMA page_count",
    "PRAGMA mmap_size = 1000000",
    "PRAGMA cache_size = 1000000000",
    "PRAGMA key = 'x'",
    "UPDATE sqlite_master SET sql = 'x'",
    "INSERT INTO sqlite_schema VALUES (1, 2, 3, 4, 5)",
    "SELECT 1; SELECT 2",
    "SELECT 1; ATTACH '{folder}/new' AS v",
    "SELECT zeroblob(2000001)",
    "SELECT 1 LIKE '" + "%" * 51 + "'",
    "SELECT 1 -- " + "x" * 100_000,
    "SELECT 'a\0b'",
    "",
]


@in_a_loop
async def test_what_a_guest_may_not_do_is_refused_and_nothing_is_reached(tmp_path: Path) -> None:
    victim = sqlite3.connect(tmp_path / "victim")
    victim.executescript("CREATE TABLE secret (x); INSERT INTO secret VALUES ('secret')")
    victim.close()
    (tmp_path / "secret").write_text("secret")
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    database = D1Database(tmp_path / "d1")
    await database.exec("CREATE TABLE t (x)")
    for refused in REFUSED:
        sql = refused.replace("{folder}", str(tmp_path))
        for _ in range(2):  # the second time SQLite's module may have the statement in its cache
            with pytest.raises(StorageRefused, match=r"^D1_ERROR: "):
                await rows_of(database, sql)
        with pytest.raises(StorageRefused, match=r"^D1_ERROR: "):
            await database.query([Statement("INSERT INTO t VALUES (1)"), Statement(sql), Statement("SELECT 1")])
        if ";" not in sql:
            with pytest.raises(StorageRefused, match=r"^D1_EXEC_ERROR: "):
                await database.exec(sql)
    assert await rows_of(database, "SELECT count(*) FROM t") == [[0]]
    await database.close()
    after = {file.name: file.read_bytes() for file in tmp_path.iterdir() if file.name != "d1"}
    assert after == before


@in_a_loop
async def test_views_and_triggers_are_no_way_around(tmp_path: Path) -> None:
    database = D1Database(tmp_path / "d1")
    await database.exec("CREATE TABLE t (x)")
    for what, use in (
        ("CREATE VIEW v AS SELECT fts3_tokenizer('simple')", "SELECT * FROM v"),
        ("CREATE VIEW w AS SELECT * FROM pragma_database_list", "SELECT * FROM w"),
        ("CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT load_extension('x'); END", "INSERT INTO t VALUES (1)"),
        ("CREATE TABLE d (x DEFAULT (load_extension('x')))", "INSERT INTO d DEFAULT VALUES"),
    ):
        with pytest.raises(StorageRefused, match=r"^D1_ERROR: (not authorized|unsafe use)"):
            await database.query([Statement(what), Statement(use)])
    await database.close()


def test_the_guard_alone_keeps_sql_from_other_files(tmp_path: Path) -> None:
    """Control: without it, the same statements on the same connection reach them."""
    connection = sqlite3.connect(tmp_path / "own", isolation_level=None)
    guard = Guard()
    connection.set_authorizer(guard)
    reaching = (f"ATTACH '{tmp_path}/attached' AS a", f"VACUUM main INTO '{tmp_path}/copy'", "BEGIN")
    for sql in reaching:
        with pytest.raises(StorageRefused, match=r"^not authorized: .*SQLITE_AUTH"), guard:
            connection.execute(sql)
    assert {file.name for file in tmp_path.iterdir()} == {"own"}
    for sql in reaching:
        connection.execute(sql)
    connection.execute("CREATE TABLE a.t (x)")
    connection.commit()
    connection.close()
    assert {file.name for file in tmp_path.iterdir()} == {"own", "attached", "copy"}
