"""The JDBC sink: rows of topics upserted into an SQLite table, together with the offset of the next record.

    _sink_offsets    connector, topic, log (the identity of the durable log), next_offset

The rows of a batch and the offset behind them are one commit in the target's file: after a crash the sink
goes on exactly where its rows end.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from apps.events.records import Record
from containers.connector_files.settings import SinkSettings
from containers.embedded.capture import quoted
from containers.embedded.dead_letters import RecordError, dead_letter
from containers.embedded.envelope import ConversionError, JsonReader, Schema, Struct
from containers.embedded.files import transaction
from containers.embedded.log import DurableLog
from containers.embedded.sql_faults import Refused, binder, from_sqlite
from containers.embedded.table_shape import TableShape, read_shape

BATCH_RECORDS = 500
"""Rows of one transaction: Debezium's default, and 10-25 ms during which services wait for the write lock."""

_MOST_PLANS = 1000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS _sink_offsets (
    connector TEXT NOT NULL,
    topic TEXT NOT NULL,
    log TEXT NOT NULL,
    next_offset INTEGER NOT NULL,
    PRIMARY KEY (connector, topic)
) WITHOUT ROWID
"""
_NOTE_OFFSET = """
INSERT INTO _sink_offsets (connector, topic, log, next_offset) VALUES (?, ?, ?, ?)
ON CONFLICT (connector, topic) DO UPDATE SET log = excluded.log, next_offset = excluded.next_offset
"""


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement with its values."""

    sql: str
    values: tuple[Any, ...]


class RecordFailed(Exception):
    """The task cannot get past a record; all before it is written."""

    def __init__(self, record: Record, error: RecordError, stage: str) -> None:
        super().__init__(str(error))
        self.record, self.error, self.stage = record, error, stage


ABOUT_THE_RECORD = (sqlite3.IntegrityError, sqlite3.DataError, ValueError, OverflowError)
"""How a database refuses a value. Any other error is of the database: a damaged one must lose no record."""

