"""Durable Object namespaces: one instance for each id, in an isolate of the Worker that has the class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.adapters.reference.control.capabilities import Answer, Call, Counted, no_such_method
from harness.adapters.reference.control.capabilities.object_storage import ObjectStorageCapability
from harness.adapters.reference.control.capabilities.service import answer_of
from harness.adapters.reference.control.invocation import Begin
from harness.adapters.reference.control.messages import body_from_guest, request_event
from harness.adapters.reference.control.storage.objects import ObjectStorage

if TYPE_CHECKING:
    from harness.adapters.reference.control.platform import Platform


class DurableObjectsCapability:
    """One namespace: a class of a Worker, and the storage of its objects."""

    counted = Counted.INTERNAL

    def __init__(self, platform: Platform, worker: str, class_name: str, storage: ObjectStorage) -> None:
        self._platform = platform
        self._worker = worker
        self._class = class_name
        self._storage = storage

    async def call(self, call: Call) -> Answer:
        match call.method, call.arguments:
            case "fetch", [str() as object_id, name, dict() as asked]:
                body = body_from_guest(call.invocation, asked["body"], call.binaries)
                begin = request_event("object-fetch", asked, body)
            case "rpc", [str() as object_id, name, str() as method, coded]:
                begin = Begin(event="rpc", content={"type": "object-rpc", "method": method, "args": coded})
            case _:
                raise no_such_method(self, call.method)
        handle = self._platform.deployment(self._worker).object_storage_handle(
            self._class, object_id, lambda: ObjectStorageCapability(self._storage, object_id)
        )
        begin.content |= {"class": self._class, "id": object_id, "name": name, "storage": handle}
        return await answer_of(call, self._platform, self._worker, begin, place=f"object:{self._class}/{object_id}")
