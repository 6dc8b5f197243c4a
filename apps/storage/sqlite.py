"""SQLite connections that cost one thread hop a statement.

aiosqlite hands every step (cursor, execute, fetch, close, rollback of nothing) to its thread; here
execute brings its rows along and the other steps stay in the loop. Measured: see README.md.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import aiosqlite

T = TypeVar("T")

BUSY_TIMEOUT_MS = 5000
OPENING_ATTEMPTS = 50
OPENING_PAUSE_SECONDS = 0.02

# FULL: a commit that was acknowledged survives a power cut.
_PRAGMAS = (
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
)


def connect(path: str) -> "Connection":
    """An aiosqlite connection to the file at `path` (awaitable), with the PRAGMAs set once.

    No transaction is begun implicitly (isolation_level None): the caller says BEGIN IMMEDIATE.
    """

    def open_file() -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            for pragma in _PRAGMAS:
                _settle(connection, pragma)
        except BaseException:
            connection.close()
            raise
        return connection

    return Connection(open_file)


def _settle(connection: sqlite3.Connection, pragma: str) -> None:
    """Run a PRAGMA, again while another process opens the same new file.

    The change to WAL needs the whole file, and SQLite answers BUSY at once where waiting could deadlock
    (sqlite.org/wal.html, "Sometimes Queries Return SQLITE_BUSY In WAL Mode"), whatever busy_timeout says.
    """
    for attempt in range(1, OPENING_ATTEMPTS + 1):
        try:
            connection.execute(pragma)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or attempt == OPENING_ATTEMPTS:
                raise
            threading.Event().wait(OPENING_PAUSE_SECONDS)
        else:
            return


class Connection(aiosqlite.Connection):
    """aiosqlite's connection with cursors that fetch as they execute; there is no streaming."""

    def __init__(self, open_file: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(self._open, iter_chunk_size=64)
        self._open_file = open_file
        self._opened: sqlite3.Connection | None = None
        self._stopped: asyncio.Future[Any] | None = None
        # A database that nobody closed must not keep the process from ending.
        self._thread.daemon = True

    def _open(self) -> sqlite3.Connection:
        self._opened = self._open_file()
        return self._opened

    def cursor(self) -> "Cursor":  # type: ignore[override]
        return Cursor(self)

    def stop(self) -> asyncio.Future[Any] | None:
        self._stopped = super().stop()
        return self._stopped

    async def _connect(self) -> "Connection":
        try:
            await super()._connect()
        except BaseException:
            # aiosqlite does not wait for its thread here, which then may outlive the loop and fail in it,
            # and forgets the file that was opened for a caller who had gone away.
            if self._stopped is not None:
                await self._stopped
            if self._opened is not None:
                self._opened.close()
            raise
        return self

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call `function` in the connection's thread."""
        result: T = await self._execute(function, *arguments)  # type: ignore[no-untyped-call]
        return result

    async def rollback(self) -> None:
        # The pool rolls back every connection that is returned; mostly there is nothing to roll back.
        if self._conn.in_transaction:
            await super().rollback()


class Cursor:
    """The part of a cursor that SQLAlchemy's adapter uses."""

    arraysize = 1

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._cursor: sqlite3.Cursor | None = None
        self._rows: list[Any] = []

    async def __aenter__(self) -> "Cursor":
        return self

    async def execute(self, operation: str, parameters: Iterable[Any] = ()) -> "Cursor":
        self._cursor, self._rows = await self._connection.run(self._run, operation, parameters)
        return self

    async def executemany(self, operation: str, parameters: Iterable[Iterable[Any]]) -> "Cursor":
        connection = self._connection._conn
        self._cursor = await self._connection.run(connection.executemany, operation, parameters)
        return self

    async def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        self._rows = []

    @property
    def description(self) -> Any:
        return None if self._cursor is None else self._cursor.description

    @property
    def rowcount(self) -> int:
        return -1 if self._cursor is None else self._cursor.rowcount

    @property
    def lastrowid(self) -> int | None:
        return None if self._cursor is None else self._cursor.lastrowid

    def _run(self, operation: str, parameters: Iterable[Any]) -> tuple[sqlite3.Cursor, list[Any]]:
        cursor = self._connection._conn.execute(operation, tuple(parameters))
        return cursor, cursor.fetchall() if cursor.description else []
