"""Change capture: each captured SQLite file notes its own changes, in the writer's own transaction.

    _changes    position   rises with every change; the newest row is never trimmed, so it never goes back
                source     the table, or the collection of documents
                op         c, u or d, as Debezium calls them
                before     the row or document before the change, as one JSON object; null for c
                after      the same after the change; null for d
                ts_ms      when, in milliseconds since 1970
    _capture    identity   of this file: an offset taken from another file says nothing about this one

A change that changes nothing is not noted, as MySQL writes no row event and MongoDB no oplog entry for it.
"""

import json
import re
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

_SCHEMA = """
CREATE TABLE IF NOT EXISTS _changes (
    position INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    op TEXT NOT NULL,
    before TEXT,
    after TEXT,
    ts_ms INTEGER NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER))
);
CREATE TABLE IF NOT EXISTS _capture (identity TEXT NOT NULL);
"""

TRIM_ROWS = 500
"""How many noted changes one transaction removes at most: it holds the file's write lock for about 2 ms."""


@dataclass(frozen=True, slots=True)
class Change:
    """One noted change; `before` and `after` are JSON texts."""

    position: int
    source: str
    op: str
    before: str | None
    after: str | None
    ts_ms: int


def prepare_file(connection: sqlite3.Connection) -> None:
    """Make the tables that changes are noted in, if need be. Commits."""
    made = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = '_capture'").fetchone()
    if made and connection.execute("SELECT 1 FROM _capture").fetchone():
        return
    connection.executescript(_SCHEMA)
    connection.execute(
        "INSERT INTO _capture (identity) SELECT ? WHERE NOT EXISTS (SELECT 1 FROM _capture)",
        (secrets.token_hex(8),),
    )


def install_triggers(connection: sqlite3.Connection, table: str) -> None:
    """Have every change of `table` noted from now on, with the columns that it has now. Commits.

    Idempotent; called again after a migration it follows the table's new columns.
    """
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({quoted(table)})")]
    wanted = dict(zip(_trigger_names(table), _triggers(table, columns), strict=True))
    present = dict(
        connection.execute(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?", (table,)
        ).fetchall()
    )
    if all(present.get(name) == sql for name, sql in wanted.items()):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for name, sql in wanted.items():
            connection.execute(f"DROP TRIGGER IF EXISTS {quoted(name)}")
            connection.execute(sql)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def note_document(
    connection: sqlite3.Connection, collection: str, *, before: str | None, after: str | None
) -> None:
    """Note the change of a document in the running transaction: None before an insert and after a delete.

    A document is JSON text with times as {"$date": milliseconds}, its fields in the document's own order.
    """
    if before == after:
        return
    op = "c" if before is None else "d" if after is None else "u"
    connection.execute(
        "INSERT INTO _changes (source, op, before, after) VALUES (?, ?, ?, ?)",
        (collection, op, before, after),
    )


def identity(connection: sqlite3.Connection) -> str:
    """The random name that this file got when it was prepared."""
    (found,) = connection.execute("SELECT identity FROM _capture").fetchone()
    return str(found)


def newest_position(connection: sqlite3.Connection) -> int:
    """The position of the newest change; 0 before the first."""
    (found,) = connection.execute("SELECT coalesce(max(position), 0) FROM _changes").fetchone()
    return int(found)


def oldest_position(connection: sqlite3.Connection) -> int:
    """The position of the oldest change that is still there; 0 before the first."""
    (found,) = connection.execute("SELECT coalesce(min(position), 0) FROM _changes").fetchone()
    return int(found)


def count_changes(connection: sqlite3.Connection, *, after: int, sources: Sequence[str]) -> int:
    """How many changes of these tables or collections come after a position."""
    query = "SELECT count(*) FROM _changes WHERE position > ? AND source IN (SELECT value FROM json_each(?))"
    (number,) = connection.execute(query, (after, json.dumps(list(sources)))).fetchone()
    return int(number)


def read_changes(
    connection: sqlite3.Connection, *, after: int, sources: Sequence[str], limit: int
) -> list[Change]:
    """The next changes after a position, oldest first, of these tables or collections only."""
    query = (
        "SELECT position, source, op, before, after, ts_ms FROM _changes "
        "WHERE position > ? AND source IN (SELECT value FROM json_each(?)) ORDER BY position LIMIT ?"
    )
    rows = connection.execute(query, (after, json.dumps(list(sources)), limit))
    return [Change(*row) for row in rows]


def trim(connection: sqlite3.Connection, *, up_to: int) -> bool:
    """Remove the oldest noted changes up to a position, never the newest of all; False: nothing is left."""
    oldest = oldest_position(connection)
    last = min(up_to, newest_position(connection) - 1)
    if oldest > last:
        return False
    connection.execute("DELETE FROM _changes WHERE position <= ?", (min(last, oldest + TRIM_ROWS - 1),))
    return True


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _trigger_names(table: str) -> list[str]:
    return [f"_capture_{table}_{op}" for op in ("c", "u", "d")]


def _triggers(table: str, columns: Sequence[str]) -> list[str]:
    create, update, delete = map(quoted, _trigger_names(table))
    on, source = quoted(table), re.sub("'", "''", table)
    differs = " OR ".join(f"OLD.{quoted(column)} IS NOT NEW.{quoted(column)}" for column in columns)
    old, new = _row("OLD", columns), _row("NEW", columns)
    note = "BEGIN INSERT INTO _changes (source, op, before, after) VALUES"
    return [
        f"CREATE TRIGGER {create} AFTER INSERT ON {on} {note} ('{source}', 'c', NULL, {new}); END",
        f"CREATE TRIGGER {update} AFTER UPDATE ON {on} WHEN {differs} "
        f"{note} ('{source}', 'u', {old}, {new}); END",
        f"CREATE TRIGGER {delete} AFTER DELETE ON {on} {note} ('{source}', 'd', {old}, NULL); END",
    ]


def _row(which: str, columns: Sequence[str]) -> str:
    pairs = (f"'{column.replace(chr(39), chr(39) * 2)}', {which}.{quoted(column)}" for column in columns)
    return f"json_object({', '.join(pairs)})"
