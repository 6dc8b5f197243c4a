"""Transactions and reads of a Database, on the engine of the run."""

import asyncio
import gc
import sqlite3
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from apps.auth.errors import Refusal
from apps.storage.database import Database
from apps.storage.tests.counters import COUNTERS, add, names, opened, run
from apps.storage.tests.engines import only_on_sqlite


def test_transaction_is_committed_once_and_counted(tmp_path: Path) -> None:
    """The result comes back, three statements and one commit are counted, BEGIN is not."""

    async def test(database: Database) -> None:
        database.counters.clear()

        async def work(connection: AsyncConnection) -> int:
            await add(connection, "a")
            await add(connection, "b")
            return int(await connection.scalar(sa.select(sa.func.count()).select_from(COUNTERS)) or 0)

        assert await database.transact(work) == 2
        assert dict(database.counters) == {"statements": 3, "commits": 1}
        assert await names(database) == ["a", "b"]
        assert dict(database.counters) == {"statements": 4, "commits": 1}

    run(tmp_path, test)


def test_refusal_rolls_everything_back(tmp_path: Path) -> None:
    """What the work raises reaches the caller; nothing is written and no listener is woken."""

    async def test(database: Database) -> None:
        woken: list[int] = []
        database.on_commit(lambda: woken.append(1))

        async def work(connection: AsyncConnection) -> None:
            await add(connection)
            raise Refusal

        with pytest.raises(Refusal):
            await database.transact(work)
        assert await names(database) == []
        assert woken == []
        assert database.counters["commits"] == 0

    run(tmp_path, test)


@only_on_sqlite
def test_listeners_run_after_the_commit_has_left(tmp_path: Path) -> None:
    """A listener already sees the row through a connection of its own."""

    async def test(database: Database) -> None:
        seen: list[list[Any]] = []

        def look() -> None:
            with sqlite3.connect(tmp_path / "test.sqlite") as other:
                seen.append(other.execute("SELECT name FROM counters").fetchall())
            other.close()

        database.on_commit(look)
        await database.transact(add)
        assert seen == [[("a",)]]

    run(tmp_path, test)


def test_listeners_of_a_table_hear_of_its_writes_only(tmp_path: Path) -> None:
    """The courier is not woken by every commit of a service that seldom mails."""

    async def test(database: Database) -> None:
        heard: list[str] = []
        database.on_commit(lambda: heard.append("counters"), table="counters")
        database.on_commit(lambda: heard.append("others"), table="others")
        for statement in (
            sa.insert(COUNTERS).values(name="a"),
            sa.update(COUNTERS).values(name="b"),
            sa.delete(COUNTERS),
            sa.select(COUNTERS),
        ):
            await database.transact(partial(AsyncConnection.execute, statement=statement))
        assert heard == ["counters"] * 3

    run(tmp_path, test)


def test_lost_race_is_repeated_and_sees_the_winner(tmp_path: Path) -> None:
    """The unique key was taken in between: the repeat finds the row; the failed try wrote nothing."""

    async def test(database: Database) -> None:
        tries = 0

        async def work(connection: AsyncConnection) -> str:
            nonlocal tries
            tries += 1
            if tries > 1:
                return "second look"
            await add(connection, "other")
            await add(connection, "a")
            return "first"

        await database.transact(add)
        assert await database.transact(work) == "second look"
        assert tries == 2
        assert await names(database) == ["a"]
        assert database.counters["commits"] == 2

    run(tmp_path, test)


def test_constraint_that_is_always_broken_is_a_bug(tmp_path: Path) -> None:
    """After three tries the error itself comes out, not an outage."""

    async def test(database: Database) -> None:
        tries: list[int] = []

        async def work(connection: AsyncConnection) -> None:
            tries.append(1)
            await add(connection)

        await database.transact(add)
        with pytest.raises(IntegrityError):
            await database.transact(work)
        assert len(tries) == 3

    run(tmp_path, test)


def test_no_update_is_lost_between_read_and_write(tmp_path: Path) -> None:
    """Forty transactions that read a row to write it, wait and write back add up."""

    async def test(database: Database) -> None:
        await database.transact(add)

        async def increment(connection: AsyncConnection) -> None:
            n = await connection.scalar(sa.select(COUNTERS.c.n).with_for_update())
            await asyncio.sleep(0)
            await connection.execute(COUNTERS.update().values(n=n + 1))

        await asyncio.gather(*(database.transact(increment) for _ in range(40)))
        async with database.reading() as connection:
            assert await connection.scalar(sa.select(COUNTERS.c.n)) == 40

    run(tmp_path, test)


