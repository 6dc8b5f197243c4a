"""MongoDB's stand-in: collections of documents in one SQLite file, one durable commit for every write.

documents   collection, id (`_id` as JSON text), document (JSON text; times as {"$date": milliseconds})
_changes    what was written to the captured collections, in the writer's own transaction (see capture.py)
"""

import json
import secrets
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from apps.storage.documents import Document
from apps.storage.errors import DuplicateDocument
from containers.embedded import capture
from containers.embedded.operators import matches, seed, stored, updated
from containers.embedded.sqlite_thread import SQLiteThread

T = TypeVar("T")

DATABASE = "activate_user_reg_db"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    collection TEXT NOT NULL, id TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (collection, id)
) WITHOUT ROWID;
"""

EXPIRY_PAUSE_SECONDS = 60.0
"""How often expired documents are looked for: as MongoDB's TTL monitor, but only when one is written."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class EmbeddedDocuments:
    """The `Documents` of apps.storage.documents, in one file.

    Args:
        captured: the collections whose writes are noted for change data capture.
    """

    def __init__(self, path: Path, *, captured: Collection[str] = ("active_users",)) -> None:
        self._file = SQLiteThread(path, _prepare)
        self._captured = frozenset(captured)
        self._listeners: list[Callable[[], None]] = []
        self._expiries: dict[str, _Expiry] = {}

    def collection(self, name: str) -> "EmbeddedCollection":
        return EmbeddedCollection(self, name)

    def on_commit(self, listener: Callable[[], None]) -> None:
        """Has `listener` called in the loop after every committed write."""
        self._listeners.append(listener)

    async def ping(self) -> None:
        """Raises StorageUnavailable unless the file can be read and written."""
        await self._file.write(lambda connection: connection.execute("SELECT 1 FROM documents").fetchone())

    async def ensure_expiry(self, collection: str, field: str) -> None:
        """Has documents deleted some time after the moment that stands in this field."""
        self._expiries[collection] = _Expiry(field)

    async def close(self) -> None:
        await self._file.close()

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._file.read(work)

    async def write(self, collection: str, work: Callable[["_Transaction"], T]) -> T:
        """Runs `work` in one transaction; afterwards the listeners are called, if it has written anything."""
        expiry = self._expiries.get(collection)

        def transaction(connection: sqlite3.Connection) -> tuple[T, bool]:
            writing = _Transaction(connection, collection, is_captured=collection in self._captured)
            if expiry is not None:
                expiry.sweep(writing)
            return work(writing), writing.has_written

        result, has_written = await self._file.write(transaction)
        if has_written:
            for listener in self._listeners:
                listener()
        return result


class EmbeddedCollection:
    """One collection: the calls that motor's and pymongo's collections share, as the port lists them."""

    def __init__(self, documents: EmbeddedDocuments, name: str) -> None:
        self._documents, self._name = documents, name

    async def find_one(self, filter: Mapping[str, Any]) -> Document | None:
        """A document that the filter selects, or None."""
        return await self._documents.read(lambda connection: _first(connection, self._name, filter))

    async def update_one(
        self, filter: Mapping[str, Any], update: Mapping[str, Any], *, upsert: bool = False
    ) -> int:
        """Updates a document that the filter selects; with `upsert` inserts one where there is none.

        Returns:
            How many documents were matched or inserted: 0 or 1.

        Raises:
            DuplicateDocument: the upsert would insert an `_id` that is there, in a document not selected.
        """

        def work(transaction: _Transaction) -> int:
            found = _first(transaction.connection, self._name, filter)
            if found is not None:
                transaction.replace(found, updated(found, update))
                return 1
            if upsert:
                transaction.insert(updated(seed(filter), update, inserting=True))
                return 1
            return 0

        return await self._documents.write(self._name, work)

    async def insert_one(self, document: Mapping[str, Any]) -> None:
        """Inserts the document.

        Raises:
            DuplicateDocument: its `_id` is there already.
        """
        fields = {name: stored(value) for name, value in document.items()}
        await self._documents.write(self._name, lambda transaction: transaction.insert(fields))


