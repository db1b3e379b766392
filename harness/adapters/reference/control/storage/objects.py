"""The storage of Durable Objects: all objects of one namespace in one file, none seen under another's id.

Values are texts that the guest encoded; nobody looks into them. Limits follow the platform's documentation (Durable
Objects: Limits; Storage API).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from harness.adapters.reference.control.storage.files import (
    Database,
    StorageRefused,
    behind_prefix,
    next_after,
    transaction,
    utf8,
)

Entries: TypeAlias = list[tuple[str, str]]
"""Keys and values."""

KEY_BYTES = 2048
SQLITE_BACKED_VALUE_BYTES = 2 << 20
KV_BACKED_VALUE_BYTES = 128 << 10
KEYS_OF_ONE_CALL = 128
ANSWER_BYTES = 64 << 20
"""Most that one get or list gives. The platform has no such limit: there it is the isolate's memory that ends."""
NAMESPACE_BYTES = 1 << 30

_TABLES = """
CREATE TABLE IF NOT EXISTS entry (
    object BLOB NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (object, key)
) WITHOUT ROWID
"""
_GET = "SELECT key, value FROM entry WHERE object = ? AND key = ?"
_PUT = "INSERT OR REPLACE INTO entry (object, key, value) VALUES (?, ?, ?)"
_DELETE = "DELETE FROM entry WHERE object = ? AND key = ?"
_LIST = """
SELECT key, value FROM entry
WHERE object = :object AND key >= :first AND key < :end ORDER BY key {order} LIMIT :limit
"""


class ListOptions(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Which keys, as the Worker's `list({...})` has it: from `start`, or behind `startAfter`, up to before `end`."""

    start: str | None = None
    start_after: str | None = None
    end: str | None = None
    prefix: str | None = None
    reverse: bool | None = None
    limit: int | None = None


class ObjectStorage:
    """The objects of one namespace. Each call is done whole or not at all."""

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int = NAMESPACE_BYTES,
        max_value_bytes: int = SQLITE_BACKED_VALUE_BYTES,
    ) -> None:
        self._database = Database(path, max_bytes=max_bytes, prepare=_prepare)
        self._max_value_bytes = max_value_bytes

    async def get(self, object_id: str, keys: Sequence[str]) -> Entries:
        """Key and value of each key that there is, once, in order of the keys. At most 128 keys."""
        of = _identity(object_id)
        wanted = sorted(set(_keys(keys)))

        def work(connection: sqlite3.Connection) -> Entries:
            rows = (connection.execute(_GET, (of, key)).fetchone() for key in wanted)
            return _entries(row for row in rows if row is not None)

        return await self._database.run(work)

    async def put(self, object_id: str, entries: Sequence[tuple[str, str]]) -> None:
        """Store values, all or none, in place of what was there. At most 128."""
        of = _identity(object_id)
        keys = _keys([key for key, _ in entries])

        def work(connection: sqlite3.Connection) -> None:
            rows = [(of, key, self._value(value)) for key, (_, value) in zip(keys, entries, strict=True)]
            with transaction(connection):
                connection.executemany(_PUT, rows)

        await self._database.run(work)

    async def delete(self, object_id: str, keys: Sequence[str]) -> int:
        """How many of the keys there were; none of them is there now. At most 128."""
        of = _identity(object_id)
        rows = [(of, key) for key in _keys(keys)]

        def work(connection: sqlite3.Connection) -> int:
            before = connection.total_changes
            with transaction(connection):
                connection.executemany(_DELETE, rows)
            return connection.total_changes - before

        return await self._database.run(work)

    async def list(self, object_id: str, options: Mapping[str, Any] | None = None) -> Entries:
        """Keys and values in order of the keys' UTF-8 bytes, or against it. `options`: see `ListOptions`."""
        sql, bounds = _range(_options(options or {}))
        bounds["object"] = _identity(object_id)

        def work(connection: sqlite3.Connection) -> Entries:
            with closing(connection.execute(sql, bounds)) as rows:
                return _entries(rows)

        return await self._database.run(work)

    async def delete_all(self, object_id: str) -> None:
        """Forget everything of this object."""
        of = _identity(object_id)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM entry WHERE object = ?", (of,))

        await self._database.run(work)

    async def close(self) -> None:
        await self._database.close()

    def _value(self, value: str) -> bytes:
        encoded = utf8(value)
        if len(encoded) > self._max_value_bytes:
            raise StorageRefused(f"Values cannot be larger than {self._max_value_bytes} bytes.")
        return encoded


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute(_TABLES)


def _identity(object_id: str) -> bytes:
    """The id's bytes, different for different ids whatever they are."""
    return object_id.encode("utf-8", "surrogatepass")


def _keys(keys: Sequence[str]) -> list[bytes]:
    if len(keys) > KEYS_OF_ONE_CALL:
        raise StorageRefused(f"Maximum number of keys is {KEYS_OF_ONE_CALL}; {len(keys)} were given.")
    return [_key(key) for key in keys]


def _key(key: str) -> bytes:
    if not isinstance(key, str):
        raise StorageRefused(f"A key is text, not {type(key).__name__}.")
    encoded = utf8(key)
    if len(encoded) > KEY_BYTES:
        raise StorageRefused(
            f"Keys cannot be larger than {KEY_BYTES} bytes. A key of size {len(encoded)} was provided."
        )
    return encoded


def _options(options: Mapping[str, Any]) -> ListOptions:
    try:
        return msgspec.convert(options, ListOptions)
    except msgspec.ValidationError as error:
        raise StorageRefused(f"list() was called with other options than it has: {error}") from error


def _range(options: ListOptions) -> tuple[str, dict[str, Any]]:
    if options.start is not None and options.start_after is not None:
        raise StorageRefused("list() cannot be called with both start and startAfter values.")
    if options.limit is not None and options.limit <= 0:
        raise StorageRefused("List limit must be positive.")
    prefix = utf8(options.prefix or "")
    first = utf8(options.start or "") if options.start_after is None else next_after(utf8(options.start_after))
    end = behind_prefix(prefix)
    bounds: dict[str, Any] = {
        "first": max(prefix, first),
        "end": end if options.end is None else min(end, utf8(options.end)),
        "limit": -1 if options.limit is None else min(options.limit, 1 << 62),
    }
    return _LIST.format(order="DESC" if options.reverse else "ASC"), bounds


def _entries(rows: Iterable[tuple[bytes, bytes]]) -> Entries:
    entries = []
    total_bytes = 0
    for key, value in rows:
        total_bytes += len(key) + len(value)
        if total_bytes > ANSWER_BYTES:
            raise StorageRefused(
                f"more than {ANSWER_BYTES >> 20} MiB in one answer; ask for fewer keys, or with a limit"
            )
        entries.append((key.decode(), value.decode()))
    return entries
