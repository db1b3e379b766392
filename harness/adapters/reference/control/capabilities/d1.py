"""D1 databases."""

from __future__ import annotations

from harness.adapters.reference.control.capabilities import Answer, Call, Counted, Refusal, no_such_method
from harness.adapters.reference.control.storage import StorageRefused
from harness.adapters.reference.control.storage.d1 import D1Database, Statement


class D1Capability:
    """One database, as one binding sees it."""

    counted = Counted.INTERNAL

    def __init__(self, database: D1Database) -> None:
        self._database = database

    async def call(self, call: Call) -> Answer:
        try:
            match call.method, call.arguments:
                case "query", [list() as statements, str() as mode]:
                    asked = [Statement(each["sql"], each["params"]) for each in statements]
                    return Answer(await self._database.query(asked, mode))
                case "exec", [str() as sql]:
                    return Answer(await self._database.exec(sql))
        except StorageRefused as error:
            raise Refusal(str(error)) from error
        raise no_such_method(self, call.method)
