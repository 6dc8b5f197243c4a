"""The port of the document store: what activation asks of MongoDB, or of what stands in for it.

    filter   {"field": value}, $lt, $lte, $ne, $exists on a field; $or over filters
    update   $set, $setOnInsert, $inc, $addToSet, $max

Only single-document writes, whose filter is the guard: races are decided by the store.
"""

from collections.abc import Mapping
from typing import Any, Protocol

Document = dict[str, Any]


class Collection(Protocol):
    """Documents of one kind, each with an `_id`."""

    async def find_one(self, filter: Mapping[str, Any]) -> Document | None:
        """Return the first document that matches `filter`; times are aware and in UTC."""

    async def update_one(
        self, filter: Mapping[str, Any], update: Mapping[str, Any], *, upsert: bool = False
    ) -> int:
        """Apply `update` to the first document that matches `filter`; with `upsert` make one if none does.

        Returns the number of documents matched or made, 0 or 1.

        Raises:
            DuplicateDocument: an upsert found no match, and a document with that `_id` exists.
            StorageUnavailable: the store cannot write just now.
        """

    async def insert_one(self, document: Mapping[str, Any]) -> None:
        """Add `document`; without an `_id` it is given one.

        Raises:
            DuplicateDocument: its `_id` exists already.
            StorageUnavailable: the store cannot write just now.
        """


class Documents(Protocol):
    """The database of the documents."""

    def collection(self, name: str) -> Collection:
        """Return the collection called `name`; it need not exist yet."""

    async def ensure_expiry(self, collection: str, field: str) -> None:
        """Let documents of `collection` go some time after the moment that their `field` holds."""

    async def ping(self) -> None:
        """Raise StorageUnavailable unless the store answers, with a member that takes writes."""

    async def close(self) -> None:
        """Give the connections back."""
