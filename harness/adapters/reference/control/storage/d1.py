"""D1 databases: SQL that a guest wrote, in a file of its own.

What the guest's SQL can do is a list (below): an authorizer denies whatever is not on it, so that no statement reaches
another file, loads code, keeps a transaction open or changes how the database works for those that come after. The
list is that of the platform's engine without virtual tables (FTS5, R*Tree): those are only safe against a hostile
writer in SQLite's defensive mode, which the sqlite3 module of Python 3.11 cannot switch on.
"""

from __future__ import annotations

import base64
import math
import re
import sqlite3
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from harness.adapters.reference.control.storage.files import (
    Database,
    StorageRefused,
    described,
    interrupted,
    transaction,
    utf8,
)

DATABASE_BYTES = 500_000_000
QUERY_LIMIT_S = 30.0
SQL_BYTES = 100_000
ANSWER_BYTES = 64 << 20
"""About the memory that the rows of one call may take here. The platform documents no such limit: there it is the
isolate's memory that ends."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 2_000_000,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: SQL_BYTES,
    sqlite3.SQLITE_LIMIT_COLUMN: 100,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 100,
    sqlite3.SQLITE_LIMIT_FUNCTION_ARG: 32,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 50,
    sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER: 100,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 10,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
_ACTIONS = frozenset(
    {
        *(sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE),
        *(sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE),
        *(sqlite3.SQLITE_CREATE_TABLE, sqlite3.SQLITE_ALTER_TABLE, sqlite3.SQLITE_DROP_TABLE),
        *(sqlite3.SQLITE_CREATE_INDEX, sqlite3.SQLITE_DROP_INDEX, sqlite3.SQLITE_REINDEX, sqlite3.SQLITE_ANALYZE),
        *(sqlite3.SQLITE_CREATE_VIEW, sqlite3.SQLITE_DROP_VIEW),
        *(sqlite3.SQLITE_CREATE_TRIGGER, sqlite3.SQLITE_DROP_TRIGGER),
    }
)
# ALTER TABLE looks for temporary triggers. There is nothing else: CREATE TABLE temp.t is a CREATE_TABLE like any other.
_ACTIONS_ON_TEMP = frozenset({sqlite3.SQLITE_READ, sqlite3.SQLITE_UPDATE})
# Setting foreign_keys has no effect here, since every statement runs in a transaction; defer_foreign_keys ends with it.
_PRAGMAS = _names(
    "table_list table_info table_xinfo index_list index_info index_xinfo foreign_key_list foreign_key_check "
    "foreign_keys defer_foreign_keys quick_check optimize"
)
_FUNCTIONS = _names(
    "abs changes char coalesce concat concat_ws format glob hex ifnull iif instr last_insert_rowid length like "
    "likelihood likely lower ltrim max min nullif octet_length printf quote random randomblob replace round rtrim sign "
    "substr substring total_changes trim typeof unhex unicode unlikely upper zeroblob "
    "date time datetime julianday unixepoch strftime timediff current_date current_time current_timestamp "
    "avg count group_concat string_agg sum total row_number rank dense_rank percent_rank cume_dist ntile lag lead "
    "first_value last_value nth_value "
    "acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh degrees exp floor ln log log10 log2 mod pi pow power "
    "radians sin sinh sqrt tan tanh trunc "
    "json json_array json_array_length json_extract -> ->> json_insert json_object json_patch json_remove json_replace "
    "json_set json_type json_valid json_quote json_group_array json_group_object "
    # What ALTER TABLE calls; SQLite itself refuses them in a guest's statement.
    "sqlite_rename_column sqlite_rename_table sqlite_rename_test sqlite_drop_column sqlite_rename_quotefix"
)
# Tables that SQLite may have been built with, about itself and about other code of the process.
_HIDDEN_TABLES = _names("dbstat sqlite_stmt sqlite_dbpage fts3tokenize bytecode tables_used")
_ACTION_NAMES = {
    getattr(sqlite3, name): name.removeprefix("SQLITE_").replace("_", " ")
    for name in ("SQLITE_ATTACH", "SQLITE_DETACH", "SQLITE_CREATE_VTABLE", "SQLITE_DROP_VTABLE", "SQLITE_SAVEPOINT")
}


class Statement(msgspec.Struct, frozen=True):
    """One statement of SQL. Parameters are None, numbers, texts, bytes, or bytes as `{"b": base64}`."""

    sql: str
    params: Sequence[Any] = ()


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    """What a statement did; on the wire under the platform's names.

    `changes` is SQLite's count, with what triggers did. Two counts are lower than the platform's, which come from
    inside the engine: `rows_read` is how many rows were given back, not how many were looked at; `rows_written` is
    `changes`, without entries of indexes.
    """

    duration_ms: float = msgspec.field(name="duration")
    changes: int
    last_row_id: int
    rows_read: int
    rows_written: int
    size_after_bytes: int = msgspec.field(name="size_after")


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Values are of the kinds that parameters are, bytes as `{"b": base64}`."""

    columns: list[str]
    rows: list[list[Any]]
    meta: Meta