def test_cancelled_caller_leaves_a_whole_transaction(tmp_path: Path) -> None:
    """The caller goes away at any moment: the row and the wake-up are there, the lock is free."""

    async def test(database: Database) -> None:
        woken: list[int] = []
        database.on_commit(lambda: woken.append(1))
        for steps in range(30):
            caller = asyncio.create_task(database.transact(lambda c, name=f"{steps}": add(c, name)))
            for _ in range(steps + 1):
                await asyncio.sleep(0)
            caller.cancel()
            await asyncio.wait([caller])
        while database._running:
            await asyncio.wait(set(database._running))
        assert sorted(await names(database), key=int) == [str(steps) for steps in range(30)]
        assert len(woken) == 30

    run(tmp_path, test)


def test_close_waits_for_a_running_transaction(tmp_path: Path) -> None:
    """What was begun is in the file after close, although nobody waits for it any more."""

    async def main() -> None:
        async with opened(tmp_path) as database:
            caller = asyncio.create_task(database.transact(add))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            caller.cancel()
            await asyncio.wait([caller])
        async with opened(tmp_path) as again:
            assert await names(again) == ["a"]

    asyncio.run(main())


def test_cancelled_reader_leaks_no_connection(tmp_path: Path) -> None:
    """With one connection in the pool, a read works after each of thirty cancelled ones."""

    async def test(database: Database) -> None:
        for steps in range(30):
            reader = asyncio.create_task(names(database))
            for _ in range(steps):
                await asyncio.sleep(0)
            reader.cancel()
            await asyncio.wait([reader])
            assert await names(database) == []

    run(tmp_path, test, pool_size=1)


@only_on_sqlite
def test_sqlite_is_durable_and_strict(tmp_path: Path) -> None:
    """Each connection has write-ahead log, full synchronisation, foreign keys and a busy time-out."""

    async def test(database: Database) -> None:
        async with database.reading() as one, database.reading() as two:
            for connection in (one, two):
                found = [
                    await connection.scalar(sa.text(f"PRAGMA {name}"))
                    for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
                ]
                assert found == ["wal", 2, 1, 5000]

    run(tmp_path, test)


def test_results_of_every_shape(tmp_path: Path) -> None:
    """Rows, counts, generated keys and several rows at once come through the quick cursor."""

    async def test(database: Database) -> None:
        async def work(connection: AsyncConnection) -> list[Any]:
            first = await add(connection, "a")
            await connection.execute(COUNTERS.insert(), [{"name": "b"}, {"name": "c"}])
            changed = await connection.execute(COUNTERS.update().where(COUNTERS.c.id > first).values(n=5))
            deleted = await connection.execute(COUNTERS.delete().where(COUNTERS.c.name == "nobody"))
            rows = (await connection.execute(sa.select(COUNTERS).order_by(COUNTERS.c.id))).all()
            return [first, changed.rowcount, deleted.rowcount, [tuple(row) for row in rows]]

        assert await database.transact(work) == [1, 2, 0, [(1, "a", 0), (2, "b", 5), (3, "c", 5)]]

    run(tmp_path, test)


def test_forgotten_database_does_not_keep_the_process(tmp_path: Path) -> None:
    """A program that ends without close ends."""
    program = f"""
import asyncio
from apps.storage.database import Database
database = Database("sqlite+aiosqlite:///{tmp_path / "x.sqlite"}")
asyncio.run(database.ping())
print("done")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20)
    assert (done.stdout, done.returncode) == ("done\n", 0)


def test_a_refusal_that_nobody_waits_for_is_not_logged(tmp_path: Path) -> None:
    """A client that has gone cancels its request: asyncio would log how the rest ends, with the text."""

    async def test(database: Database) -> None:
        logged: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: logged.append(context))
        is_at_work = asyncio.Event()

        async def work(connection: AsyncConnection) -> None:
            is_at_work.set()
            await asyncio.sleep(0.02)
            raise ValueError("secret")

        caller = asyncio.create_task(database.transact(work))
        await is_at_work.wait()
        caller.cancel()
        await asyncio.wait([caller])
        while database._running:
            await asyncio.wait(list(database._running))
        del caller  # whose traceback holds the transaction
        gc.collect()
        assert logged == []

    run(tmp_path, test)
