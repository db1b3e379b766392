"""The storage of one Durable Object, reached only by that object."""

from __future__ import annotations

from typing import Any

import msgspec

from harness.adapters.reference.control.capabilities import Answer, Call, Counted, Refusal, no_such_method
from harness.adapters.reference.control.storage import StorageRefused
from harness.adapters.reference.control.storage.objects import ObjectStorage


class ObjectStorageCapability:
    """Values are what the isolate encoded; nothing here looks into them."""

    counted = Counted.NOT

    def __init__(self, storage: ObjectStorage, object_id: str) -> None:
        self._storage = storage
        self._id = object_id

    async def call(self, call: Call) -> Answer:
        try:
            match call.method, call.arguments:
                case "get", [list() as keys]:
                    return Answer(_decoded(await self._storage.get(self._id, keys)))
                case "put", [list() as entries]:
                    coded = [(key, msgspec.json.encode(value).decode()) for key, value in entries]
                    await self._storage.put(self._id, coded)
                    return Answer()
                case "delete", [list() as keys]:
                    return Answer(await self._storage.delete(self._id, keys))
                case "list", [dict() as options]:
                    return Answer(_decoded(await self._storage.list(self._id, options)))
                case "deleteAll", []:
                    await self._storage.delete_all(self._id)
                    return Answer()
        except StorageRefused as error:
            raise Refusal(str(error)) from error
        raise no_such_method(self, call.method)


def _decoded(entries: Any) -> list[tuple[str, Any]]:
    return [(key, msgspec.Raw(value.encode())) for key, value in entries]
