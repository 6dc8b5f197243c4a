"""The sources: changes that captured files have noted become records, together with how far they were read.

    progress of a source    {"file": identity of the captured file, "pos": position of the last change read}

The records and the progress behind them are one commit in the durable log: after a crash a source goes on
exactly where its records end.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice

from containers.connector_files.settings import SourceSettings
from containers.embedded import capture
from containers.embedded.captured import CapturedCollection, CapturedTable
from containers.embedded.converter import context_headers
from containers.embedded.log import DurableLog, NewRecord
from containers.embedded.table_shape import read_shape, table_names

BATCH_CHANGES = 500
SAVED_EVERY = 500
"""Changes that make no record cost no commit of their own: their progress is noted with a later one's."""


class PositionLost(Exception):
    """The changes that come next are no longer there."""

    def __init__(self) -> None:
        super().__init__(
            "The connector is trying to read changes starting at its stored offset, but this is no longer "
            "available on the server. Reconfigure the connector to use a snapshot when needed."
        )


class Source:
    """The task of one source connector."""

    def __init__(self, settings: SourceSettings, log: DurableLog, connection: sqlite3.Connection) -> None:
        self._settings, self._log, self._connection = settings, log, connection
        self._headers = context_headers(
            settings.prefix, "mysql" if settings.collection is None else "mongodb"
        )
        capture.prepare_file(connection)
        self._file = capture.identity(connection)
        self._captured: dict[str, CapturedTable | CapturedCollection] = {}
        self._position: int | None = None
        self._saved = 0
        self.attach()
        if settings.snapshot != "always":
            self._resume()

    @property
    def topics(self) -> list[str]:
        """The topics that it writes to."""
        return [captured.topic for captured in self._captured.values()]

    @property
    def saved(self) -> int:
        """The position up to which it does not need the noted changes any more."""
        return self._saved

    @property
    def lag(self) -> int:
        """How many changes are still to be read; 0 before the snapshot."""
        if self._position is None:
            return 0
        return capture.count_changes(self._connection, after=self._position, sources=list(self._captured))

    def attach(self) -> None:
        """Capture the tables that are there now, as they are now; again after each migration."""
        self._captured = {captured.name: captured for captured in self._find()}
        for captured in self._captured.values():
            captured.install()
            self._log.create_topic(captured.topic)

    def step(self) -> tuple[bool, bool]:
        """Read one batch: whether it made records, and whether there may be more.

        Raises:
            sqlite3.Error: the database cannot be read just now.
        """
        if not self._captured:
            self.attach()
        if not self._captured:
            return False, False  # its tables are still to be made
        if self._position is None:
            self._begin()
            return True, True
        if self._settings.snapshot == "initial_only":
            return False, False
        return self._stream(self._position)

    def close(self) -> None:
        """Note how far it has read."""
        if self._position is not None and self._position > self._saved:
            self._save([], self._position, 0)

    def _stream(self, position: int) -> tuple[bool, bool]:
        changes = capture.read_changes(
            self._connection, after=position, sources=list(self._captured), limit=BATCH_CHANGES
        )
        if not changes:
            return False, False
        records = [record for change in changes for record in self._captured[change.source].records(change)]
        last = changes[-1]
        if records or last.position - self._saved >= SAVED_EVERY:
            self._save(records, last.position, last.ts_ms)
        self._position = last.position
        return bool(records), len(changes) == BATCH_CHANGES

    def _find(self) -> Iterator[CapturedTable | CapturedCollection]:
        settings, headers, connection = self._settings, self._headers, self._connection
        if settings.collection is not None:
            yield CapturedCollection(settings.collection, settings, headers, connection)
            return
        for name in table_names(connection):
            shape = read_shape(connection, name) if settings.captures(name) else None
            if shape is not None:
                yield CapturedTable(shape, settings, headers, connection)

    def _resume(self) -> None:
        noted = self._log.progress(self._settings.name)
        if noted is None:
            return
        position, newest = noted["pos"], capture.newest_position(self._connection)
        if (
            noted["file"] == self._file
            and capture.oldest_position(self._connection) - 1 <= position <= newest
        ):
            self._position = self._saved = position
        elif self._settings.snapshot != "when_needed":
            raise PositionLost

    def _begin(self) -> None:
        """The snapshot, if one is asked for: every row as it stands, in one commit with the position."""
        self._connection.execute("BEGIN")  # rows and position from one state of the file
        try:
            position = capture.newest_position(self._connection)
            tables = self._captured.values() if self._settings.snapshot != "no_data" else ()
            self._save((record for table in tables for record in table.snapshot()), position, 0)
        finally:
            self._connection.execute("ROLLBACK")
        self._position = position

    def _save(self, records: Iterable[NewRecord], position: int, ts_ms: int) -> None:
        remaining = iter(records)
        with self._log.writing() as writer:
            while batch := list(islice(remaining, BATCH_CHANGES)):
                writer.append(batch)
            state = {"ts_sec": ts_ms // 1000, "file": self._file, "pos": position}
            writer.note_progress(self._settings.name, state)
        self._saved = position
