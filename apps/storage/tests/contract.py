"""What every Documents must do, as functions that any implementation's tests can run.

    @pytest.mark.parametrize("rule", contract.RULES, ids=contract.name_of)
    def test_contract(rule, tmp_path):
        contract.check(rule, lambda: EmbeddedDocuments(tmp_path / "documents.sqlite"))

Each rule works on a collection of a fresh name, so that a shared database serves as well as an empty one.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.storage.documents import Documents
from apps.storage.errors import DuplicateDocument

Rule = Callable[[Documents, str], Awaitable[None]]
RULES: list[Rule] = []

NOON = datetime(2026, 11, 24, 12, 0, 0, 123000, tzinfo=UTC)
RACERS = 20


def check(rule: Rule, open_documents: Callable[[], Documents]) -> None:
    """Run one rule in a loop of its own on what `open_documents` returns."""

    async def run() -> None:
        documents = open_documents()
        try:
            await rule(documents, f"contract_{secrets.token_hex(6)}")
        finally:
            await documents.close()

    asyncio.run(run())


def name_of(rule: Rule) -> str:
    """Return the name of a rule, for the ids of parametrized tests."""
    return rule.__name__


def rule(function: Rule) -> Rule:
    RULES.append(function)
    return function


async def outcomes(writes: list[Awaitable[int]]) -> dict[str, int]:
    """Count how simultaneous writes ended: "1", "0" or "duplicate"."""
    ended = await asyncio.gather(*writes, return_exceptions=True)
    counted: dict[str, int] = {}
    for end in ended:
        word = "duplicate" if isinstance(end, DuplicateDocument) else str(end)
        counted[word] = counted.get(word, 0) + 1
    return counted


@rule
async def a_document_comes_back_as_it_went_in(documents: Documents, name: str) -> None:
    """Types survive: text, whole numbers beyond 32 bits, fractions, booleans, null, lists, times in UTC."""
    collection = documents.collection(name)
    document = {
        "_id": 2**53 + 1,
        "email": "zoë 😀 \x00 $set.x",
        "big": 2**62,
        "ratio": 0.5,
        "yes": True,
        "nothing": None,
        "versions": [1, 2, 3],
        "nested": {"a": {"b": []}},
        "at": NOON,
    }
    before = dict(document)
    await collection.insert_one(document)
    assert document == before
    found = await collection.find_one({"_id": 2**53 + 1})
    assert found == document
    assert found["yes"] is True
    assert found["at"].utcoffset() == timedelta(0)


@rule
async def what_is_not_there_is_none(documents: Documents, name: str) -> None:
    """A collection that does not exist is empty."""
    assert await documents.collection(name).find_one({"_id": 1}) is None
    assert await documents.collection(name).update_one({"_id": 1}, {"$set": {"a": 1}}) == 0
    assert await documents.collection(name).find_one({"_id": 1}) is None


@rule
async def collections_are_apart(documents: Documents, name: str) -> None:
    """The same `_id` in two collections is two documents."""
    await documents.collection(name).insert_one({"_id": 1, "in": "first"})
    await documents.collection(name + "_b").insert_one({"_id": 1, "in": "second"})
    assert await documents.collection(name).find_one({"_id": 1}) == {"_id": 1, "in": "first"}


@rule
async def a_second_insert_is_refused(documents: Documents, name: str) -> None:
    """An `_id` is taken once; the first document stays."""
    collection = documents.collection(name)
    await collection.insert_one({"_id": 1, "n": 1})
    with pytest.raises(DuplicateDocument):
        await collection.insert_one({"_id": 1, "n": 2})
    assert await collection.find_one({"_id": 1}) == {"_id": 1, "n": 1}


@rule
async def an_insert_without_id_gets_one(documents: Documents, name: str) -> None:
    """Two documents without `_id` are two documents."""
    collection = documents.collection(name)
    await collection.insert_one({"n": 1})
    await collection.insert_one({"n": 2})
    first, second = await collection.find_one({"n": 1}), await collection.find_one({"n": 2})
    assert first is not None
    assert second is not None
    assert first["_id"] != second["_id"]


@rule
async def an_update_counts_what_it_matched(documents: Documents, name: str) -> None:
    """One for a match, changed or not; none for no match, and then nothing is written."""
    collection = documents.collection(name)
    await collection.insert_one({"_id": 1, "n": 1, "kept": "x"})
    assert await collection.update_one({"_id": 1}, {"$set": {"n": 1}}) == 1
    assert await collection.update_one({"_id": 1}, {"$set": {"n": 2}}, upsert=True) == 1
    assert await collection.update_one({"_id": 1, "n": 1}, {"$set": {"n": 9}}) == 0
    assert await collection.find_one({"_id": 1}) == {"_id": 1, "n": 2, "kept": "x"}


@rule
async def an_upsert_makes_a_document_of_filter_and_update(documents: Documents, name: str) -> None:
    """Equalities of the filter, $set, $setOnInsert, $inc, $addToSet and $max are in it; guards are not."""
    collection = documents.collection(name)
    made = await collection.update_one(
        {"_id": 7, "kind": "link", "status": {"$ne": "ACTIVE"}, "pw_version": {"$lt": 3}},
        {
            "$set": {"email": "a@b.example", "reason": None},
            "$setOnInsert": {"at": NOON},
            "$inc": {"count": 2},
            "$addToSet": {"versions": 3},
            "$max": {"newest": 3},
        },
        upsert=True,
    )
    assert made == 1
    assert await collection.find_one({"_id": 7}) == {
        "_id": 7,
        "kind": "link",
        "email": "a@b.example",
        "reason": None,
        "at": NOON,
        "count": 2,
        "versions": [3],
        "newest": 3,
    }


@rule
async def an_upsert_whose_guard_fails_is_a_duplicate(documents: Documents, name: str) -> None:
    """The `_id` exists and the guard does not match: nothing is written, and the caller is told."""
    collection = documents.collection(name)
    await collection.insert_one({"_id": 7, "pw_version": 5})
    guard = {"_id": 7, "pw_version": {"$lt": 5}}
    with pytest.raises(DuplicateDocument):
        await collection.update_one(guard, {"$set": {"pw_version": 4}}, upsert=True)
    assert await collection.find_one({"_id": 7}) == {"_id": 7, "pw_version": 5}


@rule
async def filters_select(documents: Documents, name: str) -> None:
    """Each operator of the port, on present, absent, null and list fields."""
    collection = documents.collection(name)
    await collection.insert_one({"_id": 1, "n": 5, "s": "b", "list": [1, 2], "null": None, "at": NOON})
    cases: list[tuple[dict[str, Any], bool]] = [
        ({}, True),
        ({"n": 5}, True),
        ({"n": 5.0}, True),
        ({"n": "5"}, False),
        ({"n": True}, False),
        ({"n": 5, "s": "c"}, False),
        ({"list": 2}, True),
        ({"list": [1, 2]}, True),
        ({"list": 3}, False),
        ({"null": None}, True),
        ({"absent": None}, True),
        ({"n": None}, False),
        ({"n": {"$lt": 6}}, True),
        ({"n": {"$lt": 5}}, False),
        ({"n": {"$lte": 5}}, True),
        ({"n": {"$lt": "z"}}, False),
        ({"s": {"$lt": "c"}}, True),
        ({"absent": {"$lt": 6}}, False),
        ({"null": {"$lt": 6}}, False),
        ({"at": {"$lte": NOON}}, True),
        ({"at": {"$lt": NOON}}, False),
        ({"n": {"$ne": 5}}, False),
        ({"n": {"$ne": 6}}, True),
        ({"absent": {"$ne": 5}}, True),
        ({"list": {"$ne": 2}}, False),
        ({"list": {"$ne": 3}}, True),
        ({"null": {"$ne": None}}, False),
        ({"n": {"$ne": 6, "$lt": 6}}, True),
        ({"n": {"$ne": 6, "$lt": 5}}, False),
        ({"null": {"$exists": True}}, True),
        ({"absent": {"$exists": True}}, False),
        ({"absent": {"$exists": False}}, True),
        ({"$or": [{"n": 4}, {"s": "b"}]}, True),
        ({"$or": [{"n": 4}, {"absent": {"$exists": True}}]}, False),
        ({"s": "b", "$or": [{"n": {"$lt": 3}}, {"list": 1}]}, True),
        ({"s": "c", "$or": [{"n": 5}]}, False),
    ]
    wrong = [query for query, hit in cases if (await collection.find_one(query) is not None) is not hit]
    assert wrong == []


@rule
async def updates_change(documents: Documents, name: str) -> None:
    """Each operator of the port, on a document that has the field and on one that has not."""
    collection = documents.collection(name)
    await collection.insert_one({"_id": 1, "n": 5, "versions": [1]})
    changes: list[dict[str, Any]] = [
        {"$inc": {"n": -2, "fresh": 4}},
        {"$max": {"n": 2, "newest": 1}},
        {"$max": {"newest": 6}},
        {"$addToSet": {"versions": 1, "others": 9}},
        {"$addToSet": {"versions": 2}},
        {"$setOnInsert": {"never": 1}},
        {"$set": {"email": "x"}, "$inc": {"fresh": 1}},
    ]
    for change in changes:
        assert await collection.update_one({"_id": 1}, change, upsert=True) == 1
    assert await collection.find_one({"_id": 1}) == {
        "_id": 1,
        "n": 3,
        "versions": [1, 2],
        "fresh": 5,
        "newest": 6,
        "others": [9],
        "email": "x",
    }


@rule
async def one_of_many_upserts_wins(documents: Documents, name: str) -> None:
    """Twenty conditional upserts on a fresh `_id`: one document, nineteen DuplicateDocument."""
    collection = documents.collection(name)
    guard = {"_id": 1, "active_versions": {"$ne": 1}}
    change = {"$addToSet": {"active_versions": 1}, "$inc": {"writes": 1}}
    ended = await outcomes([collection.update_one(guard, change, upsert=True) for _ in range(RACERS)])
    assert ended == {"1": 1, "duplicate": RACERS - 1}
    assert await collection.find_one({"_id": 1}) == {"_id": 1, "active_versions": [1], "writes": 1}


@rule
async def one_of_many_guarded_updates_wins(documents: Documents, name: str) -> None:
    """Twenty updates that each ask for the old state: one matches, nineteen do not."""
    collection = documents.collection(name)
    await collection.insert_one({"_id": 1, "state": "old"})
    guard, change = {"_id": 1, "state": "old"}, {"$set": {"state": "new"}}
    assert await outcomes([collection.update_one(guard, change) for _ in range(RACERS)]) == {
        "1": 1,
        "0": RACERS - 1,
    }


@rule
async def no_increment_is_lost(documents: Documents, name: str) -> None:
    """Twenty simultaneous increments add up."""
    collection = documents.collection(name)
    await collection.insert_one({"_id": 1})
    assert await outcomes([collection.update_one({"_id": 1}, {"$inc": {"n": 1}}) for _ in range(RACERS)]) == {
        "1": RACERS
    }
    assert await collection.find_one({"_id": 1}) == {"_id": 1, "n": RACERS}


@rule
async def expiry_may_be_asked_for_again(documents: Documents, name: str) -> None:
    """ensure_expiry is repeated at every start; documents whose time has not come stay."""
    await documents.ensure_expiry(name, "gone_at")
    await documents.collection(name).insert_one({"_id": 1, "gone_at": datetime.now(UTC) + timedelta(days=1)})
    await documents.ensure_expiry(name, "gone_at")
    assert await documents.collection(name).find_one({"_id": 1}) is not None


@rule
async def a_store_that_works_answers_ping(documents: Documents, _name: str) -> None:
    """ping returns nothing and raises nothing."""
    assert await documents.ping() is None  # type: ignore[func-returns-value]
