"""Storage of Durable Objects of the reference runtime: each its own, in order."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.adapters.reference.control.storage import StorageRefused, database_file, objects
from harness.adapters.reference.control.storage.objects import ObjectStorage
from tests.storage_loops import in_a_loop, in_order, names

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
