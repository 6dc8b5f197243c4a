"""The file of the durable log: its tables, its damages, and how records become rows.

topics         id, name, compacted, cleaned (every sealed record below this offset has been compacted)
records        position = topic id << 40 | offset; keys and values without their prefix
prefixes       what many keys or values begin with, kept once: a record's schema is most of its bytes
group_offsets  the next record of each consumer group in each topic
progress       how far each source connector has read its database, and each sink has parked records
connectors     the connectors' configurations and target states
"""

import secrets
import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from apps.events.records import Record
from containers.embedded.files import transaction

Headers = tuple[tuple[str, bytes], ...]

OFFSET_BITS = 40

_VERSION = 1
_CHECKED_BYTES = 64 << 20  # a larger file is not read through at start: that would take seconds
_PREFIX_END = b'"payload":'
_MOST_PREFIXES = 1000

_SCHEMA = f"""
CREATE TABLE about (identity TEXT NOT NULL);
CREATE TABLE topics (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    compacted INTEGER NOT NULL,
    cleaned INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE prefixes (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE records (
    position INTEGER PRIMARY KEY,
    key_prefix INTEGER NOT NULL,
    key BLOB,
    value_prefix INTEGER NOT NULL,
    value BLOB,
    headers BLOB NOT NULL,
    timestamp_ms INTEGER NOT NULL
);
CREATE INDEX records_by_key ON records (key, key_prefix);
CREATE INDEX tombstones ON records (timestamp_ms) WHERE value IS NULL;
CREATE TABLE group_offsets (
    consumers TEXT NOT NULL,
    topic TEXT NOT NULL,
    next_offset INTEGER NOT NULL,
    PRIMARY KEY (consumers, topic)
) WITHOUT ROWID;
CREATE TABLE progress (name TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE connectors (name TEXT PRIMARY KEY, config TEXT NOT NULL, target TEXT NOT NULL);
PRAGMA user_version = {_VERSION};
"""

_encode_headers = msgspec.msgpack.Encoder().encode
_decode_headers = msgspec.msgpack.Decoder(Headers).decode


class LogDamaged(Exception):
    """The file cannot be used; the message is one sentence that names it and says what to do."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"{path} {problem}: remove it together with {path.name}-wal and start again, "
            "and the topics are filled anew from the databases."
        )


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record that has no offset yet."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


def prepare_log(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables of a new file, or look whether those of an old one are sound."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        with transaction(connection):
            for statement in _SCHEMA.split(";\n")[:-1]:
                connection.execute(statement)
            connection.execute("INSERT INTO about (identity) VALUES (?)", (secrets.token_hex(11),))
    elif version != _VERSION:
        raise LogDamaged(path, "was written by another version of Quartet")
    elif path.stat().st_size <= _CHECKED_BYTES:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise LogDamaged(path, "is damaged")


class Prefixes:
    """What keys and values begin with, up to the end of their schema, by number; 0 is the empty one."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._numbers: dict[bytes, int] = {b"": 0}
        self._numbers |= dict(connection.execute("SELECT bytes, id FROM prefixes"))
        self._prefixes = {number: prefix for prefix, number in self._numbers.items()}
        self._new: list[bytes] = []

    def split(self, data: bytes | None) -> tuple[int, bytes | None]:
        """The prefix and the rest; a prefix met for the first time is written in the running transaction."""
        cut = -1 if data is None else data.find(_PREFIX_END)
        if data is None or cut < 0:
            return 0, data
        cut += len(_PREFIX_END)
        number = self._numbers.get(data[:cut])
        if number is None:
            if len(self._numbers) >= _MOST_PREFIXES:
                return 0, data
            number = self._add(data[:cut])
        return number, data[cut:]

    def whole(self, number: int, rest: bytes | None) -> bytes | None:
        """The key or value that `split` took apart."""
        return None if rest is None else self._prefixes[number] + rest

    def settle(self, *, committed: bool) -> None:
        """What becomes of the prefixes met in the transaction that has ended."""
        if not committed:
            for prefix in self._new:
                del self._prefixes[self._numbers.pop(prefix)]
        self._new.clear()

    def _add(self, prefix: bytes) -> int:
        number = len(self._numbers)
        self._connection.execute("INSERT INTO prefixes (id, bytes) VALUES (?, ?)", (number, prefix))
        self._numbers[prefix] = number
        self._prefixes[number] = prefix
        self._new.append(prefix)
        return number


