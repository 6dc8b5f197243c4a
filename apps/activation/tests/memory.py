"""The documents port in memory, for the tests of activation: single-document writes, each of them atomic."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from apps.storage.errors import DuplicateDocument, StorageUnavailable

Document = dict[str, Any]


class MemoryDocuments:
    """Documents by collection; `versions` lists every state of a document that was written."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[Any, Document]] = defaultdict(dict)
        self.versions: dict[str, list[Document]] = defaultdict(list)
        self.expiries: list[tuple[str, str]] = []
        self.is_down = False

    def collection(self, name: str) -> "MemoryCollection":
        return MemoryCollection(self, name)

    async def ensure_expiry(self, collection: str, field: str) -> None:
        await self.ping()
        self.expiries.append((collection, field))

    async def ping(self) -> None:
        if self.is_down:
            raise StorageUnavailable

    async def close(self) -> None:
        self.is_down = True


class MemoryCollection:
    def __init__(self, documents: MemoryDocuments, name: str) -> None:
        self._documents = documents
        self._name = name

    async def find_one(self, filter: Mapping[str, Any]) -> Document | None:
        await self._network()
        found = self._match(filter)
        await asyncio.sleep(0)  # others may write before the answer arrives
        return deepcopy(found)

    async def update_one(
        self, filter: Mapping[str, Any], update: Mapping[str, Any], *, upsert: bool = False
    ) -> int:
        await self._network()
        kept = self._documents.kept[self._name]
        found = self._match(filter)
        if found is None and not upsert:
            return 0
        before = deepcopy(found)
        if found is None:
            found = {name: value for name, value in filter.items() if not isinstance(value, Mapping)}
            if found["_id"] in kept:
                raise DuplicateDocument
            kept[found["_id"]] = found
            found.update(update.get("$setOnInsert", {}))
        self._apply(found, update)
        if found != before:
            self._documents.versions[self._name].append(deepcopy(found))
        await asyncio.sleep(0)
        return 1

    async def _network(self) -> None:
        await asyncio.sleep(0)
        await self._documents.ping()

    def _match(self, filter: Mapping[str, Any]) -> Document | None:
        kept = self._documents.kept[self._name].values()
        return next((document for document in kept if _fits(document, filter)), None)

    @staticmethod
    def _apply(document: Document, update: Mapping[str, Any]) -> None:
        assert update.keys() <= {"$set", "$setOnInsert", "$inc", "$addToSet"}
        document.update(update.get("$set", {}))
        for name, number in update.get("$inc", {}).items():
            document[name] = document.get(name, 0) + number
        for name, value in update.get("$addToSet", {}).items():
            held = document.setdefault(name, [])
            if value not in held:
                held.append(value)


def _fits(document: Document, filter: Mapping[str, Any]) -> bool:
    return all(_meets(document.get(name), wanted) for name, wanted in filter.items())


def _meets(value: Any, wanted: Any) -> bool:
    if not isinstance(wanted, Mapping):
        return bool(value == wanted)
    ((operator, operand),) = wanted.items()
    if operator == "$ne":  # of a list: does not contain
        return operand not in value if isinstance(value, list) else value != operand
    if value is None:
        return False
    return bool({"$lt": value < operand, "$lte": value <= operand}[operator])
