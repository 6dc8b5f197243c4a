"""The engine: one thread that carries changes from database to topic to database until all is quiet.

    wake("login_db") -> loginconnector reads the changes -> topic login_db.users, one commit with its offset
                     -> resetpassword-sink-connector writes the rows, one commit with its offset
                     -> rpwd_db has changed: resetpasswordconnector is next, and so on

Nothing is polled: the thread sleeps until it is woken, or until a failed task is due for its restart.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar

import structlog

from containers.connector_files.settings import SinkSettings
from containers.embedded import capture
from containers.embedded.connector import Connector
from containers.embedded.files import open_file
from containers.embedded.log import DurableLog, LogDamaged
from containers.embedded.sources import Source

T = TypeVar("T")

TRIM_EVERY = 1000
"""Noted changes that have been read are removed in bulk, when no one waits."""

_log = structlog.get_logger()


class Engine:
    """Steps the connectors in its own thread; `connectors` and `files` belong to that thread.

    `submit` and `call` run something there, between two batches.
    """

    def __init__(self, log: DurableLog, databases: Mapping[str, Path]) -> None:
        self.connectors: dict[str, Connector] = {}
        self.files: dict[str, sqlite3.Connection] = {}
        self._log, self._databases = log, databases
        self._inbox: SimpleQueue[str | Callable[[], None]] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._due: dict[str, None] = {}
        self._trimmed: dict[str, int] = {}
        self._settling: list[Future[None]] = []
        self._is_stopping = False

    def start(self) -> None:
        """Open the files and start the thread.

        Raises:
            sqlite3.DatabaseError: a database file cannot be opened.
        """
        try:
            for name, path in self._databases.items():
                self.files[name] = open_file(path)
                capture.prepare_file(self.files[name])
        except sqlite3.Error:
            self._close_files()
            raise
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="connect", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the running batch; what is left is carried after the next start."""
        if self._thread is not None:
            self._inbox.put(self._note_stop)
            self._thread.join()
            self._thread = None

    def wake(self, database: str) -> None:
        """A database has changed. Never blocks; may be called from the event loop."""
        self._inbox.put(database)

    def submit(self, work: Callable[[], T]) -> "Future[T]":
        """Run `work` in the engine's thread."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(work())
            except Exception as error:
                future.set_exception(error)

        self._inbox.put(run)
        return future

    def call(self, work: Callable[[], T]) -> T:
        """Run `work` in the engine's thread and return what it returns."""
        if self._thread is None:
            raise RuntimeError("the engine is not running")
        return self.submit(work).result()

    def settled(self) -> "Future[None]":
        """Done once every change has arrived and no restart is due."""
        future: Future[None] = Future()
        self._inbox.put(lambda: self._settling.append(future))
        return future

    def have_due(self, names: Iterable[str]) -> None:
        """Step these connectors next."""
        self._due.update(dict.fromkeys(names))

    def sources_of(self, database: str) -> list[str]:
        """The source connectors that read a database."""
        return [
            name
            for name, connector in self.connectors.items()
            if connector.database == database and connector.type == "source"
        ]

    def sinks_of(self, topics: Iterable[str]) -> list[str]:
        """The sink connectors that read any of these topics."""
        wanted = set(topics)
        return [
            name
            for name, connector in self.connectors.items()
            if isinstance(connector.settings, SinkSettings) and wanted.intersection(connector.settings.topics)
        ]

    def _run(self) -> None:
        while not self._is_stopping:
            if not self._advance():
                self._take(self._seconds_to_restart())
            self._take_all()
        for connector in self.connectors.values():
            connector.close()
        self._close_files()

    def _advance(self) -> bool:
        """Do one batch of something; False: there is nothing to do."""
        now = time.monotonic()
        self.have_due(name for name, at in self._restarts().items() if at <= now)
        if self._due:
            name = next(iter(self._due))
            del self._due[name]
            if name in self.connectors:
                self._step(name, self.connectors[name])
            return True
        if self._tidy():
            return True
        if not self._restarts():
            while self._settling:
                self._settling.pop().set_result(None)
        return False

    def _step(self, name: str, connector: Connector) -> None:
        outcome = connector.step()
        if outcome.more:
            self.have_due([name])
        if not outcome.wrote:
            return
        if isinstance(connector.task, Source):
            self.have_due(self.sinks_of(connector.task.topics))
        elif connector.database is not None:
            self.have_due(self.sources_of(connector.database))

    def _restarts(self) -> dict[str, float]:
        return {
            name: connector.retry_at
            for name, connector in self.connectors.items()
            if connector.retry_at is not None and connector.target == "STARTED"
        }

    def _seconds_to_restart(self) -> float | None:
        restarts = self._restarts().values()
        return max(0.0, min(restarts) - time.monotonic()) if restarts else None

    def _take(self, timeout_seconds: float | None) -> None:
        try:
            message = self._inbox.get(timeout=timeout_seconds)
        except Empty:
            return
        if isinstance(message, str):
            self.have_due(self.sources_of(message))
        else:
            message()

    def _take_all(self) -> None:
        while not self._inbox.empty():
            self._take(None)

    def _note_stop(self) -> None:
        self._is_stopping = True

    def _tidy(self) -> bool:
        """Remove a slice of what nobody needs any more; whether there was any."""
        try:
            return any([self._trim(database) for database in self.files]) or self._log.compact()
        except (sqlite3.Error, LogDamaged) as error:
            _log.warning("clearing up failed", cause=str(error))
            return False

    def _trim(self, database: str) -> bool:
        tasks = [self.connectors[name].task for name in self.sources_of(database)]
        if not tasks or not all(isinstance(task, Source) for task in tasks):
            return False
        read = min(task.saved for task in tasks if isinstance(task, Source))
        if read - self._trimmed.get(database, 0) < TRIM_EVERY:
            return False
        if capture.trim(self.files[database], up_to=read):
            return True
        self._trimmed[database] = read
        return False

    def _close_files(self) -> None:
        for connection in self.files.values():
            connection.close()
        self.files.clear()
