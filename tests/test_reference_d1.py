"""D1 of the reference runtime: values, results, batches and their limits."""

from __future__ import annotations

import asyncio
import math
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.adapters.reference.control.storage import StorageRefused, d1
from harness.adapters.reference.control.storage.d1 import D1Database, ExecResult, Statement, statements_in
from tests.storage_loops import ENDLESS, closing, in_a_loop, rows_of

values = (
    st.none()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)


@settings(max_examples=30, deadline=None)
@given(st.lists(values | st.binary(max_size=20), min_size=1, max_size=10))
@in_a_loop
async def test_values_come_back_as_they_were_given(given_values: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = D1Database(Path(folder) / "d1")
        await database.exec("CREATE TABLE t (x)")
        wired = [d1.to_wire(value) for value in given_values]
        for params in (given_values, wired):
            await database.query([Statement("INSERT INTO t VALUES (?)", [value]) for value in params])
            stored = [row[0] for row in await rows_of(database, "SELECT x FROM t ORDER BY rowid")]
            assert stored == wired
            await rows_of(database, "DELETE FROM t")
        assert msgspec.json.decode(msgspec.json.encode(wired)) == wired
        await database.close()


@in_a_loop
async def test_numbers_are_whole_or_real_as_javascript_means_them(tmp_path: Path) -> None:
    database = D1Database(tmp_path / "d1")
    kinds = [
        (1, "integer"),
        (1.0, "integer"),
        (1.5, "real"),
        (1e300, "real"),
        (2**70, "real"),
        (True, "integer"),
        (-(2**63), "integer"),
    ]
    for value, kind in kinds:
        assert await rows_of(database, "SELECT typeof(?1), ?1", value) == [[kind, value]]
    assert await rows_of(database, "SELECT 9e999, CAST(x'ff41' AS TEXT), 'a' || char(0) || 'b'") == [
        [None, "\ufffdA", "a\0b"]
    ]
    assert await rows_of(database, "SELECT ?, ?", b"\0\xff", {"b": "AP8="}) == [[{"b": "AP8="}] * 2]
    for wrong in ([1], {"b": "*"}, {"b": 1}, {}, {"b": "", "c": 1}, math.inf, math.nan, 10**400, object()):
        with pytest.raises(StorageRefused, match=r"^D1_ERROR: "):
            await rows_of(database, "SELECT ?", wrong)
    await database.close()


@in_a_loop
async def test_results_have_columns_rows_and_meta(tmp_path: Path) -> None:
    database = D1Database(tmp_path / "d1")
    created, inserted, selected, nothing = await database.query(
        [
            Statement("CREATE TABLE t (id INTEGER PRIMARY KEY, x)"),
            Statement("INSERT INTO t (x) VALUES (?), (?) RETURNING id", ["a", "b"]),
            Statement("SELECT x, x, id AS 'the id' FROM t ORDER BY id DESC"),
            Statement("SELECT x FROM t WHERE id = 99"),
        ]
    )
    assert (created.columns, created.rows, created.meta.changes) == ([], [], 0)
    assert (inserted.columns, inserted.rows) == (["id"], [[1], [2]])
    assert (inserted.meta.changes, inserted.meta.rows_written, inserted.meta.last_row_id) == (2, 2, 2)
    assert (selected.columns, selected.rows) == (["x", "x", "the id"], [["b", "b", 2], ["a", "a", 1]])
    assert (selected.meta.changes, selected.meta.rows_read) == (0, 2)
    assert (nothing.columns, nothing.rows) == (["x"], [])
    assert selected.meta.duration_ms >= 0
    (alone,) = await database.query([Statement("SELECT x FROM t")], "none")
    assert (alone.rows, alone.meta.rows_read) == ([], 2)
    assert alone.meta.size_after_bytes == (tmp_path / "d1").stat().st_size
    wire = {"duration", "changes", "last_row_id", "rows_read", "rows_written", "size_after"}
    assert set(msgspec.to_builtins(alone)["meta"]) == wire
    await database.close()


@in_a_loop
async def test_a_batch_is_one_transaction(tmp_path: Path) -> None:
    database = D1Database(tmp_path / "d1")
    await database.exec("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
    await database.exec("CREATE TABLE child (id REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)")
    one = Statement("INSERT INTO parent VALUES (1)")
    orphan = Statement("INSERT INTO child VALUES (5)")
    failures = {
        "UNIQUE constraint failed: parent.id: SQLITE_CONSTRAINT": [one, one],
        "no such table: nowhere: SQLITE_ERROR": [one, Statement("SELECT * FROM nowhere")],
        "UNIQUE constraint failed": [
            one,
            Statement("INSERT OR ROLLBACK INTO parent VALUES (1)"),
            Statement("SELECT 1"),
        ],
        "FOREIGN KEY constraint failed: SQLITE_CONSTRAINT": [one, orphan],
        "a parameter of a kind that is not supported": [one, Statement("SELECT ?", [[]])],
        "No SQL statements detected": [one, Statement("-- nothing")],
    }
    for text, statements in failures.items():
        with pytest.raises(StorageRefused, match=rf"^D1_ERROR: {text}"):
            await database.query(statements)
        assert await rows_of(database, "SELECT (SELECT count(*) FROM parent), (SELECT count(*) FROM child)") == [[0, 0]]
    await database.query([orphan, Statement("INSERT INTO parent VALUES (5)")])
    assert await rows_of(database, "SELECT * FROM child") == [[5]]
    with pytest.raises(StorageRefused, match=r"^D1_ERROR: No SQL"):
        await database.query([])
    await database.close()


@in_a_loop
async def test_calls_made_at_once_run_one_after_another_in_their_order(tmp_path: Path) -> None:
    database = D1Database(tmp_path / "d1")
    await database.exec("CREATE TABLE t (n); INSERT INTO t VALUES (0)")
    add = [Statement("UPDATE t SET n = n + 1"), Statement("SELECT n FROM t")]
    answers = await asyncio.gather(*(database.query(add) for _ in range(50)))
    assert [answer[1].rows for answer in answers] == [[[number]] for number in range(1, 51)]
    await database.close()


@in_a_loop
async def test_exec_runs_lines(tmp_path: Path) -> None:
    database = D1Database(tmp_path / "d1")
    lines = "CREATE TABLE t (x)\n\n  -- a comment\nINSERT INTO t VALUES (';'); INSERT INTO t VALUES (2);\nSELECT 1"
    done = await database.exec(lines)
    assert done.count == 4
    assert set(msgspec.to_builtins(done)) == {"count", "duration"}
    trigger = "CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t WHERE x = 2; DELETE FROM t WHERE x = 3; END;"
    assert isinstance(await database.exec(trigger), ExecResult)
    with pytest.raises(
        StorageRefused, match=r"^D1_EXEC_ERROR: Error in line 2: nonsense: .*syntax error: SQLITE_ERROR"
    ):
        await database.exec("INSERT INTO t VALUES (9)\nnonsense")
    with pytest.raises(StorageRefused, match=r"^D1_EXEC_ERROR: Error in line 1: .*incomplete input"):
        await database.exec("CREATE TABLE u (\nx)")
    with pytest.raises(StorageRefused, match=r"^D1_EXEC_ERROR: No SQL"):
        await database.exec("\n-- nothing\n")
    assert await rows_of(database, "SELECT x FROM t") == [[";"], [2]]
    await database.close()


pieces = st.sampled_from(
    [
        "SELECT 1",
        "SELECT ';'",
        "SELECT 'it''s;'",
        'SELECT ";" FROM [;] WHERE `;``;`',
        "SELECT 1 -- ; not yet\n",
        "/* ; */ SELECT 2 /* ' */",
        "CREATE TRIGGER t AFTER INSERT ON u BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; SELECT ';'; END",
        "create temp trigger t begin select 1; end",
    ]
)


@given(st.lists(pieces, max_size=6), st.sampled_from(["", ";", " ; ;", " -- end"]))
def test_statements_are_told_apart(statements: list[str], end: str) -> None:
    text = ";\n".join(statements) + end
    found = statements_in(text)
    assert [each.rstrip(";").strip() for each in found] == [
        (each + (end if last and end == " -- end" else "")).strip()
        for last, each in ((index == len(statements) - 1, each) for index, each in enumerate(statements))
    ]


@given(st.text(alphabet="';\"`[]/*-\n aEND", max_size=60))
def test_any_text_is_told_apart_without_loss(text: str) -> None:
    found = statements_in(text)
    rest = text
    for statement in found:
        at = rest.index(statement)
        rest = rest[at + len(statement) :]
    assert statements_in(rest) == []


@in_a_loop
async def test_a_database_refuses_to_grow_past_its_cap(tmp_path: Path) -> None:
    database = D1Database(tmp_path / "d1", max_bytes=100_000)
    await database.exec("CREATE TABLE t (x)")
    inserted = [Statement("INSERT INTO t VALUES (zeroblob(30000))")] * 2
    await database.query(inserted)
    with pytest.raises(StorageRefused, match=r"^D1_ERROR: Exceeded maximum .*SQLITE_FULL"):
        await database.query(inserted)
    assert await rows_of(database, "SELECT count(*) FROM t") == [[2]]
    assert (tmp_path / "d1").stat().st_size <= 100_000
    await rows_of(database, "DELETE FROM t")
    await rows_of(database, "INSERT INTO t VALUES (1)")
    await database.close()


@in_a_loop
async def test_an_answer_has_a_largest_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(d1, "ANSWER_BYTES", 100_000)
    database = D1Database(tmp_path / "d1")
    async with closing(database):
        for sql in (ENDLESS.replace("count(*)", "x"), "SELECT zeroblob(200000)"):
            with pytest.raises(StorageRefused, match="in one answer"):
                await rows_of(database, sql)
        assert await rows_of(database, "SELECT 1") == [[1]]
