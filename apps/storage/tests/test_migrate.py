"""The migrations make the schemas that the services rely on, once, and under a lock."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from apps.storage.audit import audit_table
from apps.storage.errors import SchemaUnknown
from apps.storage.migrate import DatabaseName, alembic_config, migrate, newest_revision, schema_difference
from apps.storage.tests.engines import only_on_sqlite, open_database

NAMES: tuple[DatabaseName, ...] = ("signup", "login", "reset_password")
USERS = (
    "id email password fullName address phoneNo gender userRole User_status reason_for_inactive "
    "firstvisit last_changed_PW regDate auth_token pw_version"
)
OUTBOX = (
    "id kind recipient params state attempts created_at next_attempt_at leased_until sent_at expires_at "
    "message_id last_error"
)
AUDIT = "id happened_at event user_id address_key client request_id"
SUSPENSIONS = "id email user_id reason suspended_at suspended_until lifted_at"
TABLES: dict[DatabaseName, dict[str, str]] = {
    "signup": {"users": USERS, "suspended_users": SUSPENSIONS, "outbox": OUTBOX, "audit": AUDIT},
    "login": {
        "users": USERS,
        "suspended_users": f"{SUSPENSIONS} pw_version",
        "sessions": "id user_id pw_version issued_at expires_at",
        "login_failures": "user_id failures updated_at",
        "login_attempts": "id address_key client failed_at",
        "outbox": OUTBOX,
        "audit": AUDIT,
    },
    "reset_password": {
        "users": "id email password chosen_version last_changed_PW User_status auth_token pw_version",
        "reset_links": "id user_id pw_version created_at expires_at used_at killed_at",
        "outbox": OUTBOX,
        "audit": AUDIT,
    },
}
UNIQUE = {("signup", "users"): [["email"]], ("login", "login_attempts"): [["address_key", "client"]]}


def reflect(connection: sa.Connection) -> dict[str, sa.Table]:
    metadata = sa.MetaData()
    metadata.reflect(connection)
    return dict(metadata.tables)


@pytest.mark.parametrize("name", NAMES)
def test_tables_columns_and_unique_keys(tmp_path: Path, name: DatabaseName) -> None:
    """Each database has exactly its tables, with the columns in the order of the change events."""

    async def made() -> dict[str, sa.Table]:
        database = open_database(tmp_path, name)
        await migrate(database, name)
        async with database.reading() as connection:
            tables = await connection.run_sync(reflect)
        await database.close()
        return tables

    tables = asyncio.run(made())
    assert tables.pop("alembic_version").columns.keys() == ["version_num"]
    assert {table: " ".join(columns.columns.keys()) for table, columns in tables.items()} == TABLES[name]
    for table in tables.values():
        # SQLite tells a unique key as a constraint, MySQL as an index.
        keys = [*table.constraints, *(index for index in table.indexes if index.unique)]
        unique = [key.columns.keys() for key in keys if isinstance(key, sa.UniqueConstraint | sa.Index)]
        assert unique == UNIQUE.get((name, table.name), [])


@pytest.mark.parametrize(("name", "table"), [("login", "users"), ("signup", "suspended_users")])
def test_sink_filled_rows_need_only_an_id(tmp_path: Path, name: DatabaseName, table: str) -> None:
    """A sink may bring any part of the columns: everything else is nullable or has a default."""

    async def inserted() -> str:
        database = open_database(tmp_path, name)
        await migrate(database, name)
        await database.transact(lambda c: c.execute(sa.text(f"INSERT INTO {table} (id) VALUES (7)")))
        async with database.reading() as connection:
            email = await connection.scalar(sa.text(f"SELECT email FROM {table} WHERE id = 7"))
        await database.close()
        return str(email)

    assert asyncio.run(inserted()) == ""


def test_concurrent_starts_migrate_once(tmp_path: Path) -> None:
    """Three databases, each started twice in one loop, end complete and with one version row."""

    async def rows() -> list[int]:
        pairs = [(open_database(tmp_path, name), name) for name in NAMES for _ in range(2)]
        await asyncio.gather(*(migrate(database, name) for database, name in pairs))
        counts = []
        for database, _ in pairs:
            async with database.reading() as connection:
                counts.append(await connection.scalar(sa.text("SELECT count(*) FROM alembic_version")))
            await database.close()
        return counts

    assert asyncio.run(rows()) == [1] * 6


@only_on_sqlite
def test_newest_database_needs_no_alembic(tmp_path: Path) -> None:
    """The second start neither imports Alembic nor waits for a writer that holds the lock."""

    async def first() -> None:
        database = open_database(tmp_path, "login")
        await migrate(database, "login")
        await database.close()

    asyncio.run(first())
    program = f"""
import asyncio, sqlite3, sys
from apps.storage.database import Database
from apps.storage.migrate import migrate
writer = sqlite3.connect({str(tmp_path / "login.sqlite")!r}, isolation_level=None)
writer.execute("BEGIN IMMEDIATE")
async def second():
    database = Database("sqlite+aiosqlite:///{tmp_path / "login.sqlite"}")
    await migrate(database, "login")
    await database.close()
asyncio.run(second())
writer.close()
print("alembic" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_a_newer_schema_is_left_alone(tmp_path: Path) -> None:
    """An older program refuses it by its database and revision."""

    async def refused() -> SchemaUnknown:
        database = open_database(tmp_path, "login")
        await migrate(database, "login")
        await database.transact(
            lambda c: c.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
        )
        with pytest.raises(SchemaUnknown) as refusal:
            await migrate(database, "login")
        await database.close()
        return refusal.value

    refusal = asyncio.run(refused())
    assert (refusal.name, refusal.revision) == ("login", "9999")


@pytest.mark.parametrize("name", NAMES)
def test_file_names_tell_the_revisions(name: DatabaseName) -> None:
    """The fast path reads the newest revision from file names; Alembic agrees with it."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(alembic_config(name))
    assert scripts.get_heads() == [newest_revision(name)]
    for script in scripts.walk_revisions():
        assert Path(script.path).name.startswith(f"{script.revision}_")


def test_schema_difference_sees_what_differs(tmp_path: Path) -> None:
    """Agreement is silence; a missing column, another type or another order is named."""

    async def differences(metadata: sa.MetaData) -> list[str]:
        database = open_database(tmp_path, "login")
        await migrate(database, "login")
        async with database.reading() as connection:
            await connection.run_sync(metadata.reflect)
        agreeing = await schema_difference(database, metadata)
        metadata.remove(metadata.tables["audit"])
        audit_table(metadata)
        agreeing += await schema_difference(database, metadata)
        sessions = metadata.tables["sessions"]
        metadata.remove(sessions)
        swapped = ["id", "pw_version", "user_id", "issued_at", "expires_at"]
        columns = [sa.Column(n, sessions.c[n].type, primary_key=n == "id", nullable=False) for n in swapped]
        indexes = [sa.Index(f"ix_sessions_{n}", n) for n in ("user_id", "expires_at")]
        sa.Table("sessions", metadata, *columns, *indexes)
        order = await schema_difference(database, metadata)
        metadata.remove(metadata.tables["login_failures"])
        sa.Table("login_failures", metadata, sa.Column("user_id", sa.BigInteger, primary_key=True))
        missing = await schema_difference(database, metadata)
        await database.close()
        return [*agreeing, "then", *order, "then", *missing]

    found = asyncio.run(differences(sa.MetaData()))
    assert found[0] == "then"
    assert found[1].startswith("column order of sessions:")
    assert any("failures" in difference for difference in found[3:])
