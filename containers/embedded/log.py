"""The durable log: Kafka's stand-in, topics of one partition each in one SQLite file (see log_file.py).

A record and the progress that it stands for are one commit, so neither is ever there without the other.
"""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Lock, RLock, local
from typing import Any

import msgspec

from apps.events.records import Record
from containers.embedded.files import is_damage, open_file, transaction
from containers.embedded.log_file import (
    OFFSET_BITS,
    Headers,
    LogDamaged,
    LogWriter,
    NewRecord,
    Prefixes,
    prepare_log,
    read_positions,
    to_record,
)
from containers.embedded.log_source import LogSource

__all__ = ["DurableLog", "Headers", "LogDamaged", "LogWriter", "NewRecord"]

ACTIVE_RECORDS = 10_000
"""The newest records of a topic that compaction leaves alone, as Kafka does with its active segment."""
TOMBSTONE_MS = 24 * 3600 * 1000
"""How long a tombstone outlives its record: Kafka's default for delete.retention.ms."""
COMPACTION_SLICE = 500

_LAST_OFFSET = (1 << OFFSET_BITS) - 1


class DurableLog:
    """The log in one file; every method may be called from any thread.

    Raises:
        LogDamaged: from any method, when the file turns out not to be what was written.
    """

    def __init__(self, path: Path, *, active_records: int = ACTIVE_RECORDS) -> None:
        self._path = path
        self._active_records = active_records
        self._writing, self._listening = RLock(), Lock()
        self._local = local()
        self._readers: list[sqlite3.Connection] = []
        self._listeners: dict[str, list[Callable[[], None]]] = {}
        self._committer = ThreadPoolExecutor(1, thread_name_prefix="log-commit")
        with self._guarded(), ExitStack() as opening:
            self._writer = opening.enter_context(closing(open_file(path)))
            prepare_log(self._writer, path)
            self._prefixes = Prefixes(self._writer)
            self.identity: str = self._writer.execute("SELECT identity FROM about").fetchone()[0]
            self._topics: dict[str, int] = dict(self._writer.execute("SELECT name, id FROM topics"))
            self._ends = dict(read_positions(self._writer).ends)
            self._cleaned: dict[str, int] = dict(
                self._writer.execute("SELECT name, cleaned FROM topics WHERE compacted")
            )
            opening.pop_all()  # it stays open until close(), unless something of the above has failed

    def topics(self) -> list[str]:
        """The names of all topics, sorted."""
        return sorted(self._topics)

    def create_topic(self, name: str, *, compacted: bool = True) -> None:
        """Make a topic of one partition, unless it exists."""
        if name in self._topics:
            return
        with self._guarded(), self._writing:
            if name in self._topics:
                return
            query = "INSERT INTO topics (name, compacted) VALUES (?, ?) RETURNING id"
            (number,) = self._writer.execute(query, (name, compacted)).fetchone()
            if compacted:
                self._cleaned[name] = 0
            self._ends[name] = 0
            self._topics[name] = number

    def end_offset(self, topic: str) -> int:
        """The offset that the next record of the topic will get; 0 for a topic that does not exist."""
        return self._ends.get(topic, 0)

    def read(self, topic: str, offset: int, limit: int) -> list[Record]:
        """Committed records from an offset on, oldest first; compaction leaves gaps between offsets."""
        if offset >= self.end_offset(topic):
            return []
        base = self._topics[topic] << OFFSET_BITS
        query = (
            "SELECT position, key_prefix, key, value_prefix, value, headers, timestamp_ms FROM records "
            "WHERE position BETWEEN ? AND ? ORDER BY position LIMIT ?"
        )
        with self._guarded():
            rows = self._reader().execute(query, (base + offset, base + _LAST_OFFSET, limit)).fetchall()
        return [to_record(topic, base, row, self._prefixes) for row in rows]

    @contextmanager
    def writing(self) -> Iterator[LogWriter]:
        """One commit of records and progress; who listens to the topics is woken after it."""
        with self._guarded(), self._writing:
            writer = LogWriter(self._writer, self._prefixes, self._topics, self._ends)
            try:
                with transaction(self._writer):
                    yield writer
            except BaseException:
                self._prefixes.settle(committed=False)
                raise
            self._prefixes.settle(committed=True)
            self._ends.update(writer.ends)
        self._notify(writer.ends)

    def append(self, records: Iterable[NewRecord]) -> list[int]:
        """Append records in one commit and return their offsets."""
        with self.writing() as writer:
            return writer.append(records)

    def progress(self, name: str) -> dict[str, Any] | None:
        """What was last noted under this name."""
        row = self._read_one("SELECT state FROM progress WHERE name = ?", name)
        return None if row is None else msgspec.json.decode(row[0], type=dict[str, Any])

    def group_offset(self, group: str, topic: str) -> int:
        """The next record of a consumer group in a topic; 0 before its first commit."""
        row = self._read_one(
            "SELECT next_offset FROM group_offsets WHERE consumers = ? AND topic = ?", group, topic
        )
        return 0 if row is None else int(row[0])

    def connectors(self) -> dict[str, tuple[dict[str, str], str]]:
        """The saved connectors in the order of their making: configuration and target state by name."""
        query = "SELECT name, config, target FROM connectors ORDER BY rowid"
        with self._guarded():
            rows = self._reader().execute(query).fetchall()
        return {name: (msgspec.json.decode(config), target) for name, config, target in rows}

    def save_connector(self, name: str, config: Mapping[str, str], target: str) -> None:
        """Save a connector's configuration and target state (STARTED, PAUSED or STOPPED)."""
        query = (
            "INSERT INTO connectors (name, config, target) VALUES (?, ?, ?) "
            "ON CONFLICT (name) DO UPDATE SET config = excluded.config, target = excluded.target"
        )
        with self._guarded(), self._writing:
            self._writer.execute(query, (name, msgspec.json.encode(config).decode(), target))

    def forget_connector(self, name: str) -> None:
        """Remove a connector; its progress stays, as in Kafka."""
        with self._guarded(), self._writing:
            self._writer.execute("DELETE FROM connectors WHERE name = ?", (name,))

    def open_source(self, group: str, topics: Sequence[str]) -> LogSource:
        """The records of some topics for a consumer group of a service (an `OpenSource`)."""
        return LogSource(self, self._committer, group, topics)

    def listen(self, topics: Iterable[str], listener: Callable[[], None]) -> None:
        """Have `listener` called, in the writer's thread, after each commit of records to these topics."""
        with self._listening:
            for topic in topics:
                self._listeners.setdefault(topic, []).append(listener)

    def unlisten(self, listener: Callable[[], None]) -> None:
        """Undo `listen`."""
        with self._listening:
            for topic, listeners in self._listeners.items():
                self._listeners[topic] = [other for other in listeners if other != listener]

    def compact(self) -> bool:
        """Compact one slice of one topic: of each key only the newest sealed record stays.

        Returns whether there was anything to do; a slice holds the log for a few milliseconds.
        """
        for topic, cleaned in self._cleaned.items():
            if self.end_offset(topic) - self._active_records - cleaned >= COMPACTION_SLICE:
                self._compact(topic, cleaned, cleaned + COMPACTION_SLICE)
                return True
        return False

    def close(self) -> None:
        """Close the file."""
        self._committer.shutdown()
        with self._writing:
            for connection in (*self._readers, self._writer):
                connection.close()

    def _compact(self, topic: str, first: int, end: int) -> None:
        base = self._topics[topic] << OFFSET_BITS
        newer = (
            "SELECT key, key_prefix, position FROM records "
            "WHERE position >= ? AND position < ? AND key IS NOT NULL"
        )
        older = "DELETE FROM records WHERE key = ? AND key_prefix = ? AND position >= ? AND position < ?"
        buried = (
            "DELETE FROM records WHERE value IS NULL AND timestamp_ms < ? AND position >= ? AND position < ?"
        )
        with self._guarded(), self._writing:
            with transaction(self._writer):
                keys = self._writer.execute(newer, (base + first, base + end)).fetchall()
                self._writer.executemany(older, [(key, prefix, base, last) for key, prefix, last in keys])
                long_ago = time.time_ns() // 1_000_000 - TOMBSTONE_MS
                self._writer.execute(buried, (long_ago, base, base + end))
                self._writer.execute("UPDATE topics SET cleaned = ? WHERE name = ?", (end, topic))
            self._cleaned[topic] = end

    def _reader(self) -> sqlite3.Connection:
        """A connection of the calling thread's own: no reader waits for another, or for a writer."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = open_file(self._path)
            self._readers.append(connection)
        return connection

    def _read_one(self, query: str, *values: str) -> tuple[Any, ...] | None:
        with self._guarded():
            row: tuple[Any, ...] | None = self._reader().execute(query, values).fetchone()
        return row

    def _notify(self, topics: Iterable[str]) -> None:
        with self._listening:
            woken = {listener: None for topic in topics for listener in self._listeners.get(topic, ())}
        for listener in woken:
            listener()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                raise LogDamaged(self._path, "is damaged") from error
            raise