class _Transaction:
    """The writes of one transaction on one collection, each noted for capture beside it."""

    def __init__(self, connection: sqlite3.Connection, collection: str, *, is_captured: bool) -> None:
        self.connection = connection
        self.has_written = False
        self.collection, self._is_captured = collection, is_captured

    def insert(self, document: Document) -> None:
        # MongoDB makes an ObjectId, which reaches topics as 24 hexadecimal digits.
        after = {"_id": document.pop("_id", secrets.token_hex(12)), **document}
        try:
            self.connection.execute(
                "INSERT INTO documents VALUES (?, ?, ?)",
                (self.collection, _identity(after["_id"]), _text(after)),
            )
        except sqlite3.IntegrityError as error:
            raise DuplicateDocument from error
        self._note(None, after)

    def replace(self, before: Document, after: Document) -> None:
        if _text(before) == _text(after):
            return  # no change is no event, as in MongoDB
        self.connection.execute(
            "UPDATE documents SET document = ? WHERE collection = ? AND id = ?",
            (_text(after), self.collection, _identity(after["_id"])),
        )
        self._note(before, after)

    def delete(self, before: Document) -> None:
        self.connection.execute(
            "DELETE FROM documents WHERE collection = ? AND id = ?",
            (self.collection, _identity(before["_id"])),
        )
        self._note(before, None)

    def _note(self, before: Document | None, after: Document | None) -> None:
        self.has_written = True
        if self._is_captured:
            capture.note_document(
                self.connection,
                self.collection,
                before=None if before is None else _text(before),
                after=None if after is None else _text(after),
            )


class _Expiry:
    """MongoDB's TTL index, looked after when its collection is written to, at most once a minute."""

    def __init__(self, field: str) -> None:
        self._field = field
        self._next_sweep = 0.0

    def sweep(self, transaction: _Transaction) -> None:
        if time.monotonic() < self._next_sweep:
            return
        self._next_sweep = time.monotonic() + EXPIRY_PAUSE_SECONDS
        expired = {self._field: {"$lte": datetime.now(UTC)}}
        for document in list(read_documents(transaction.connection, transaction.collection)):
            if matches(document, expired):
                transaction.delete(document)


def _prepare(connection: sqlite3.Connection) -> None:
    connection.executescript(_SCHEMA)
    capture.prepare_file(connection)


def read_documents(connection: sqlite3.Connection, collection: str) -> Iterator[Document]:
    """Every document of a collection, by `_id` as text."""
    rows = connection.execute(
        "SELECT document FROM documents WHERE collection = ? ORDER BY id", (collection,)
    )
    return (_document(text) for (text,) in rows)


def _first(connection: sqlite3.Connection, collection: str, query: Mapping[str, Any]) -> Document | None:
    """By primary key where the filter fixes `_id`, else by looking at every document."""
    wanted = query.get("_id")
    if wanted is None or isinstance(wanted, Mapping | list):
        candidates = read_documents(connection, collection)
    else:
        rows = connection.execute(
            "SELECT document FROM documents WHERE collection = ? AND id = ?",
            (collection, _identity(stored(wanted))),
        )
        candidates = (_document(text) for (text,) in rows)
    return next((document for document in candidates if matches(document, query)), None)


def _identity(value: Any) -> str:
    """`_id` as the key of the table: 1.0 is the 1 that MongoDB takes it for."""
    return _text(int(value) if isinstance(value, float) and value.is_integer() else value)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_date)


def _date(moment: datetime) -> dict[str, int]:
    return {"$date": (moment - _EPOCH) // timedelta(milliseconds=1)}


def _document(text: str) -> Document:
    document: Document = json.loads(text, object_hook=_with_date)
    return document


def _with_date(value: dict[str, Any]) -> Any:
    return _EPOCH + timedelta(milliseconds=value["$date"]) if value.keys() == {"$date"} else value
