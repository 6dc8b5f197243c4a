"""One SQL database: a pool, write transactions that are repeated when they lose a race, and reads."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from apps.storage import sqlite
from apps.storage.faults import Fault, judge, outages
from apps.storage.urls import read_database_url

T = TypeVar("T")

ATTEMPTS = 3
TRANSACTION_SECONDS = 10.0
READING_SECONDS = 5.0
CONNECT_SECONDS = 3
_BEGIN = "BEGIN IMMEDIATE"
_WRITTEN = "tables written in this transaction"

# READ COMMITTED: a guarded write sees what the winner of a race has committed, and locks no gaps.
# A statement that waits longer than these gives up before the transaction's own deadline.
_MYSQL_SESSION = (
    "SET SESSION time_zone='+00:00', transaction_isolation='READ-COMMITTED', "
    "innodb_lock_wait_timeout=3, max_execution_time=5000"
)


class Database:
    """A database that services write to in transactions and read from without them.

    Args:
        url: `mysql+aiomysql://user:password@host:port/name` or `sqlite+aiosqlite:///path`.
        pool_size: connections kept at most; a caller waits up to 3 s for a free one.

    Raises:
        DatabaseURLInvalid: the URL is no such one; the message does not repeat it.
    """

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        self._url = read_database_url(url)
        self.counters: Counter[str] = Counter()
        self._engine = _create_engine(self._url, pool_size)
        self._listeners: list[tuple[Callable[[], None], str | None]] = []
        self._running: set[asyncio.Task[Any]] = set()
        # SQLite has one writer: queueing here is fair and immediate, waiting for its lock is neither.
        self._write_lock = asyncio.Lock() if self.dialect == "sqlite" else None
        event.listen(self._engine.sync_engine, "before_cursor_execute", self._note_statement)

    @property
    def url(self) -> str:
        """The address of the database, with its password."""
        return self._url.render_as_string(hide_password=False)

    @property
    def dialect(self) -> str:
        """ "mysql" or "sqlite"."""
        return self._url.get_backend_name()

    @property
    def engine(self) -> AsyncEngine:
        """SQLAlchemy's engine, for the migrations."""
        return self._engine

    def on_commit(self, listener: Callable[[], None], *, table: str | None = None) -> None:
        """Call `listener` in the loop after each transaction of `transact` that was committed.

        table: only after those that have sent an INSERT, UPDATE or DELETE to this table.
        """
        self._listeners.append((listener, table))

    async def transact(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run `work` in one write transaction and commit it once.

        `work` is run again, at most three times in all, when it loses a race: deadlock, lock wait,
        SQLite busy, or a unique key that someone else took first (the repeat then sees the winner).
        A transaction that has begun runs to its end even if the caller is cancelled.

        Raises:
            StorageUnavailable: connection lost, read-only member, full disk, deadline, races lost.
            IntegrityError: `work` broke a constraint each time.
        """
        task = asyncio.create_task(self._transact(work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        task.add_done_callback(_taken_note_of)
        return await asyncio.shield(task)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read from: no write lock, no commit; each statement sees the newest commit.

        Raises:
            StorageUnavailable: the database cannot be read, or the block lasts over 5 s.
        """
        with outages():
            async with asyncio.timeout(READING_SECONDS), self._engine.connect() as connection:
                yield connection

    async def ping(self) -> None:
        """Raise StorageUnavailable unless the database answers."""
        async with self.reading() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Wait for running transactions, then close every connection."""
        if self._running:
            await asyncio.wait(self._running)
        await self._engine.dispose()

    async def _transact(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        with outages():
            async with asyncio.timeout(TRANSACTION_SECONDS):
                return await self._attempt_until_won(work)
        raise AssertionError("outages() lets every error out")

    async def _attempt_until_won(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                result, written = await self._attempt(work)
            except DBAPIError as error:
                if judge(error) is not Fault.RACE or attempt == ATTEMPTS:
                    raise
                await asyncio.sleep(random.uniform(0.001, 0.02) * attempt)  # noqa: S311 - only spreads rivals
                continue
            for listener, table in self._listeners:
                if table is None or table in written:
                    listener()
            return result
        raise AssertionError("the last attempt returns or raises")

    async def _attempt(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> tuple[T, set[str]]:
        if self._write_lock is None:
            return await self._commit(work)
        async with self._write_lock:
            return await self._commit(work)

    async def _commit(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> tuple[T, set[str]]:
        async with self._engine.connect() as connection:
            written: set[str] = set()
            connection.info[_WRITTEN] = written
            try:
                async with connection.begin():
                    if self.dialect == "sqlite":
                        await connection.exec_driver_sql(_BEGIN)
                    result = await work(connection)
            except DBAPIError as error:
                if judge(error) is Fault.OUTAGE:
                    # A member that became read-only keeps its connections: never hand this one out again.
                    with suppress(Exception):
                        await connection.invalidate()
                raise
        self.counters["commits"] += 1
        return result, written

    def _note_statement(
        self, connection: Connection, _cursor: Any, statement: str, _parameters: Any, context: Any, _: bool
    ) -> None:
        if statement is not _BEGIN:
            self.counters["statements"] += 1
        if context.isinsert or context.isupdate or context.isdelete:
            connection.info.setdefault(_WRITTEN, set()).add(context.compiled.statement.table.name)


def _taken_note_of(task: asyncio.Task[Any]) -> None:
    """A caller that was cancelled asks for no result, and asyncio would log the error with its text."""
    if not task.cancelled():
        task.exception()


async def _connect_to_mysql(**arguments: Any) -> Any:
    """A connection, or TimeoutError.

    aiomysql's own connect_timeout ends with TCP's part: a route takes the connection to a server that has
    just died, and then nobody says anything.
    """
    import aiomysql  # only where MySQL is: it takes a tenth of a second

    async with asyncio.timeout(CONNECT_SECONDS):
        return await aiomysql.connect(**arguments)


def _create_engine(url: URL, pool_size: int) -> AsyncEngine:
    pool: dict[str, Any] = {"pool_size": pool_size, "max_overflow": 0, "pool_timeout": CONNECT_SECONDS}
    if path := url.get_backend_name() == "sqlite" and url.database:
        return create_async_engine(url, async_creator=lambda: sqlite.connect(path), **pool)
    arguments = {
        "async_creator_fn": _connect_to_mysql,
        "charset": "utf8mb4",
        "init_command": _MYSQL_SESSION,
    }
    return create_async_engine(
        url,
        connect_args=arguments,
        pool_recycle=300,
        pool_pre_ping=True,
        # For MySQL SQLAlchemy takes a join for a cartesian product when its ON clause compares with values
        # only (its compiler's visit_join). The same statements are still looked through on SQLite.
        enable_from_linting=False,
        **pool,
    )
