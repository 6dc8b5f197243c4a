"""Brings a database to the newest schema at start, under a lock, and compares schemas for the tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, MetaData, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from apps.storage.database import Database
from apps.storage.errors import SchemaUnknown, StorageUnavailable
from apps.storage.faults import Fault, judge, outages

if TYPE_CHECKING:
    from alembic.config import Config

DatabaseName = Literal["signup", "login", "reset_password"]

_SCRIPTS = Path(__file__).parent / "migrations"
_LOCK_ROUNDS = 20  # of 3 s each: longer than any migration of an empty or a small database

# Alembic's `op` and `context` are module globals: two migrations in one loop would mix them up.
_alembic_locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


async def migrate(database: Database, name: DatabaseName) -> None:
    """Run the scripts of `name` that `database` has not seen yet.

    Any number of processes may start at once: one migrates, the others wait. A database that is
    already at the newest script costs one SELECT and does not import Alembic.

    Raises:
        StorageUnavailable: the database cannot be reached, or another process holds the lock for a minute.
        SchemaUnknown: a newer program has migrated it.
    """
    with outages():
        async with database.engine.connect() as connection:
            revision = await _revision(connection)
        if revision == newest_revision(name):
            return
        if revision is not None and revision not in _revisions(name):
            raise SchemaUnknown(name, revision)
        lock = _alembic_locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())
        async with lock, database.engine.connect() as connection, _locked(connection, name):
            await connection.run_sync(_upgrade, name)


def newest_revision(name: DatabaseName) -> str:
    """The number of the newest script of `name`, from its file name: 0001_first_tables.py is "0001"."""
    return max(_revisions(name))


def alembic_config(name: DatabaseName) -> "Config":
    """Alembic's configuration for the scripts of `name`, without a file."""
    from alembic.config import Config

    config = Config()
    # "newline" is the one separator that no path holds; % would be interpolated.
    config.set_main_option("path_separator", "newline")
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("version_locations", str(_SCRIPTS / name).replace("%", "%%"))
    return config


async def schema_difference(database: Database, metadata: MetaData) -> list[str]:
    """Say in which ways `metadata` differs from the tables of `database`; empty where they agree.

    Compares tables, columns with their order, types, nullability and defaults, unique keys and indexes.
    Tables whose name begins with an underscore belong to the engine, not to the service.
    """
    async with database.engine.connect() as connection:
        return await connection.run_sync(_compare, metadata)


def _revisions(name: DatabaseName) -> set[str]:
    return {path.name.partition("_")[0] for path in (_SCRIPTS / name).glob("[0-9]*.py")}


def _compare(connection: Connection, metadata: MetaData) -> list[str]:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    def is_ours(_object: Any, name: str | None, kind: str, *_: Any) -> bool:
        return kind != "table" or not (name or "").startswith("_")

    options = {"compare_type": True, "compare_server_default": True, "include_object": is_ours}
    context = MigrationContext.configure(connection, opts=options)
    found = [str(difference) for difference in compare_metadata(context, metadata)]
    for table in metadata.sorted_tables:
        present = [c["name"] for c in inspect(connection).get_columns(table.name)] if not found else []
        if present and present != table.columns.keys():
            found.append(f"column order of {table.name}: {', '.join(present)}")
    return found


def _upgrade(connection: Connection, name: DatabaseName) -> None:
    from alembic import command

    config = alembic_config(name)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


async def _revision(connection: AsyncConnection) -> str | None:
    try:
        found: str | None = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    except DBAPIError as error:
        if judge(error) is not Fault.BUG:
            raise
        return None  # no such table: nothing has been migrated yet
    return found


@asynccontextmanager
async def _locked(connection: AsyncConnection, name: DatabaseName) -> AsyncIterator[None]:
    """Hold the migration lock; on SQLite this is the one transaction that the whole migration is."""
    if connection.dialect.name == "sqlite":
        async with connection.begin():
            await connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield
        return
    key = {"key": f"quartet.migrate.{name}"}
    for _ in range(_LOCK_ROUNDS):
        if await connection.scalar(text("SELECT GET_LOCK(:key, 3)"), key) == 1:
            break
    else:
        raise StorageUnavailable
    try:
        yield
        await connection.commit()
    finally:
        await connection.execute(text("SELECT RELEASE_LOCK(:key)"), key)
