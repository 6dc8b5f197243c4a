"""What a handler does with the outbox, and that every statement is one for MySQL too."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from apps.mail import leases
from apps.mail.leases import Outcome
from apps.mail.limits import is_within_limit
from apps.mail.outbox import LONGEST_LIFE, OutboxMail, mails_since, queue_mail
from apps.mail.tests.postroom import OUTBOX, database

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MAIL = OutboxMail(7, "activation", "a@example.org", {}, 1, NOON, NOON, None, "id7")


def test_mails_are_counted_by_address_kind_and_window(tmp_path: Path):
    """The limit is per kind; what was queued at the edge of the window is out of it."""

    async def run() -> list[int]:
        async with database(tmp_path) as opened:

            async def work(connection: Any) -> list[int]:
                for minutes, kind, recipient in (
                    (0, "activation", "a@example.org"),
                    (5, "activation", "a@example.org"),
                    (6, "activation", "a@example.org"),
                    (6, "reset", "a@example.org"),
                    (6, "activation", "b@example.org"),
                ):
                    at = NOON + timedelta(minutes=minutes)
                    await queue_mail(
                        connection, OUTBOX, kind=kind, recipient=recipient, params={"user_id": 1}, now=at
                    )
                return [
                    await mails_since(
                        connection,
                        OUTBOX,
                        kind="activation",
                        recipient="a@example.org",
                        since=NOON + timedelta(minutes=since),
                    )
                    for since in (-1, 0, 5, 6)
                ]

            return await opened.transact(work)

    assert asyncio.run(run()) == [3, 2, 1, 0]


@pytest.mark.parametrize(("limit", "seconds", "expected"), [(2, 60, True), (1, 60, False), (1, 30, True)])
def test_the_mail_limit_counts_within_its_window(tmp_path: Path, limit: int, seconds: int, expected: bool):
    """One mail was queued 45 s ago."""

    async def run() -> bool:
        async with database(tmp_path) as opened:

            async def work(connection: Any) -> bool:
                earlier = NOON - timedelta(seconds=45)
                address = "a@example.org"
                await queue_mail(connection, OUTBOX, kind="reset", recipient=address, params={}, now=earlier)
                return await is_within_limit(
                    connection,
                    OUTBOX,
                    kind="reset",
                    recipient=address,
                    limit=limit,
                    window_seconds=seconds,
                    now=NOON,
                )

            return await opened.transact(work)

    assert asyncio.run(run()) is expected


def test_a_queued_mail_is_due_at_once_and_has_an_end(tmp_path: Path):
    """Also where no end is given; each has a Message-ID of its own; params are read back as given."""

    async def run() -> list[OutboxMail]:
        async with database(tmp_path) as opened:

            async def work(connection: Any) -> list[OutboxMail]:
                for end in (None, NOON + timedelta(hours=1), NOON + timedelta(days=30)):
                    await queue_mail(
                        connection,
                        OUTBOX,
                        kind="reset",
                        recipient="a@example.org",
                        params={"template": "reset", "user_id": 2**60},
                        now=NOON,
                        expires_at=end,
                    )
                return await leases.waiting(connection, OUTBOX, limit=10)

            return await opened.transact(work)

    mails = asyncio.run(run())
    assert [mail.expires_at for mail in mails] == [
        NOON + LONGEST_LIFE,
        NOON + timedelta(hours=1),
        NOON + LONGEST_LIFE,
    ]
    assert all(mail.is_due(NOON) and mail.params == {"template": "reset", "user_id": 2**60} for mail in mails)
    assert len({mail.message_id for mail in mails}) == 3


def test_a_lease_that_is_lost_marks_nothing(tmp_path: Path):
    """A courier that was frozen past its lease must not write over what the next one did."""

    async def run() -> tuple[list[OutboxMail], str, int]:
        async with database(tmp_path) as opened:

            async def work(connection: Any) -> tuple[list[OutboxMail], str, int]:
                await queue_mail(
                    connection, OUTBOX, kind="reset", recipient="a@example.org", params={}, now=NOON
                )
                late = NOON + timedelta(seconds=31)
                frozen = await leases.lease(
                    connection,
                    OUTBOX,
                    await leases.waiting(connection, OUTBOX, limit=1),
                    until=NOON + timedelta(seconds=30),
                )
                await leases.lease(
                    connection,
                    OUTBOX,
                    await leases.waiting(connection, OUTBOX, limit=1),
                    until=late + timedelta(seconds=30),
                )
                kept = await leases.renew(connection, OUTBOX, frozen, until=late + timedelta(hours=1))
                await leases.settle(connection, OUTBOX, [Outcome.abandoned(frozen[0], late, "550")], now=late)
                row = (await connection.execute(sa.select(OUTBOX))).one()
                return kept, row.state, row.attempts

            return await opened.transact(work)

    assert asyncio.run(run()) == ([], "processing", 2)


def test_every_statement_is_one_for_mysql_too():
    """Compiled for its dialect: no word that only SQLite knows."""
    compiled: list[str] = []

    class Recorder:
        async def execute(self, statement: sa.ClauseElement, values: Any = None) -> Any:
            names = None if values is None else list(values)
            compiled.append(str(statement.compile(dialect=mysql.dialect(), column_keys=names)))
            empty = SimpleNamespace(all=list)
            return SimpleNamespace(rowcount=1, mappings=list, scalars=lambda: empty, scalar_one=lambda: 0)

    async def run() -> None:
        to: Any = Recorder()
        await queue_mail(to, OUTBOX, kind="k", recipient="a@example.org", params={}, now=NOON)
        await mails_since(to, OUTBOX, kind="k", recipient="a@example.org", since=NOON)
        await leases.waiting(to, OUTBOX, limit=5)
        await leases.lease(to, OUTBOX, [MAIL], until=NOON)
        await leases.renew(to, OUTBOX, [MAIL], until=NOON)
        await leases.settle(to, OUTBOX, [Outcome.sent(MAIL, NOON)], now=NOON)
        await leases.abandon_expired(to, OUTBOX, [MAIL], now=NOON)
        await leases.hasten(to, OUTBOX, error_prefix="SMTP_", now=NOON)
        await leases.old_ids(to, OUTBOX, before=NOON)
        await leases.delete(to, OUTBOX, [1, 2])

    asyncio.run(run())
    assert [statement.split()[0] for statement in compiled] == [
        *("INSERT", "SELECT", "SELECT", "UPDATE", "UPDATE", "UPDATE", "UPDATE", "UPDATE", "SELECT", "DELETE")
    ]
    assert "RETURNING" not in " ".join(compiled)
