"""What a source captures: a table or a collection, its snapshot, and the records that its changes make."""

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from containers.connector_files.settings import SourceSettings
from containers.embedded.capture import Change, install_triggers, quoted
from containers.embedded.converter import Added, RowConverter, document_key, document_value
from containers.embedded.log import Headers, NewRecord
from containers.embedded.table_shape import TableShape

Row = Mapping[str, Any]

_NUMBERS = {"source.ts_ms"}
_DELETED = "__deleted"


class CapturedTable:
    """One table; its records carry a schema and the columns that the configuration lets through."""

    def __init__(
        self,
        shape: TableShape,
        settings: SourceSettings,
        headers: Headers,
        connection: sqlite3.Connection,
    ) -> None:
        self.name, self.topic = shape.name, settings.topic(shape.name)
        self._shape, self._settings, self._connection = shape, settings, connection
        columns = [column for column in shape.columns if settings.carries(shape.name, column.name)]
        self._carried = [column.name for column in columns]
        self._rewrites = settings.deletes.startswith("rewrite")
        added = [Added(_DELETED, "string")] if self._rewrites else []
        added += [
            Added(_added_name(field), "int64" if field in _NUMBERS else "string")
            for field in settings.added_fields
        ]
        self._added = _Added(settings, shape.name, headers)
        self._convert = RowConverter(
            name=f"{settings.prefix}.{settings.database}.{shape.name}",
            shape=shape,
            columns=columns,
            added=added,
            time_mode=settings.time_mode,
            null_to_default=settings.null_to_default,
            key_schema=settings.key_schema,
            value_schema=settings.value_schema,
        )

    def install(self) -> None:
        """Have the table note its changes, with the columns that it has now."""
        install_triggers(self._connection, self.name)

    def snapshot(self) -> Iterator[NewRecord]:
        """A record of op r for every row, by primary key."""
        names = [column.name for column in self._shape.columns]
        selected, key = ", ".join(map(quoted, names)), ", ".join(map(quoted, self._shape.key))
        query = f"SELECT {selected} FROM {quoted(self.name)} ORDER BY {key}"  # noqa: S608 - quoted names
        now_ms = time.time_ns() // 1_000_000
        for values in self._connection.execute(query):
            yield self._record(dict(zip(names, values, strict=True)), "r", now_ms)

    def records(self, change: Change) -> Iterable[NewRecord]:
        """The records of one change, as the configuration filters them."""
        before = None if change.before is None else msgspec.json.decode(change.before, type=dict[str, Any])
        after = None if change.after is None else msgspec.json.decode(change.after, type=dict[str, Any])
        if before is None or after is None:
            return self._records(before, after, change.op, change.ts_ms)
        if any(before.get(name) != after.get(name) for name in self._shape.key):
            # Another key is another row: Debezium tells a deletion and a creation.
            deleted = self._records(before, None, "d", change.ts_ms)
            return [*deleted, *self._records(None, after, "c", change.ts_ms)]
        if self._settings.skips_unchanged and all(
            before.get(name) == after.get(name) for name in self._carried
        ):
            return []
        return self._records(before, after, change.op, change.ts_ms)

    def _records(self, before: Row | None, after: Row | None, op: str, ts_ms: int) -> list[NewRecord]:
        if op in self._settings.skipped:
            return []
        if after is not None:
            return [self._record(after, op, ts_ms)]
        assert before is not None
        return self._deletion(before, ts_ms)

    def _deletion(self, before: Row, ts_ms: int) -> list[NewRecord]:
        mode = self._settings.deletes
        key, headers = self._convert.key(before), self._added.headers("d", ts_ms)
        nothing = NewRecord(self.topic, key, None, headers)
        if mode == "drop":
            return []
        if mode == "delete-to-tombstone":
            return [nothing]
        if mode == "tombstone":
            return [NewRecord(self.topic, key, self._convert.null_value, headers)]
        rewritten = self._record(before, "d", ts_ms)
        return [rewritten, nothing] if mode == "rewrite-with-tombstone" else [rewritten]

    def _record(self, row: Row, op: str, ts_ms: int) -> NewRecord:
        added = {_DELETED: "true" if op == "d" else "false"} if self._rewrites else {}
        added |= self._added.fields(op, ts_ms)
        return NewRecord(
            self.topic,
            self._convert.key(row),
            self._convert.value(row, added),
            self._added.headers(op, ts_ms),
        )


class CapturedCollection:
    """One collection of the document store, which notes the changes itself; its records have no schema."""

    def __init__(
        self, name: str, settings: SourceSettings, headers: Headers, connection: sqlite3.Connection
    ) -> None:
        self.name, self.topic = name, settings.topic(name)
        self._settings, self._connection = settings, connection
        self._added = _Added(settings, name, headers)

    def install(self) -> None:
        """Nothing: see EmbeddedDocuments."""

    def snapshot(self) -> Iterator[NewRecord]:
        """A record of op r for every document."""
        if (
            self._connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'documents'").fetchone()
            is None
        ):
            return
        query = "SELECT document FROM documents WHERE collection = ? ORDER BY id"
        now_ms = time.time_ns() // 1_000_000
        for (document,) in self._connection.execute(query, (self.name,)):
            yield self._record(msgspec.json.decode(document), "r", now_ms)

    def records(self, change: Change) -> Iterable[NewRecord]:
        """The record of one change, as the configuration filters it."""
        if change.op in self._settings.skipped:
            return []
        if change.after is not None:
            return [self._record(msgspec.json.decode(change.after), change.op, change.ts_ms)]
        assert change.before is not None
        if self._settings.deletes == "drop":
            return []
        key = document_key(msgspec.json.decode(change.before))
        return [NewRecord(self.topic, key, None, self._added.headers("d", change.ts_ms))]

    def _record(self, document: Row, op: str, ts_ms: int) -> NewRecord:
        return NewRecord(
            self.topic,
            document_key(document),
            document_value(document, self._added.fields(op, ts_ms)),
            self._added.headers(op, ts_ms),
        )


class _Added:
    """The fields and headers that the unwrap transform adds."""

    def __init__(self, settings: SourceSettings, name: str, context: Headers) -> None:
        self._context = context
        self._fields = {_added_name(field): field for field in settings.added_fields}
        self._headers = {_added_name(field): field for field in settings.added_headers}
        self._source: dict[str, Any] = {
            "source.db": settings.database,
            "source.table": name,
            "source.collection": name,
        }

    def fields(self, op: str, ts_ms: int) -> dict[str, Any]:
        return {name: self._value(field, op, ts_ms) for name, field in self._fields.items()}

    def headers(self, op: str, ts_ms: int) -> Headers:
        if not self._headers:
            return self._context
        told = {name: self._value(field, op, ts_ms) for name, field in self._headers.items()}
        return (*self._context, *((name, str(value).encode()) for name, value in told.items()))

    def _value(self, field: str, op: str, ts_ms: int) -> Any:
        return self._source.get(field, op if field == "op" else ts_ms)


def _added_name(field: str) -> str:
    return "__" + field.replace(".", "_")
