"""A database with one small table, for the tests of what a Database does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from apps.storage.database import Database
from apps.storage.tests.engines import open_database

METADATA = sa.MetaData()
COUNTERS = sa.Table(
    "counters",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(20), unique=True),
    sa.Column("n", sa.Integer, nullable=False, server_default="0"),
)


@asynccontextmanager
async def opened(path: Path, **options: Any) -> AsyncIterator[Database]:
    database = open_database(path, "test", **options)
    try:
        async with database.engine.begin() as connection:
            await connection.run_sync(METADATA.create_all)
        yield database
    finally:
        await database.close()


def run(path: Path, test: Callable[[Database], Awaitable[None]], **options: Any) -> None:
    async def main() -> None:
        async with opened(path, **options) as database:
            await test(database)

    asyncio.run(main())


async def add(connection: AsyncConnection, name: str = "a") -> int:
    done = await connection.execute(COUNTERS.insert().values(name=name))
    return int(done.inserted_primary_key[0])


async def names(database: Database) -> list[str]:
    async with database.reading() as connection:
        return list(await connection.scalars(sa.select(COUNTERS.c.name).order_by(COUNTERS.c.id)))
