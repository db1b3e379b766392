"""KV namespaces."""

from __future__ import annotations

from typing import Any

from harness.adapters.reference.control.capabilities import Answer, Call, Counted, Refusal, no_such_method
from harness.adapters.reference.control.storage import StorageRefused
from harness.adapters.reference.control.storage.kv import KvStore


class KvCapability:
    """One namespace, as one binding sees it."""

    counted = Counted.INTERNAL

    def __init__(self, store: KvStore) -> None:
        self._store = store

    async def call(self, call: Call) -> Answer:
        try:
            match call.method, call.arguments:
                case "get", [list() as keys]:
                    return await self._get_many(keys)
                case "get", [str() as key]:
                    return await self._get(key)
                case "put", [str() as key, dict() as options]:
                    await self._put(key, options, call.data)
                    return Answer()
                case "delete", [str() as key]:
                    await self._store.delete(key)
                    return Answer()
                case "list", [dict() as options]:
                    return await self._list(options)
        except StorageRefused as error:
            raise Refusal(f"KV {call.method.upper()} failed: {error}") from error
        raise no_such_method(self, call.method)

    async def _get(self, key: str) -> Answer:
        entry = (await self._store.get([key])).get(key)
        if entry is None:
            return Answer({"found": False, "metadata": None})
        return Answer({"found": True, "metadata": entry.metadata}, entry.value)

    async def _get_many(self, keys: list[str]) -> Answer:
        entries = await self._store.get(keys)
        described, data = [], b""
        for key in keys:
            entry = entries.get(key)
            described.append(
                {
                    "key": key,
                    "length": None if entry is None else len(entry.value),
                    "metadata": entry and entry.metadata,
                }
            )
            data += b"" if entry is None else entry.value
        return Answer(described, data)

    async def _put(self, key: str, options: dict[str, Any], value: bytes) -> None:
        expiration = options.get("expiration")
        await self._store.put(
            key,
            value,
            expiration=None if expiration is None else int(expiration),
            expiration_ttl=options.get("expirationTtl"),
            metadata=options.get("metadata"),
        )

    async def _list(self, options: dict[str, Any]) -> Answer:
        page = await self._store.list(
            options.get("prefix") or "", int(options.get("limit") or 1000), options.get("cursor") or None
        )
        keys = [_present(key) for key in page.keys]
        answer: dict[str, Any] = {"keys": keys, "list_complete": page.list_complete}
        if page.cursor:
            answer["cursor"] = page.cursor
        return Answer(answer)


def _present(key: Any) -> dict[str, Any]:
    fields = {"name": key.name, "expiration": key.expiration, "metadata": key.metadata}
    return {name: value for name, value in fields.items() if value is not None}
