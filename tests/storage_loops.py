"""What the tests of the reference runtime's stores have in common."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from hypothesis import strategies as st

from harness.adapters.reference.control.storage.d1 import D1Database, Statement
from harness.adapters.reference.control.storage.files import Database

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
