"""The stand-in for MongoDB: its contract, what lasts, and what change capture sees of it."""

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from apps.activation.tests import contract as activation_contract
from apps.storage.errors import DuplicateDocument, StorageUnavailable
from apps.storage.tests import contract
from containers.embedded import documents as module
from containers.embedded.documents import EmbeddedDocuments

PAST = datetime(2020, 1, 1, tzinfo=UTC)


def run(path: Path, story: Callable[[EmbeddedDocuments], Awaitable[Any]], **options: Any) -> Any:
    async def tell() -> Any:
        documents = EmbeddedDocuments(path, **options)
        try:
            return await story(documents)
        finally:
            await documents.close()

    return asyncio.run(tell())


def changes(path: Path) -> list[tuple[str, str, Any, Any]]:
    connection = sqlite3.connect(path)
    try:
        rows = connection.execute(
            "SELECT source, op, before, after FROM _changes ORDER BY position"
        ).fetchall()
    finally:
        connection.close()
    return [
        (source, op, before and json.loads(before), after and json.loads(after))
        for source, op, before, after in rows
    ]


@pytest.mark.parametrize("rule", contract.RULES, ids=contract.name_of)
def test_contract(rule: contract.Rule, tmp_path: Path) -> None:
    """What every Documents must do."""
    contract.check(rule, lambda: EmbeddedDocuments(tmp_path / "d.sqlite"))


@pytest.mark.parametrize("rule", activation_contract.RULES, ids=activation_contract.name_of)
def test_contract_of_activation(rule: activation_contract.Rule, tmp_path: Path) -> None:
    """What the store of activation relies on."""
    activation_contract.check(rule, lambda: EmbeddedDocuments(tmp_path / "d.sqlite"))


def test_documents_survive_a_restart(tmp_path: Path) -> None:
    """What was written is there for the next process, times to the millisecond."""
    moment = datetime(2026, 11, 24, 10, 20, 30, 123456, tzinfo=UTC)
    document = {"_id": 7, "name": "Zoë 🎈", "at": moment, "tags": [1, None, {"x": True}]}
    run(tmp_path / "d.sqlite", lambda d: d.collection("things").insert_one(document))
    found = run(tmp_path / "d.sqlite", lambda d: d.collection("things").find_one({"_id": 7}))
    assert found == {**document, "at": moment.replace(microsecond=123000)}
    assert found["at"].tzinfo is UTC


def test_captured_collection_notes_each_change_once(tmp_path: Path) -> None:
    """Before and after stand in the change table in the document's own field order; no change is no event."""

    async def story(documents: EmbeddedDocuments) -> None:
        users = documents.collection("active_users")
        await users.update_one({"_id": 1}, {"$set": {"status": "INACTIVE", "at": PAST}}, upsert=True)
        await users.update_one({"_id": 1}, {"$set": {"status": "ACTIVE"}}, upsert=True)
        await users.update_one({"_id": 1}, {"$set": {"status": "ACTIVE"}}, upsert=True)
        await documents.collection("other").insert_one({"_id": 1})

    run(tmp_path / "d.sqlite", story)
    at = {"$date": int(PAST.timestamp() * 1000)}
    first, second = ({"_id": 1, "status": status, "at": at} for status in ("INACTIVE", "ACTIVE"))
    assert changes(tmp_path / "d.sqlite") == [
        ("active_users", "c", None, first),
        ("active_users", "u", first, second),
    ]


def test_a_write_that_fails_notes_nothing(tmp_path: Path) -> None:
    """The change and its note are one transaction."""

    async def story(documents: EmbeddedDocuments) -> None:
        users = documents.collection("active_users")
        await users.insert_one({"_id": 1, "v": 2})
        with pytest.raises(DuplicateDocument):
            await users.update_one({"_id": 1, "v": {"$lt": 2}}, {"$set": {"v": 1}}, upsert=True)
        with pytest.raises(DuplicateDocument):
            await users.insert_one({"_id": 1.0})

    run(tmp_path / "d.sqlite", story)
    assert len(changes(tmp_path / "d.sqlite")) == 1


