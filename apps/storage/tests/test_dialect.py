"""The words in which MySQL and SQLite differ, as SQL for both and as behaviour on the engine of the run."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.schema import CreateTable

from apps.storage.audit import audit_table, record_event
from apps.storage.dialect import (
    UTCDateTime,
    address_type,
    big_id,
    code_type,
    enum_type,
    insert_or_update,
)
from apps.storage.tests.engines import open_database

METADATA = sa.MetaData()
AUDIT = audit_table(METADATA)
USERS = sa.Table(
    "users",
    METADATA,
    sa.Column("id", big_id(), primary_key=True, autoincrement=True),
    sa.Column("email", address_type(), nullable=False, unique=True),
    sa.Column("token_id", code_type(64)),
    sa.Column("User_status", enum_type("ACTIVE", "INACTIVE", name="User_status"), server_default="INACTIVE"),
    sa.Column("failures", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
    sa.Column("at", UTCDateTime()),
    sqlite_autoincrement=True,
)
NOON = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)


def sql(statement: Any, dialect: Any) -> str:
    return " ".join(str(statement.compile(dialect=dialect)).split())


@pytest.mark.parametrize(
    "piece",
    [
        "id BIGINT NOT NULL AUTO_INCREMENT",
        "email VARCHAR(254) CHARACTER SET ascii COLLATE ascii_bin NOT NULL",
        "token_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin",
        "`User_status` ENUM('ACTIVE','INACTIVE') DEFAULT 'INACTIVE'",
        "at DATETIME(6)",
    ],
)
def test_mysql_columns(piece: str) -> None:
    """Addresses and ids compare byte for byte; times keep microseconds."""
    assert piece in sql(CreateTable(USERS), mysql.dialect())


@pytest.mark.parametrize(
    "piece",
    [
        "id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT",
        "email VARCHAR(254) NOT NULL",
        "\"User_status\" VARCHAR(8) DEFAULT 'INACTIVE'",
        "CHECK (\"User_status\" IN ('ACTIVE', 'INACTIVE'))",
        "at DATETIME",
    ],
)
def test_sqlite_columns(piece: str) -> None:
    """AUTOINCREMENT, so that an id is never given twice; an ENUM is a CHECK."""
    assert piece in sql(CreateTable(USERS), sqlite.dialect())


def test_mysql_upserts() -> None:
    """The form that MySQL 9 takes."""
    more = {"failures": USERS.c.failures + 1}
    upsert = insert_or_update(USERS, {"id": 1}, update=more, dialect="mysql")
    assert sql(upsert, mysql.dialect()) == (
        "INSERT INTO users (id) VALUES (%s) ON DUPLICATE KEY UPDATE failures = (users.failures + %s)"
    )


def on_engine(path: Path, work: Any) -> Any:
    async def main() -> Any:
        database = open_database(path, "test")
        try:
            async with database.engine.begin() as connection:
                await connection.run_sync(METADATA.create_all)
            return await database.transact(work)
        finally:
            await database.close()

    return asyncio.run(main())


def test_upserts_on_engine(tmp_path: Path) -> None:
    """Insert, then update by the value that stands there."""

    async def work(connection: Any) -> Any:
        for _ in range(3):
            values = {"email": "a@b.example", "failures": 1}
            more = {"failures": USERS.c.failures + 1}
            await connection.execute(
                insert_or_update(USERS, values, update=more, dialect=connection.dialect.name)
            )
        return (await connection.execute(sa.select(USERS.c.id, USERS.c.email, USERS.c.failures))).all()

    assert on_engine(tmp_path, work) == [(1, "a@b.example", 3)]


def test_times_come_back_aware_and_exact(tmp_path: Path) -> None:
    """In whatever zone they were written; the text sorts as the times do."""
    paris = NOON.astimezone(timezone(timedelta(hours=1)))

    async def work(connection: Any) -> Any:
        await connection.execute(USERS.insert().values(email="a", at=paris))
        await connection.execute(USERS.insert().values(email="b", at=NOON.replace(microsecond=0)))
        times = (await connection.scalars(sa.select(USERS.c.at).order_by(USERS.c.at))).all()
        texts = (await connection.scalars(sa.text("SELECT CAST(at AS CHAR) FROM users ORDER BY at"))).all()
        until = await connection.scalar(sa.select(sa.func.count()).where(USERS.c.at <= NOON))
        return times, texts, until

    times, texts, until = on_engine(tmp_path, work)
    assert times == [NOON.replace(microsecond=0), NOON]
    assert all(time.utcoffset() == timedelta(0) for time in times)
    assert texts == ["2026-11-24 12:00:00.000000", "2026-11-24 12:00:00.123456"]
    assert until == 2


def test_naive_times_are_refused(tmp_path: Path) -> None:
    """Their zone would be a guess."""
    with pytest.raises(sa.exc.StatementError, match="naive"):
        on_engine(tmp_path, lambda c: c.execute(USERS.insert().values(email="a", at=datetime(2026, 1, 1))))


def test_an_event_is_one_row(tmp_path: Path) -> None:
    """Everything that was known is in it; the rest is NULL."""

    async def work(connection: Any) -> Any:
        await record_event(
            connection,
            AUDIT,
            event="LOGIN_FAILED",
            now=NOON,
            address_key="f" * 64,
            client="::1",
            request_id="r-1",
        )
        return (await connection.execute(sa.select(AUDIT))).all()

    assert on_engine(tmp_path, work) == [(1, NOON, "LOGIN_FAILED", None, "f" * 64, "::1", "r-1")]