class LogWriter:
    """What one commit writes; `ends` are the new ends of the topics that it appends to."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        prefixes: Prefixes,
        topics: Mapping[str, int],
        ends: Mapping[str, int],
    ) -> None:
        self._connection = connection
        self._prefixes = prefixes
        self._topics = topics
        self._old_ends = ends
        self.ends: dict[str, int] = {}

    def append(self, records: Iterable[NewRecord]) -> list[int]:
        """Append records to topics that exist and return their offsets."""
        offsets, rows = [], []
        now_ms = time.time_ns() // 1_000_000
        for record in records:
            topic = record.topic
            offset = self.ends.get(topic)
            if offset is None:
                offset = self._old_ends[topic]
            self.ends[topic] = offset + 1
            offsets.append(offset)
            rows.append(
                (
                    self._topics[topic] << OFFSET_BITS | offset,
                    *self._prefixes.split(record.key),
                    *self._prefixes.split(record.value),
                    _encode_headers(record.headers),
                    now_ms,
                )
            )
        self._connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        return offsets

    def note_progress(self, name: str, state: Mapping[str, Any]) -> None:
        """Note how far something has come, in the commit of the records that it stands for."""
        self._connection.execute(
            "INSERT INTO progress (name, state) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET state = excluded.state",
            (name, msgspec.json.encode(state).decode()),
        )

    def forget_progress(self, name: str) -> None:
        """As if nothing had been noted."""
        self._connection.execute("DELETE FROM progress WHERE name = ?", (name,))

    def note_group_offset(self, group: str, topic: str, next_offset: int) -> None:
        """Note the next record of a consumer group."""
        self._connection.execute(
            "INSERT INTO group_offsets (consumers, topic, next_offset) VALUES (?, ?, ?) "
            "ON CONFLICT (consumers, topic) DO UPDATE SET next_offset = excluded.next_offset",
            (group, topic, next_offset),
        )


@dataclass(frozen=True)
class LogPositions:
    """The ends of the topics, and the next record of each consumer group in each topic."""

    ends: Mapping[str, int]
    committed: Mapping[tuple[str, str], int]


def read_positions(connection: sqlite3.Connection) -> LogPositions:
    """How far the log and its consumer groups have come; good for one who reads while others write."""
    # In this order: a record that is written and read in between must not be read before it is there.
    committed = connection.execute("SELECT consumers, topic, next_offset FROM group_offsets").fetchall()
    newest = connection.execute(
        "SELECT name, id, (SELECT max(position) FROM records "
        "WHERE position BETWEEN topics.id << :bits AND (topics.id + 1 << :bits) - 1) FROM topics",
        {"bits": OFFSET_BITS},
    )
    return LogPositions(
        ends={
            name: 0 if position is None else position - (number << OFFSET_BITS) + 1
            for name, number, position in newest
        },
        committed={(group, topic): offset for group, topic, offset in committed},
    )


def to_record(topic: str, base: int, row: tuple[Any, ...], prefixes: Prefixes) -> Record:
    """The record in a row of `records`; base: the position of the topic's offset 0."""
    position, key_prefix, key, value_prefix, value, headers, timestamp_ms = row
    return Record(
        topic,
        0,
        position - base,
        prefixes.whole(key_prefix, key),
        prefixes.whole(value_prefix, value),
        _decode_headers(headers),
        timestamp_ms,
    )
