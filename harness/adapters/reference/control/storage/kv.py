"""KV namespaces: values under names, with metadata and an end of life.

Limits and texts follow the platform's documentation (Workers KV: Limits; Write key-value pairs; List keys). A text
begins with the status the platform's own store answers with, as its errors do.
"""

from __future__ import annotations

import base64
import binascii
import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from harness.adapters.reference.control.storage.files import (
    Database,
    StorageRefused,
    behind_prefix,
    next_after,
    transaction,
    utf8,
)

KEY_BYTES = 512
VALUE_BYTES = 25 << 20
METADATA_BYTES = 1024
KEYS_OF_ONE_GET = 100
ANSWER_BYTES = 25 << 20
LIST_LIMIT = 1000
SHORTEST_LIFE_S = 60
NAMESPACE_BYTES = 1 << 30

_TABLES = """
CREATE TABLE IF NOT EXISTS entry (key BLOB PRIMARY KEY, expiration_s INTEGER, metadata BLOB, value BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS mortal ON entry (expiration_s) WHERE expiration_s IS NOT NULL;
"""
_ALIVE = "(expiration_s IS NULL OR expiration_s > :now_s)"
_GET = f"SELECT value, metadata FROM entry WHERE key = :key AND {_ALIVE}"  # noqa: S608  constant parts
_LIST = f"""
SELECT key, expiration_s, metadata FROM entry
WHERE key >= :first AND key < :end AND {_ALIVE} ORDER BY key LIMIT :limit
"""  # noqa: S608
_PUT = "INSERT OR REPLACE INTO entry (key, expiration_s, metadata, value) VALUES (?, ?, ?, ?)"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    value: bytes
    metadata: Any = None


class KeyInfo(msgspec.Struct, frozen=True, kw_only=True):
    """`expiration`: in seconds since 1970."""

    name: str
    expiration: int | None = None
    metadata: Any = None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """`cursor` is None when the list is complete."""

    keys: list[KeyInfo]
    list_complete: bool
    cursor: str | None = None


