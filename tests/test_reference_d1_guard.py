"""What a guest's SQL may not do in the reference runtime's D1."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from harness.adapters.reference.control.storage import StorageRefused
from harness.adapters.reference.control.storage.d1 import D1Database, Guard, Statement
from tests.storage_loops import in_a_loop, rows_of

ORDINARY = [
    "CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT, y UNIQUE)",
    "INSERT INTO a (x, y) VALUES ('one', 1), ('two', 2) ON CONFLICT DO NOTHING",
    "ALTER TABLE a RENAME TO b",
    "ALTER TABLE b RENAME COLUMN x TO z",
    "ALTER TABLE b ADD COLUMN w DEFAULT 1",
    "ALTER TABLE b DROP COLUMN w",
    "CREATE INDEX i ON b (z)",
    "CREATE VIEW v AS SELECT upper(z) AS z FROM b",
    "CREATE TRIGGER t AFTER DELETE ON b BEGIN INSERT INTO b (z) VALUES ('again'); END",
    "DELETE FROM b WHERE y = 1",
    "SELECT * FROM v ORDER BY z",
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 3) SELECT sum(x) OVER () FROM c",
    """SELECT value ->> '$.a', json_extract(value, '$.a') FROM json_each('[{"a": 1}]')""",
    "SELECT date('now'), current_timestamp, 'a' LIKE 'A', 'a' GLOB '*', round(1.5), sqrt(4)",
    "EXPLAIN QUERY PLAN SELECT * FROM b",
    "PRAGMA table_info(b)",
    "PRAGMA table_list",
    "SELECT name FROM pragma_table_info('b')",
    "PRAGMA foreign_key_list(b)",
    "PRAGMA defer_foreign_keys = on",
    "PRAGMA quick_check",
    "PRAGMA optimize",
    "ANALYZE",
    "REINDEX",
    "DROP TRIGGER t",
    "DROP VIEW v",
    "DROP INDEX i",
    "CREATE TABLE c AS SELECT * FROM b",
    "DROP TABLE b",
]


@in_a_loop
async def test_ordinary_sql_is_allowed(tmp_path: Path) -> None:
    database = D1Database(tmp_path / "d1")
    for sql in ORDINARY:
        await rows_of(database, sql)
    await database.close()


REFUSED = [
    "ATTACH '{folder}/victim' AS v",
    "ATTACH 'file:{folder}/victim?mode=ro' AS v",
    "ATTACH '{folder}/new' AS v",
    "ATTACH ':memory:' AS v",
    "ATTACH '' AS v",
    "DETACH main",
    "VACUUM",
    "VACUUM INTO '{folder}/new'",
    "SELECT load_extension('{folder}/new')",
    "SELECT fts3_tokenizer('simple')",
    "SELECT fts3_tokenizer('mine', x'4141414141414141')",
    "SELECT readfile('{folder}/secret')",
    "SELECT writefile('{folder}/new', 'x')",
    "SELECT edit('x', 'touch {folder}/new')",
    "SELECT sqlite_version()",
    "SELECT sqlite_rename_table('main', 'table', 't', 't', 'a', 'b', 0)",
    "CREATE VIRTUAL TABLE f USING fts5 (x)",
    "CREATE VIRTUAL TABLE f USING fts3 (x, tokenize=simple)",
    "CREATE VIRTUAL TABLE f USING csv(filename='{folder}/secret')",
    "CREATE VIRTUAL TABLE f USING dbstat(temp)",
    "SELECT count(*) FROM dbstat",
    "SELECT sql FROM sqlite_stmt",
    "SELECT * FROM fts3tokenize('simple', 'a')",
    "CREATE TEMP TABLE x (y)",
    "CREATE TABLE temp.x (y)",
    "CREATE TEMP VIEW x AS SELECT 1",
    "CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END",
    "BEGIN",
    "BEGIN IMMEDIATE",
    "begin /* anew */ exclusive transaction",
    "COMMIT",
    "END",
    "ROLLBACK",
    "SAVEPOINT s",
    "RELEASE s",
    "ROLLBACK TO s",
    "PRAGMA database_list",
    "SELECT * FROM pragma_database_list",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA main.journal_mode = OFF",
    "PRAGMA locking_mode = NORMAL",
    "PRAGMA writable_schema = 1",
    "PRAGMA trusted_schema = 1",
    "PRAGMA temp_store_directory = '{folder}'",
    "PRAGMA max_page_count = 1000000",
    "PRAGMA page_count",
    "PRAGMA mmap_size = 1000000",
    "PRAGMA cache_size = 1000000000",
    "PRAGMA key = 'x'",
    "UPDATE sqlite_master SET sql = 'x'",
    "INSERT INTO sqlite_schema VALUES (1, 2, 3, 4, 5)",
    "SELECT 1; SELECT 2",
    "SELECT 1; ATTACH '{folder}/new' AS v",
    "SELECT zeroblob(2000001)",
    "SELECT 1 LIKE '" + "%" * 51 + "'",
    "SELECT 1 -- " + "x" * 100_000,
    "SELECT 'a\0b'",
    "",
]


@in_a_loop
async def test_what_a_guest_may_not_do_is_refused_and_nothing_is_reached(tmp_path: Path) -> None:
    victim = sqlite3.connect(tmp_path / "victim")
    victim.executescript("CREATE TABLE secret (x); INSERT INTO secret VALUES ('secret')")
    victim.close()
    (tmp_path / "secret").write_text("secret")
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    database = D1Database(tmp_path / "d1")
    await database.exec("CREATE TABLE t (x)")
    for refused in REFUSED:
        sql = refused.replace("{folder}", str(tmp_path))
        for _ in range(2):  # the second time SQLite's module may have the statement in its cache
            with pytest.raises(StorageRefused, match=r"^D1_ERROR: "):
                await rows_of(database, sql)
        with pytest.raises(StorageRefused, match=r"^D1_ERROR: "):
            await database.query([Statement("INSERT INTO t VALUES (1)"), Statement(sql), Statement("SELECT 1")])
        if ";" not in sql:
            with pytest.raises(StorageRefused, match=r"^D1_EXEC_ERROR: "):
                await database.exec(sql)
    assert await rows_of(database, "SELECT count(*) FROM t") == [[0]]
    await database.close()
    after = {file.name: file.read_bytes() for file in tmp_path.iterdir() if file.name != "d1"}
    assert after == before


@in_a_loop
async def test_views_and_triggers_are_no_way_around(tmp_path: Path) -> None:
    database = D1Database(tmp_path / "d1")
    await database.exec("CREATE TABLE t (x)")
    for what, use in (
        ("CREATE VIEW v AS SELECT fts3_tokenizer('simple')", "SELECT * FROM v"),
        ("CREATE VIEW w AS SELECT * FROM pragma_database_list", "SELECT * FROM w"),
        ("CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT load_extension('x'); END", "INSERT INTO t VALUES (1)"),
        ("CREATE TABLE d (x DEFAULT (load_extension('x')))", "INSERT INTO d DEFAULT VALUES"),
    ):
        with pytest.raises(StorageRefused, match=r"^D1_ERROR: (not authorized|unsafe use)"):
            await database.query([Statement(what), Statement(use)])
    await database.close()


def test_the_guard_alone_keeps_sql_from_other_files(tmp_path: Path) -> None:
    """Control: without it, the same statements on the same connection reach them."""
    connection = sqlite3.connect(tmp_path / "own", isolation_level=None)
    guard = Guard()
    connection.set_authorizer(guard)
    reaching = (f"ATTACH '{tmp_path}/attached' AS a", f"VACUUM main INTO '{tmp_path}/copy'", "BEGIN")
    for sql in reaching:
        with pytest.raises(StorageRefused, match=r"^not authorized: .*SQLITE_AUTH"), guard:
            connection.execute(sql)
    assert {file.name for file in tmp_path.iterdir()} == {"own"}
    for sql in reaching:
        connection.execute(sql)
    connection.execute("CREATE TABLE a.t (x)")
    connection.commit()
    connection.close()
    assert {file.name for file in tmp_path.iterdir()} == {"own", "attached", "copy"}
