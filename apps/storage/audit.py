"""The audit trail: one row for each thing that happened to an account, written with the change itself."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from apps.storage.database import Database
from apps.storage.dialect import UTCDateTime, big_id, code_type, digest_type

AUDIT_KEPT = timedelta(days=90)
TRIMMED_AT_ONCE = 1000


def audit_table(metadata: sa.MetaData) -> sa.Table:
    """Declare the table `audit` in `metadata`; the same in each of the three databases."""
    return sa.Table(
        "audit",
        metadata,
        sa.Column("id", big_id(), primary_key=True, autoincrement=True),
        sa.Column("happened_at", UTCDateTime(), nullable=False),
        sa.Column("event", code_type(64), nullable=False),
        sa.Column("user_id", sa.BigInteger()),
        sa.Column("address_key", digest_type()),
        sa.Column("client", code_type(64)),
        sa.Column("request_id", code_type(64)),
        sa.Index("ix_audit_user_id", "user_id"),
        sa.Index("ix_audit_happened_at", "happened_at"),
        sqlite_autoincrement=True,
    )


async def record_event(
    connection: AsyncConnection,
    table: sa.Table,
    *,
    event: str,
    now: datetime,
    user_id: int | None = None,
    address_key: str | None = None,
    client: str | None = None,
    request_id: str | None = None,
) -> None:
    """Append one row to the audit trail, in the transaction of `connection`.

    event: UPPER_SNAKE word. address_key: SHA-256 of the canonical address, never the address itself.
    client: the peer's address. request_id: as on the answer, so that a log line can be found.
    """
    row = {
        "happened_at": now,
        "event": event,
        "user_id": user_id,
        "address_key": address_key,
        "client": client,
        "request_id": request_id,
    }
    # As parameters and not as values(): half the time, because no expression is built for each column.
    await connection.execute(table.insert(), row)


async def trim_audit(database: Database, table: sa.Table, *, now: datetime) -> None:
    """Delete rows that are older than AUDIT_KEPT, TRIMMED_AT_ONCE in a transaction; looks first."""
    old = sa.select(table.c.id).where(table.c.happened_at < now - AUDIT_KEPT).limit(TRIMMED_AT_ONCE)
    while True:
        async with database.reading() as connection:
            ids = (await connection.execute(old)).scalars().all()
        if not ids:
            return

        async def work(connection: AsyncConnection, ids: Sequence[int] = ids) -> None:
            await connection.execute(table.delete().where(table.c.id.in_(ids)))

        await database.transact(work)