class KvStore:
    """One namespace. Strongly consistent: what was put is what the next get gives."""

    def __init__(self, path: Path, *, max_bytes: int = NAMESPACE_BYTES, now_s: Callable[[], float] = time.time) -> None:
        self._database = Database(path, max_bytes=max_bytes, prepare=_prepare)
        self._now_s = now_s

    async def get(self, keys: Sequence[str]) -> dict[str, Entry]:
        """The entries that there are, by the key that asked for them. At most 100 keys and 25 MiB."""
        if len(keys) > KEYS_OF_ONE_GET:
            raise StorageRefused(f"400 You can request a maximum of {KEYS_OF_ONE_GET} keys")
        stored = {key: _key(key) for key in keys}
        now_s = self._now_s()
        return await self._database.run(lambda connection: _entries(connection, stored, now_s))

    async def put(
        self,
        key: str,
        value: bytes,
        *,
        expiration: int | None = None,
        expiration_ttl: int | None = None,
        metadata: Any = None,
    ) -> None:
        """Store, in place of what was there. `expiration` is in seconds since 1970, `expiration_ttl` in seconds from
        now and stronger; either is at least 60 seconds away."""
        stored = _key(key)
        now_s = self._now_s()
        expiration_s = _expiration_s(now_s, expiration, expiration_ttl)
        if len(value) > VALUE_BYTES:
            raise StorageRefused(f"413 Value length of {len(value)} exceeds limit of {VALUE_BYTES}.")
        row = (stored, expiration_s, _metadata(metadata), value)

        def work(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                connection.execute("DELETE FROM entry WHERE expiration_s <= ?", (now_s,))
                connection.execute(_PUT, row)

        await self._database.run(work)

    async def delete(self, key: str) -> None:
        """Forget the key, whether there is one or not."""
        stored = _key(key)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM entry WHERE key = ?", (stored,))

        await self._database.run(work)

    async def list(self, prefix: str = "", limit: int = LIST_LIMIT, cursor: str | None = None) -> Page:
        """Keys in order of their UTF-8 bytes, `limit` (1 to 1000) at most. `cursor`: where an earlier page ended,
        which stays a place in the order when the key that was there is deleted."""
        if type(limit) is not int or not 1 <= limit <= LIST_LIMIT:
            raise StorageRefused(f"400 Invalid key_count_limit of {limit}. Please specify 1 to {LIST_LIMIT}.")
        encoded = _encoded(prefix)
        bounds = {
            "first": max(encoded, next_after(_place(cursor))) if cursor else encoded,
            "end": behind_prefix(encoded),
            "now_s": self._now_s(),
            "limit": limit + 1,
        }
        rows = await self._database.run(lambda connection: connection.execute(_LIST, bounds).fetchall())
        keys = [
            KeyInfo(name=key.decode(), expiration=expiration_s, metadata=_parsed(metadata))
            for key, expiration_s, metadata in rows[:limit]
        ]
        if len(rows) <= limit:
            return Page(keys=keys, list_complete=True)
        return Page(keys=keys, list_complete=False, cursor=base64.urlsafe_b64encode(rows[limit - 1][0]).decode())

    async def close(self) -> None:
        await self._database.close()


def _prepare(connection: sqlite3.Connection) -> None:
    connection.executescript(_TABLES)


def _entries(connection: sqlite3.Connection, stored: dict[str, bytes], now_s: float) -> dict[str, Entry]:
    found = {}
    total_bytes = 0
    for asked, key in stored.items():
        row = connection.execute(_GET, {"key": key, "now_s": now_s}).fetchone()
        if row is None:
            continue
        found[asked] = Entry(value=row[0], metadata=_parsed(row[1]))
        total_bytes += len(row[0])
        if total_bytes > ANSWER_BYTES:
            raise StorageRefused(f"413 Total size of request exceeds the limit of {ANSWER_BYTES >> 20}MB")
    return found


def _key(key: str) -> bytes:
    if key == "":
        raise StorageRefused("400 Key name cannot be empty.")
    if key in (".", ".."):
        raise StorageRefused(f'400 "{key}" is not allowed as a key name.')
    return _encoded(key)


def _encoded(text: str) -> bytes:
    if not isinstance(text, str):
        raise StorageRefused(f"400 A key name is text, not {type(text).__name__}.")
    encoded = utf8(text)
    if len(encoded) > KEY_BYTES:
        raise StorageRefused(f"414 UTF-8 encoded length of {len(encoded)} exceeds key length limit of {KEY_BYTES}.")
    return encoded


def _expiration_s(now_s: float, expiration: int | None, expiration_ttl: int | None) -> int | None:
    for name, value in (("expiration_ttl", expiration_ttl), ("expiration", expiration)):
        if value is not None and (type(value) is not int or not 0 < value < 1 << 53):
            raise StorageRefused(f"400 Invalid {name} of {value}. Please specify integer greater than 0.")
    if expiration_ttl is not None:
        if expiration_ttl < SHORTEST_LIFE_S:
            raise StorageRefused(
                f"400 Invalid expiration_ttl of {expiration_ttl}. Expiration TTL must be at least {SHORTEST_LIFE_S}."
            )
        return int(now_s) + expiration_ttl
    if expiration is not None and expiration < int(now_s) + SHORTEST_LIFE_S:
        raise StorageRefused(
            f"400 Invalid expiration of {expiration}. "
            f"Expiration times must be at least {SHORTEST_LIFE_S} seconds in the future."
        )
    return expiration


def _metadata(metadata: Any) -> bytes | None:
    if metadata is None:
        return None
    try:
        text = json.dumps(metadata, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise StorageRefused(f"400 Metadata cannot be sent as JSON: {error}") from error
    encoded = utf8(text)
    if len(encoded) > METADATA_BYTES:
        raise StorageRefused(f"413 Metadata length of {len(encoded)} exceeds limit of {METADATA_BYTES}.")
    return encoded


def _parsed(metadata: bytes | None) -> Any:
    return None if metadata is None else json.loads(metadata)


def _place(cursor: str) -> bytes:
    try:
        return base64.b64decode(cursor, altchars=b"-_", validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise StorageRefused("400 Invalid cursor.") from error
