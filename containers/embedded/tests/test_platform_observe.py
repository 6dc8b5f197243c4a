"""What is seen of a platform through its files: rows and documents, typed, and never written to."""

import asyncio
import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from containers.attaching import attach
from containers.embedded.documents import EmbeddedDocuments
from containers.embedded.observe import EmbeddedTier
from containers.engines import EngineAway, NotRunning
from containers.folder import DataFolder, Description

NOON = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def tier(tmp_path: Path) -> Iterator[EmbeddedTier]:
    folder = DataFolder(tmp_path)
    with sqlite3.connect(folder.file("login_db")) as connection:
        connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, seen DATETIME)")
        rows = [(2, "b@x.test", None), (1, "a@x.test", "2026-11-24 12:00:00.123456")]
        connection.executemany("INSERT INTO users VALUES (?, ?, ?)", rows)
        connection.execute("CREATE TABLE sessions (id TEXT PRIMARY KEY)")
        connection.executemany("INSERT INTO sessions VALUES (?)", [("b",), ("B",), ("a",)])
    connection.close()
    urls = {"connect": "http://localhost:1", "signup": "http://localhost:2"}
    with folder.held("embedded"):
        folder.describe(Description("embedded", os.getpid(), "development", "", urls, "localhost:3", {}))
        tier = attach(tmp_path)
        assert isinstance(tier, EmbeddedTier)
        yield tier
        tier.close()


def test_a_tier_tells_where_it_answers(tier: EmbeddedTier) -> None:
    """As platform.json has it."""
    assert (tier.name, tier.smtp, tier.urls["signup"]) == ("embedded", "localhost:3", "http://localhost:2")
    assert tier.capabilities == {"faults", "settings"}
    assert tier.pid == os.getpid()


def test_rows_come_typed_and_in_order(tier: EmbeddedTier) -> None:
    """Times are aware; None finds NULL; a time finds itself."""
    assert [row["id"] for row in tier.rows("login_db", "users")] == [1, 2]
    (ada,) = tier.rows("login_db", "users", email="a@x.test")
    assert ada == {"id": 1, "email": "a@x.test", "seen": NOON}
    assert [row["id"] for row in tier.rows("login_db", "users", seen=None)] == [2]
    assert [row["id"] for row in tier.rows("login_db", "users", seen=NOON)] == [1]
    assert tier.rows("login_db", "users", email="a@x.test", id=2) == []
    assert [row["id"] for row in tier.rows("login_db", "sessions")] == ["B", "a", "b"]


def test_documents_are_found_by_their_fields(tier: EmbeddedTier, tmp_path: Path) -> None:
    """As MongoDB compares them."""

    async def write() -> None:
        documents = EmbeddedDocuments(tmp_path / "activate_user_reg_db.sqlite")
        await documents.collection("active_users").insert_one({"_id": 1, "at": NOON, "versions": [1, 2]})
        await documents.close()

    asyncio.run(write())
    (found,) = tier.documents("active_users", _id=1)
    assert found["at"] == NOON.replace(microsecond=123000)
    assert tier.documents("active_users", versions=2) == [found]
    assert tier.documents("active_users", _id=2) == []
    assert tier.documents("other") == []


def test_nothing_runs_on_an_empty_folder(tmp_path: Path) -> None:
    """The answer names the folder, and what to do."""
    with pytest.raises(NotRunning, match=r"No platform is running on .*: start one with `quartet up`"):
        attach(tmp_path / "nowhere")


def test_what_cannot_be_read_is_away(tier: EmbeddedTier, tmp_path: Path) -> None:
    """As on every tier: who watches waits, and a command says so in one sentence."""
    DataFolder(tmp_path).file("rpwd_db").write_bytes(b"no database" * 100)
    with pytest.raises(EngineAway, match="rpwd_db"):
        tier.rows("rpwd_db", "users")
    with pytest.raises(EngineAway, match="activate_user_reg_db"):
        tier.documents("active_users")
    with pytest.raises(EngineAway, match="log"):
        tier.positions(["users"])
    with pytest.raises(EngineAway, match="topics"):
        tier.records("users")
    with pytest.raises(EngineAway, match="topics"):
        tier.produce("users", None, None)
