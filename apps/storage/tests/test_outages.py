"""What a Database says of an engine that fails, is slow, or is not there."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from apps.storage import database as database_module
from apps.storage import sqlite
from apps.storage.database import Database
from apps.storage.errors import StorageUnavailable
from apps.storage.tests.counters import add, names, run
from apps.storage.tests.engines import only_on_sqlite


def test_deadline_frees_the_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that hangs is an outage for its caller and not for the next one."""
    monkeypatch.setattr(database_module, "TRANSACTION_SECONDS", 0.05)

    async def test(database: Database) -> None:
        async def hang(connection: AsyncConnection) -> None:
            await add(connection, "lost")
            await asyncio.Event().wait()

        with pytest.raises(StorageUnavailable):
            await database.transact(hang)
        monkeypatch.setattr(database_module, "TRANSACTION_SECONDS", 5.0)
        await database.transact(add)
        assert await names(database) == ["a"]

    run(tmp_path, test)


def test_exhausted_pool_is_an_outage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that finds no free connection in time gives up; later ones are served."""
    monkeypatch.setattr(database_module, "CONNECT_SECONDS", 0.05)

    async def test(database: Database) -> None:
        async with database.reading():
            with pytest.raises(StorageUnavailable):
                await names(database)
        assert await names(database) == []

    run(tmp_path, test, pool_size=1)


@only_on_sqlite
def test_foreign_writer_is_waited_for_then_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process holds the write lock: three tries, then an outage; reads go on meanwhile."""
    monkeypatch.setattr(sqlite, "_PRAGMAS", ("PRAGMA busy_timeout=1", *sqlite._PRAGMAS[1:]))

    async def test(database: Database) -> None:
        await database.transact(add)
        other = sqlite3.connect(tmp_path / "test.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageUnavailable) as caught:
            await database.transact(lambda connection: add(connection, "b"))
        assert caught.value.retry_after_seconds == 1
        assert await names(database) == ["a"]
        other.close()
        await database.transact(lambda connection: add(connection, "b"))
        assert await names(database) == ["a", "b"]

    run(tmp_path, test)


@only_on_sqlite
def test_full_disk_is_an_outage(tmp_path: Path) -> None:
    """No false success: the transaction is refused, and works once there is room."""

    async def test(database: Database) -> None:
        async def fill(connection: AsyncConnection) -> None:
            await connection.execute(sa.text("PRAGMA max_page_count=1"))
            await connection.execute(sa.text("CREATE TABLE big AS SELECT randomblob(100000) AS b"))

        with pytest.raises(StorageUnavailable):
            await database.transact(fill)
        await database.transact(lambda c: c.execute(sa.text("PRAGMA max_page_count=1000000")))
        await database.transact(add)
        assert await names(database) == ["a"]

    run(tmp_path, test, pool_size=1)


@pytest.mark.parametrize("content", [None, b"this is no database, whatever its name says" * 99])
def test_unusable_file_is_an_outage(tmp_path: Path, content: bytes | None) -> None:
    """A folder that is missing, a file that is no database: reads, writes and ping all say so."""
    path = tmp_path / "missing" / "x.sqlite" if content is None else tmp_path / "x.sqlite"
    if content is not None:
        path.write_bytes(content)

    async def main() -> None:
        database = Database(f"sqlite+aiosqlite:///{path}")
        for attempt in (database.ping, lambda: names(database), lambda: database.transact(add)):
            with pytest.raises(StorageUnavailable):
                await attempt()
        await database.close()

    asyncio.run(main())


def test_bug_stays_a_bug(tmp_path: Path) -> None:
    """Wrong SQL is neither repeated nor called an outage."""

    async def test(database: Database) -> None:
        with pytest.raises(DBAPIError, match=r"no such table|doesn't exist"):
            await database.transact(lambda c: c.execute(sa.text("SELECT * FROM nowhere")))
        with pytest.raises(DBAPIError, match=r"no such table|doesn't exist"):
            async with database.reading() as connection:
                await connection.execute(sa.text("SELECT * FROM nowhere"))

    run(tmp_path, test)


def test_unreachable_mysql_is_an_outage() -> None:
    """Nothing listens: ping, read and write fail at once, and alike."""

    async def main() -> None:
        database = Database("mysql+aiomysql://user:secret@127.0.0.1:1/signup_db")
        assert (database.dialect, database.url) == (
            "mysql",
            "mysql+aiomysql://user:secret@127.0.0.1:1/signup_db",
        )
        for attempt in (database.ping, lambda: database.transact(add)):
            with pytest.raises(StorageUnavailable):
                await attempt()
        await database.close()

    asyncio.run(main())


@pytest.mark.parametrize("limits", [("READING_SECONDS", "TRANSACTION_SECONDS"), ("CONNECT_SECONDS",)])
def test_silent_mysql_is_given_up(limits: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes the connection and never says a word costs no more than the deadline.

    Nor more than connecting may take: so a route behaves whose server has just died.
    """
    for limit in limits:
        monkeypatch.setattr(database_module, limit, 0.1)

    async def main() -> None:
        writers: list[asyncio.StreamWriter] = []
        server = await asyncio.start_server(lambda _, writer: writers.append(writer), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        database = Database(f"mysql+aiomysql://user:secret@127.0.0.1:{port}/signup_db")
        for attempt in (database.ping, lambda: database.transact(add)):
            async with asyncio.timeout(2):
                with pytest.raises(StorageUnavailable):
                    await attempt()
        await database.close()
        for writer in writers:
            writer.close()
        server.close()

    asyncio.run(main())