class ExecResult(msgspec.Struct, frozen=True, kw_only=True):
    count: int
    duration_ms: float = msgspec.field(name="duration")


class D1Database:
    """One database."""

    def __init__(self, path: Path, *, max_bytes: int = DATABASE_BYTES, query_limit_s: float = QUERY_LIMIT_S) -> None:
        self._guard = Guard()
        self._page_bytes = 0
        self._database = Database(path, max_bytes=max_bytes, prepare=self._prepare, limit_s=query_limit_s)

    async def query(self, statements: Sequence[Statement], mode: str = "rows") -> list[Result]:
        """Run the statements as one transaction. In mode "none" no rows are given back, in any other mode all.

        Raises `StorageRefused` with D1_ERROR and nothing done when one of them fails.
        """
        if not statements:
            raise StorageRefused("D1_ERROR: No SQL statements detected.")

        def work(connection: sqlite3.Connection) -> list[Result]:
            room = _Room()
            with transaction(connection):
                return [self._run(connection, statement, room, with_rows=mode != "none") for statement in statements]

        try:
            return await self._database.run(work)
        except StorageRefused as refused:
            raise StorageRefused(f"D1_ERROR: {refused}") from refused

    async def exec(self, sql: str) -> ExecResult:
        """Run each line of `sql`, which is one or more whole statements without parameters, as one transaction.

        That a statement ends with its line is the platform's rule. Raises `StorageRefused` with D1_EXEC_ERROR and the
        number of the line, and nothing done, when one of them fails.
        """

        def work(connection: sqlite3.Connection) -> ExecResult:
            count = 0
            begun_ns = time.perf_counter_ns()
            with transaction(connection):
                for number, line in enumerate(sql.strip().split("\n"), start=1):
                    try:
                        for each in statements_in(line):
                            self._run(connection, Statement(each), _Room(), with_rows=False)
                            count += 1
                    except StorageRefused as refused:
                        raise StorageRefused(f"Error in line {number}: {line[:200]}: {refused}") from refused
            if count == 0:
                raise StorageRefused("No SQL statements detected.")
            return ExecResult(count=count, duration_ms=(time.perf_counter_ns() - begun_ns) / 1e6)

        try:
            return await self._database.run(work)
        except StorageRefused as refused:
            raise StorageRefused(f"D1_EXEC_ERROR: {refused}") from refused

    async def close(self) -> None:
        await self._database.close()

    def _prepare(self, connection: sqlite3.Connection) -> None:
        # A text in the database need not be UTF-8: CAST(x'ff' AS TEXT).
        connection.text_factory = partial(str, encoding="utf-8", errors="replace")
        for limit, value in _LIMITS.items():
            connection.setlimit(limit, value)
        (self._page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
        connection.set_authorizer(self._guard)

    def _run(self, connection: sqlite3.Connection, statement: Statement, room: _Room, *, with_rows: bool) -> Result:
        if not statements_in(statement.sql):
            raise StorageRefused("No SQL statements detected.")
        sql = utf8(statement.sql).decode()
        params = [from_wire(value) for value in statement.params]
        changes_before = connection.total_changes
        rows: list[list[Any]] = []
        rows_read = 0
        begun_ns = time.perf_counter_ns()
        with self._guard, closing(connection.cursor()) as cursor:
            cursor.execute(sql, params)
            columns = [name for name, *_ in cursor.description or ()]
            for row in cursor:
                rows_read += 1
                if with_rows:
                    rows.append([to_wire(value) for value in row])
                    room.take(row)
        duration_ms = (time.perf_counter_ns() - begun_ns) / 1e6
        changes = connection.total_changes - changes_before
        (last_row_id,) = connection.execute("SELECT last_insert_rowid()").fetchone()
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        meta = Meta(
            duration_ms=duration_ms,
            changes=changes,
            last_row_id=last_row_id,
            rows_read=rows_read,
            rows_written=changes,
            size_after_bytes=pages * self._page_bytes,
        )
        return Result(columns=columns, rows=rows, meta=meta)


class Guard:
    """The authorizer. It guards while it is entered, which is whenever a guest's statement runs, and lets the
    database's own statements pass otherwise. On the way out errors of SQLite's become `StorageRefused`."""

    def __init__(self) -> None:
        self._guarding = False
        self._denied: str | None = None

    def __enter__(self) -> None:
        self._guarding, self._denied = True, None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._guarding = False
        if isinstance(error, sqlite3.Error) and not interrupted(error):
            raise StorageRefused(f"{self._denied}: SQLITE_AUTH" if self._denied else described(error)) from error

    def __call__(self, action: int, first: str | None, second: str | None, database: str | None, _: str | None) -> int:
        if not self._guarding:
            return sqlite3.SQLITE_OK
        schema = first if action == sqlite3.SQLITE_ALTER_TABLE else database
        if schema not in (None, "main") and action not in _ACTIONS_ON_TEMP:
            allowed, what = False, f"database {schema}"
        elif action in _ACTIONS:
            allowed, what = action != sqlite3.SQLITE_READ or first not in _HIDDEN_TABLES, f"table {first}"
        elif action == sqlite3.SQLITE_FUNCTION:
            allowed, what = second in _FUNCTIONS, f"function {second}"
        elif action == sqlite3.SQLITE_PRAGMA:
            allowed, what = first in _PRAGMAS, f"PRAGMA {first}"
        elif action == sqlite3.SQLITE_TRANSACTION:
            allowed, what = False, f"{first}; statements of one transaction are sent as one batch"
        else:
            allowed, what = False, _ACTION_NAMES.get(action, f"action {action}")
        if allowed:
            return sqlite3.SQLITE_OK
        self._denied = f"not authorized: {what}"
        return sqlite3.SQLITE_DENY


class _Room:
    """What is left of `ANSWER_BYTES`."""

    def __init__(self) -> None:
        self._bytes = ANSWER_BYTES

    def take(self, row: Sequence[Any]) -> None:
        self._bytes -= 100 + sum(40 + (len(value) if isinstance(value, str | bytes) else 0) for value in row)
        if self._bytes < 0:
            raise StorageRefused(f"more than {ANSWER_BYTES >> 20} MiB of rows in one answer; ask for fewer")


def to_wire(value: Any) -> Any:
    """A value of SQLite's as JSON has it. Infinity becomes null, as JSON.stringify has it."""
    if isinstance(value, bytes):
        return {"b": base64.b64encode(value).decode()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def from_wire(value: Any) -> int | float | str | bytes | None:
    """A value from JSON, or one of SQLite's own kinds, as SQLite has it. Raises `StorageRefused` for any other.

    JavaScript has one kind of number: a whole one becomes an INTEGER when 64 bits hold it, every other a REAL.
    """
    match value:
        case None | bytes():
            return value
        case str():
            return utf8(value).decode()
        case int() | float() if abs(value) <= sys.float_info.max:
            whole = int(value) == value and -(1 << 63) <= value < 1 << 63
            return int(value) if whole else float(value)
        case {"b": str() as encoded} if len(value) == 1:
            try:
                return base64.b64decode(encoded, validate=True)
            except ValueError as error:
                raise StorageRefused(f"bytes that are not base64: {error}") from error
    raise StorageRefused(f"a parameter of a kind that is not supported: {type(value).__name__}")


_TOKEN = re.compile(
    r"""
      (?P<space> \s++ | --[^\n]*+ | /\*.*?(?:\*/|\Z) )
    | (?P<end> ; )
    | (?P<word> \w++ )
    | '[^']*+(?:''[^']*+)*+(?:'|\Z) | "[^"]*+(?:""[^"]*+)*+(?:"|\Z) | `[^`]*+(?:``[^`]*+)*+(?:`|\Z) | \[[^\]]*+(?:\]|\Z)
    | .
    """,
    re.VERBOSE | re.DOTALL,
)


def statements_in(sql: str) -> list[str]:
    """The statements of `sql`, in time linear in its length. A trigger's body is part of its statement.

    Only for taking text apart: what a statement may do is decided when SQLite has understood it.
    """
    if len(sql) > SQL_BYTES:
        raise StorageRefused("Statement too long: SQLITE_TOOBIG")
    statements = []
    words: list[str] = []  # of this statement, the first three; "" for anything but a word
    last: tuple[str, str] = ("", "")
    start = 0
    for token in _TOKEN.finditer(sql):
        kind, text = token.lastgroup, token.group().upper()
        if kind == "space":
            continue
        if kind == "end" and (not _is_trigger(words) or last == (";", "END")):
            if words:
                statements.append(sql[start : token.end()].strip())
            words, last, start = [], ("", ""), token.end()
            continue
        if len(words) < 3:
            words.append(text if kind == "word" else "")
        last = (last[1], text if kind in ("word", "end") else "")
    return [*statements, sql[start:].strip()] if words else statements


def _is_trigger(words: list[str]) -> bool:
    return words[:2] == ["CREATE", "TRIGGER"] or (words[:1] == ["CREATE"] and words[2:] == ["TRIGGER"])
