"""Captured files note their own changes, in the writer's transaction."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from containers.embedded.capture import (
    Change,
    count_changes,
    install_triggers,
    newest_position,
    note_document,
    oldest_position,
    prepare_file,
    read_changes,
    trim,
)
from containers.embedded.files import open_file


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_file(tmp_path / "file.sqlite")
    connection.execute('CREATE TABLE users (id INTEGER PRIMARY KEY, "it\'s" TEXT, status TEXT)')
    prepare_file(connection)
    install_triggers(connection, "users")
    yield connection
    connection.close()


def changes(connection: sqlite3.Connection, after: int = 0) -> list[Change]:
    return read_changes(connection, after=after, sources=["users", "docs"], limit=100)


def told(change: Change) -> tuple[str, Any, Any]:
    return change.op, json.loads(change.before or "null"), json.loads(change.after or "null")


def test_every_kind_of_change_is_noted(connection: sqlite3.Connection) -> None:
    """With the whole row before and after it; an upsert is an update."""
    connection.execute("INSERT INTO users VALUES (1, 'Zoë \U0001f600', 'a')")
    connection.execute("INSERT INTO users VALUES (1, 'x', 'b') ON CONFLICT DO UPDATE SET status = 'b'")
    connection.execute("DELETE FROM users")
    first = {"id": 1, "it's": "Zoë \U0001f600", "status": "a"}
    second = {**first, "status": "b"}
    assert [told(change) for change in changes(connection)] == [
        ("c", None, first),
        ("u", first, second),
        ("d", second, None),
    ]


def test_a_change_that_changes_nothing_is_none(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO users VALUES (1, NULL, 'a')")
    connection.execute("UPDATE users SET status = 'a'")
    connection.execute("INSERT INTO users VALUES (1, NULL, 'a') ON CONFLICT DO UPDATE SET status = 'a'")
    note_document(connection, "docs", before="{}", after="{}")
    assert len(changes(connection)) == 1


def test_a_change_that_is_rolled_back_is_none(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN")
    connection.execute("INSERT INTO users VALUES (1, NULL, 'a')")
    connection.execute("ROLLBACK")
    assert changes(connection) == []


def test_new_columns_are_captured_after_a_migration(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE users ADD COLUMN age BIGINT")
    prepare_file(connection)
    install_triggers(connection, "users")
    connection.execute("INSERT INTO users VALUES (1, NULL, 'a', 7)")
    connection.execute("UPDATE users SET age = 8")
    assert [told(change)[2]["age"] for change in changes(connection)] == [7, 8]


def test_trimming_never_lets_positions_go_back(connection: sqlite3.Connection) -> None:
    """The newest change stays, read or not."""
    for number in range(5):
        connection.execute("INSERT INTO users VALUES (?, NULL, 'a')", (number,))
    assert trim(connection, up_to=3)
    assert (oldest_position(connection), newest_position(connection)) == (4, 5)
    assert trim(connection, up_to=5)
    assert not trim(connection, up_to=5)
    connection.execute("UPDATE users SET status = 'b' WHERE id = 1")
    assert [change.position for change in changes(connection)] == [5, 6]


def test_only_what_is_asked_for_is_read(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO users VALUES (1, NULL, 'a')")
    note_document(connection, "docs", before=None, after="{}")
    note_document(connection, "docs", before="{}", after=None)
    found = read_changes(connection, after=0, sources=["docs"], limit=10)
    assert [(change.position, change.op) for change in found] == [(2, "c"), (3, "d")]
    assert count_changes(connection, after=2, sources=["docs", "users"]) == 1
