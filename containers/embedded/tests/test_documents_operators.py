"""MongoDB's semantics, case by case, as the manual gives them."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from containers.embedded.operators import OperatorRefused, matches, seed, updated

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("document", "query", "expected"),
    [
        ({"a": 1}, {}, True),
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, {"a": 1.0}, True),
        ({"a": True}, {"a": 1}, False),
        ({"a": "1"}, {"a": 1}, False),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, False),
        ({}, {"a": None}, True),
        ({"a": None}, {"a": None}, True),
        ({"a": [1, 2]}, {"a": 2}, True),
        ({"a": [1, 2]}, {"a": [1, 2]}, True),
        ({"a": [1, 2]}, {"a": [2, 1]}, False),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": 1, "y": 2}}, True),
        ({"a": {"x": 1, "y": 2}}, {"a": {"y": 2, "x": 1}}, False),
        ({"a": NOON}, {"a": NOON.astimezone(timezone(timedelta(hours=2)))}, True),
        ({"a": 1}, {"a": {"$ne": 2}}, True),
        ({"a": 1}, {"a": {"$ne": 1}}, False),
        ({}, {"a": {"$ne": 1}}, True),
        ({}, {"a": {"$ne": None}}, False),
        ({"a": [1, 2]}, {"a": {"$ne": 3}}, True),
        ({"a": [1, 2]}, {"a": {"$ne": 2}}, False),
        ({"a": []}, {"a": {"$ne": 2}}, True),
        ({"a": 1}, {"a": {"$lt": 2}}, True),
        ({"a": 2}, {"a": {"$lt": 2}}, False),
        ({"a": 2}, {"a": {"$lte": 2}}, True),
        ({}, {"a": {"$lt": 2}}, False),
        ({"a": None}, {"a": {"$lte": 2}}, False),
        ({"a": "1"}, {"a": {"$lt": 2}}, False),
        ({"a": False}, {"a": {"$lt": 2}}, False),
        ({"a": [5, 1]}, {"a": {"$lt": 2}}, True),
        ({"a": NOON}, {"a": {"$lt": NOON + timedelta(seconds=1)}}, True),
        ({"a": 1}, {"a": {"$exists": True}}, True),
        ({"a": None}, {"a": {"$exists": True}}, True),
        ({}, {"a": {"$exists": True}}, False),
        ({}, {"a": {"$exists": False}}, True),
        ({"a": 1}, {"$or": [{"a": 2}, {"a": {"$lt": 2}}]}, True),
        ({"a": 1}, {"$or": [{"a": 2}, {"b": {"$exists": True}}]}, False),
        ({"a": 1, "b": 1}, {"b": 2, "$or": [{"a": 1}]}, False),
        ({"a": 1}, {"a": {"$ne": 2, "$lt": 1}}, False),
    ],
)
def test_filter_selects(document: dict[str, Any], query: dict[str, Any], expected: bool) -> None:
    """A filter selects as in MongoDB."""
    assert matches(document, query) is expected


@pytest.mark.parametrize(
    ("document", "update", "expected"),
    [
        ({"a": 1}, {"$set": {"a": 2, "b": 3}}, {"a": 2, "b": 3}),
        ({"a": 1}, {"$setOnInsert": {"b": 3}}, {"a": 1}),
        ({"a": 1}, {"$inc": {"a": 2, "b": 3}}, {"a": 3, "b": 3}),
        ({"a": 1}, {"$max": {"a": 2, "b": 3}}, {"a": 2, "b": 3}),
        ({"a": 3}, {"$max": {"a": 2}}, {"a": 3}),
        ({"a": None}, {"$max": {"a": 2}}, {"a": 2}),
        ({"a": "x"}, {"$max": {"a": 2}}, {"a": "x"}),
        ({"a": [1]}, {"$addToSet": {"a": 2, "b": 3}}, {"a": [1, 2], "b": [3]}),
        ({"a": [1]}, {"$addToSet": {"a": 1}}, {"a": [1]}),
        ({}, {"$set": {"at": NOON.replace(microsecond=1999)}}, {"at": NOON.replace(microsecond=1000)}),
    ],
)
def test_update_changes(document: dict[str, Any], update: dict[str, Any], expected: dict[str, Any]) -> None:
    """An update changes a copy as MongoDB changes the document."""
    before = dict(document)
    assert updated(document, update) == expected
    assert document == before


def test_update_leaves_arrays_of_the_original_alone() -> None:
    """The copy is deep: capture needs the document as it was."""
    document: dict[str, Any] = {"a": [1]}
    updated(document, {"$addToSet": {"a": 2}})
    assert document == {"a": [1]}


def test_upsert_starts_from_the_equalities_of_the_filter() -> None:
    """Other conditions give no fields, `_id` comes first, and $setOnInsert counts."""
    query = {"email": "a@b.test", "_id": 4, "v": {"$lte": 2}, "k": {"$eq": 3}, "$or": [{"z": 1}]}
    document = updated(seed(query), {"$setOnInsert": {"s": []}, "$set": {"t": 1}}, inserting=True)
    assert document == {"_id": 4, "email": "a@b.test", "k": 3, "s": [], "t": 1}
    assert next(iter(document)) == "_id"


@pytest.mark.parametrize(
    "update",
    [
        {"$unset": {"a": ""}},
        {"a": 2},
        {"$set": {"a.b": 2}},
        {"$set": {"_id": 2}},
        {"$set": {"a": 2}, "$inc": {"a": 1}},
        {"$set": {"a": b"bytes"}},
        {"$set": {"a": datetime(2026, 11, 24)}},
        {"$inc": {"text": 1}},
        {"$inc": {"a": "1"}},
        {"$addToSet": {"a": 1}},
    ],
)
def test_update_that_is_not_understood_is_refused(update: dict[str, Any]) -> None:
    """Nothing is guessed: what MongoDB refuses, or this stand-in does not know, is an error."""
    with pytest.raises(OperatorRefused):
        updated({"_id": 1, "a": 1, "text": "x"}, update)


@pytest.mark.parametrize(
    "query", [{"a": {"$gt": 1}}, {"$and": []}, {"a.b": 1}, {"a": {"$lt": None}}, {"a": {"$ne": b""}}]
)
def test_filter_that_is_not_understood_is_refused(query: dict[str, Any]) -> None:
    """As for updates."""
    with pytest.raises(OperatorRefused):
        matches({"a": 1}, query)


def test_whole_numbers_have_64_bits() -> None:
    """BSON holds no larger ones."""
    with pytest.raises(OverflowError):
        updated({}, {"$set": {"a": 2**63}})
