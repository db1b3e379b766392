"""KV of the reference runtime: values come back as they went in, until they expire."""

from __future__ import annotations

import asyncio
import math
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.adapters.reference.control.storage import StorageRefused, kv
from harness.adapters.reference.control.storage.kv import KvStore
from harness.adapters.reference.control.storage.objects import ObjectStorage
from tests.storage_loops import in_a_loop, in_order, names

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