_NOT_FORESEEN = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""How a record fails of which nobody has thought; another try would fail alike, and all behind it wait."""


class TableMissing(Exception):
    """The table that a sink writes to is not there (yet)."""

    def __init__(self, table: str) -> None:
        super().__init__(f"Cannot create table {table} because schema evolution is disabled")


class Sink:
    """The task of one sink connector."""

    def __init__(self, settings: SinkSettings, log: DurableLog, connection: sqlite3.Connection) -> None:
        self._settings, self._log, self._connection = settings, log, connection
        self._keys = JsonReader(null_to_default=settings.key_null_to_default)
        self._values = JsonReader(null_to_default=settings.value_null_to_default)
        self._plans: dict[tuple[str, Schema, Schema | None], _Plan] = {}
        connection.execute(_SCHEMA)
        self._next = {topic: self._committed(topic) for topic in settings.topics}

    @property
    def offsets(self) -> dict[str, int]:
        """The next record of each topic."""
        return dict(self._next)

    @property
    def lag(self) -> int:
        """How many records are still to be written."""
        return sum(max(0, self._log.end_offset(topic) - offset) for topic, offset in self._next.items())

    @property
    def parked(self) -> int:
        """How many records its dead-letter topic holds: nothing is ever taken out of it."""
        return self._log.end_offset(self._settings.dead_letter_topic)

    def set_offset(self, topic: str, offset: int) -> None:
        """Go on from another record."""
        self._commit(topic, [], offset)

    def step(self) -> bool:
        """Write one batch of one topic; False: there was nothing to write.

        Raises:
            RecordFailed: a record that the configuration does not allow to skip.
            TableMissing: the target table is not there.
            sqlite3.Error: the database cannot be written just now.
        """
        for topic, offset in self._next.items():
            records = self._log.read(topic, offset, BATCH_RECORDS)
            if records:
                self._write(topic, records)
                return True
        return False

    def park(self, failure: RecordFailed) -> None:
        """Set a record aside in the dead-letter topic and go on behind it.

        After a crash between the two commits the record fails again, and is not parked twice.
        """
        record = failure.record
        self._park(record, failure.error, failure.stage)
        self._commit(record.topic, [], record.offset + 1)

    def _write(self, topic: str, records: Sequence[Record]) -> None:
        """All records up to the first that fails, then that failure."""
        statements: list[Statement] = []
        failure, end = None, records[-1].offset + 1
        for record in records:
            try:
                statements += self._statements(record)
            except RecordFailed as failed:
                if isinstance(failed.error, ConversionError) and self._settings.tolerates_errors:
                    if self._settings.keeps_unreadable:
                        self._park(record, failed.error, failed.stage)
                    continue
                failure, end = failed, record.offset
                break
        if end > self._next[topic]:
            try:
                self._commit(topic, statements, end)
            except ABOUT_THE_RECORD:
                self._write_singly(topic, [record for record in records if record.offset < end])
        if failure is not None:
            raise failure

    def _write_singly(self, topic: str, records: Iterable[Record]) -> None:
        """The database refused a batch: find the record that it was about."""
        for record in records:
            try:
                statements = self._statements(record)
            except RecordFailed:  # parked already
                statements = []
            try:
                self._commit(topic, statements, record.offset + 1)
            except ABOUT_THE_RECORD as error:
                raise RecordFailed(record, from_sqlite(error), "TASK_PUT") from error

    def _statements(self, record: Record) -> list[Statement]:
        try:
            return self._converted(record)
        except _NOT_FORESEEN as error:
            refused = Refused("A value of the record cannot be converted", 1366)
            raise RecordFailed(record, refused, "TASK_PUT") from error

    def _converted(self, record: Record) -> list[Statement]:
        try:
            key = self._keys.read(record.key)
        except ConversionError as error:
            raise RecordFailed(record, error, "KEY_CONVERTER") from error
        try:
            row = self._values.read(record.value)
        except ConversionError as error:
            raise RecordFailed(record, error, "VALUE_CONVERTER") from error
        try:
            if key is None:
                raise Refused("The record has no key, and primary.key.mode is record_key")
            if row is None and not self._settings.deletes:
                return []
            plan = self._plan(record.topic, key.schema, None if row is None else row.schema)
            return [plan.statement(key, row)]
        except Refused as error:
            raise RecordFailed(record, error, "TASK_PUT") from error

    def _plan(self, topic: str, key: Schema, row: Schema | None) -> "_Plan":
        plan = self._plans.get((topic, key, row))
        if plan is None:
            table = self._settings.table(topic)
            shape = read_shape(self._connection, table)
            if shape is None:
                raise TableMissing(table)
            plan = _Plan(self._settings, topic, shape, key, row)
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            self._plans[topic, key, row] = plan
        return plan

    def _commit(self, topic: str, statements: Iterable[Statement], next_offset: int) -> None:
        with transaction(self._connection):
            for sql, batch in groupby(statements, key=lambda statement: statement.sql):
                self._connection.executemany(sql, [statement.values for statement in batch])
            self._connection.execute(
                _NOTE_OFFSET, (self._settings.name, topic, self._log.identity, next_offset)
            )
        self._next[topic] = next_offset

    def _committed(self, topic: str) -> int:
        row = self._connection.execute(
            "SELECT log, next_offset FROM _sink_offsets WHERE connector = ? AND topic = ?",
            (self._settings.name, topic),
        ).fetchone()
        if row is None or row[0] != self._log.identity or row[1] > self._log.end_offset(topic):
            return 0
        return int(row[1])

    def _park(self, record: Record, error: RecordError, stage: str) -> None:
        name = f"dead letters of {self._settings.name}"
        parked = self._log.progress(name) or {}
        if record.offset < parked.get(record.topic, 0):
            return
        letter = dead_letter(
            record,
            error,
            topic=self._settings.dead_letter_topic,
            connector=self._settings.name,
            stage=stage,
            with_context=self._settings.tells_context,
        )
        with self._log.writing() as writer:
            writer.append([letter])
            writer.note_progress(name, {**parked, record.topic: record.offset + 1})


class _Plan:
    """How the rows of one topic and schema become statements."""

    def __init__(
        self, settings: SinkSettings, topic: str, shape: TableShape, key: Schema, row: Schema | None
    ) -> None:
        self._keys: list[tuple[str, Callable[[Any], Any]]] = []
        self._others: list[tuple[str, Callable[[Any], Any]]] = []
        key_names = settings.key_fields or tuple(field.name for field in key.fields)
        columns = []
        for name in key_names:
            field = next((field for field in key.fields if field.name == name), None)
            if field is None:
                raise Refused(f"The record's key has no field {name}")
            columns.append(self._column(settings, shape, name))
            self._keys.append((name, binder(field, columns[-1])))
        for field in row.fields if row is not None else ():
            if field.name not in key_names and settings.writes(topic, field.name):
                columns.append(self._column(settings, shape, field.name))
                self._others.append((field.name, binder(field, columns[-1])))
        names = [quoted(column.name) for column in columns]
        self._sql = _sql(settings, quoted(shape.name), names[: len(key_names)], names[len(key_names) :], row)
        self._sets_first = row is not None and settings.insert_mode == "update"

    def statement(self, key: Struct, row: Struct | None) -> Statement:
        keys = tuple([bind(key.values[name]) for name, bind in self._keys])
        others = tuple([bind(row.values[name]) for name, bind in self._others]) if row is not None else ()
        return Statement(self._sql, others + keys if self._sets_first else keys + others)

    @staticmethod
    def _column(settings: SinkSettings, shape: TableShape, name: str) -> Any:
        column = shape.column(name if settings.quotes_names else name.lower())
        if column is None:
            raise Refused(f"Cannot alter table {shape.name} because schema evolution is disabled")
        return column


def _sql(
    settings: SinkSettings, table: str, keys: Sequence[str], others: Sequence[str], row: Schema | None
) -> str:
    """The statement of a plan; it conflicts on the declared key only, whatever else is unique."""
    where = " AND ".join(f"{name} = ?" for name in keys)
    if row is None:
        return f"DELETE FROM {table} WHERE {where}"  # noqa: S608 - quoted names
    if settings.insert_mode == "update":
        sets = ", ".join(f"{name} = ?" for name in others) or f"{keys[0]} = {keys[0]}"
        return f"UPDATE {table} SET {sets} WHERE {where}"  # noqa: S608 - quoted names
    names = [*keys, *others]
    places = ", ".join("?" * len(names))
    insert = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"  # noqa: S608 - quoted names
    if settings.insert_mode == "insert":
        return insert
    changes = ", ".join(f"{name} = excluded.{name}" for name in others)
    return f"{insert} ON CONFLICT ({', '.join(keys)}) DO {f'UPDATE SET {changes}' if changes else 'NOTHING'}"