def test_of_twenty_racers_one_inserts(tmp_path: Path) -> None:
    """A conditional upsert on a fixed `_id` decides a race, and makes one event."""

    async def story(documents: EmbeddedDocuments) -> list[Any]:
        users = documents.collection("active_users")
        tries = [
            users.update_one(
                {"_id": 1, "active": {"$ne": 1}}, {"$set": {"by": n}, "$addToSet": {"active": 1}}, upsert=True
            )
            for n in range(20)
        ]
        return await asyncio.gather(*tries, return_exceptions=True)

    results = run(tmp_path / "d.sqlite", story)
    assert sorted(str(type(result).__name__) for result in results) == ["DuplicateDocument"] * 19 + ["int"]
    assert len(changes(tmp_path / "d.sqlite")) == 1


def test_listeners_hear_of_writes_only(tmp_path: Path) -> None:
    """Reading, and a write that changes nothing, wake nobody."""
    heard: list[str] = []

    async def story(documents: EmbeddedDocuments) -> None:
        documents.on_commit(lambda: heard.append("commit"))
        users = documents.collection("active_users")
        await users.insert_one({"_id": 1, "a": 1})
        await users.find_one({"_id": 1})
        await users.update_one({"_id": 1}, {"$set": {"a": 1}})
        await users.update_one({"_id": 2}, {"$set": {"a": 1}})

    run(tmp_path / "d.sqlite", story)
    assert heard == ["commit"]


def test_a_document_without_an_id_is_given_one(tmp_path: Path) -> None:
    """As MongoDB gives an ObjectId, which reaches a topic as 24 hexadecimal digits."""

    async def story(documents: EmbeddedDocuments) -> Any:
        await documents.collection("things").insert_one({"a": 1})
        return await documents.collection("things").find_one({"a": 1})

    found = run(tmp_path / "d.sqlite", story)
    assert len(bytes.fromhex(found["_id"])) == 12


def test_expired_documents_go_when_their_collection_is_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those whose moment is to come stay, and so do those without one."""
    monkeypatch.setattr(module, "EXPIRY_PAUSE_SECONDS", 0.0)

    async def story(documents: EmbeddedDocuments) -> list[Any]:
        failures = documents.collection("failures")
        await failures.insert_one({"_id": 1, "expires_at": PAST})
        await failures.insert_one({"_id": 2, "expires_at": datetime.now(UTC) + timedelta(hours=1)})
        await failures.insert_one({"_id": 3})
        await documents.ensure_expiry("failures", "expires_at")
        await failures.insert_one({"_id": 4})
        return [number for number in range(1, 5) if await failures.find_one({"_id": number})]

    assert run(tmp_path / "d.sqlite", story) == [2, 3, 4]


def test_a_file_that_is_no_database_is_storage_unavailable(tmp_path: Path) -> None:
    """Whatever SQLite says, services see one error."""
    (tmp_path / "d.sqlite").write_text("not a database, but a long text about something else " * 100)
    with pytest.raises(StorageUnavailable):
        run(tmp_path / "d.sqlite", lambda d: d.ping())


def test_a_full_disk_is_storage_unavailable_and_writes_nothing(tmp_path: Path) -> None:
    """A write that does not fit fails as a whole; later ones that fit go through."""

    async def story(documents: EmbeddedDocuments) -> Any:
        things = documents.collection("things")
        await things.insert_one({"_id": 1})
        await documents.read(lambda connection: connection.execute("PRAGMA max_page_count = 20").fetchone())
        with pytest.raises(StorageUnavailable):
            await things.insert_one({"_id": 2, "text": "x" * 1_000_000})
        await things.insert_one({"_id": 3})
        return await things.find_one({"_id": 2})

    assert run(tmp_path / "d.sqlite", story) is None
