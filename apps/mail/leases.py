"""The courier's statements: look, lease, renew, settle, trim; a guarded UPDATE decides every race.

While a mail is leased its `next_attempt_at` is the end of the lease, so that one question, what is
due, finds both the mails to be sent and those that a courier left behind when it died. `attempts`
counts the leases, and so tells one lease of a mail from the next.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from apps.mail.outbox import ABANDONED, PROCESSING, QUEUED, SENT, OutboxMail

_TRIMMED_AT_ONCE = 500
_LAST_ERROR_LENGTH = 200


@dataclass(frozen=True)
class Outcome:
    """What became of a leased mail, and so the columns that are written to its row."""

    mail: OutboxMail
    state: str
    next_attempt_at: datetime
    error: str | None = None

    @classmethod
    def sent(cls, mail: OutboxMail, at: datetime) -> "Outcome":
        """The server took it."""
        return cls(mail, SENT, at)

    @classmethod
    def abandoned(cls, mail: OutboxMail, at: datetime, error: str) -> "Outcome":
        """It will not be tried again."""
        return cls(mail, ABANDONED, at, error)

    @classmethod
    def delayed(cls, mail: OutboxMail, until: datetime, error: str) -> "Outcome":
        """It will be tried again at `until`."""
        return cls(mail, QUEUED, until, error)

    @classmethod
    def untried(cls, mail: OutboxMail) -> "Outcome":
        """It goes back to its place in the queue."""
        return cls(mail, QUEUED, mail.next_attempt_at)


async def waiting(connection: AsyncConnection, outbox: sa.Table, *, limit: int) -> list[OutboxMail]:
    """The mails that are not done with, those that are due first in front."""
    rows = await connection.execute(
        sa.select(
            outbox.c.id,
            outbox.c.kind,
            outbox.c.recipient,
            outbox.c.params,
            outbox.c.attempts,
            outbox.c.created_at,
            outbox.c.next_attempt_at,
            outbox.c.expires_at,
            outbox.c.message_id,
        )
        .where(outbox.c.state.in_((QUEUED, PROCESSING)))
        .order_by(outbox.c.next_attempt_at, outbox.c.id)
        .limit(limit)
    )
    return [_mail(row) for row in rows.mappings()]


async def lease(
    connection: AsyncConnection, outbox: sa.Table, mails: Iterable[OutboxMail], *, until: datetime
) -> list[OutboxMail]:
    """Take those mails that are still as they were seen; whoever else saw them takes none of these."""
    taken = []
    for mail in mails:
        values = {
            "state": PROCESSING,
            "attempts": mail.attempts + 1,
            "leased_until": until,
            "next_attempt_at": until,
        }
        if await _update(connection, outbox, _as_seen(outbox, mail), values):
            taken.append(replace(mail, attempts=mail.attempts + 1))
    return taken


async def renew(
    connection: AsyncConnection, outbox: sa.Table, mails: Iterable[OutboxMail], *, until: datetime
) -> list[OutboxMail]:
    """Lengthen the lease of these mails; those are left out that somebody else has leased meanwhile."""
    values = {"leased_until": until, "next_attempt_at": until}
    return [mail for mail in mails if await _update(connection, outbox, _as_leased(outbox, mail), values)]


async def settle(
    connection: AsyncConnection, outbox: sa.Table, outcomes: Iterable[Outcome], *, now: datetime
) -> None:
    """Write what became of leased mails; params are forgotten with the last use of a mail."""
    for outcome in outcomes:
        values: dict[str, Any] = {
            "state": outcome.state,
            "leased_until": None,
            "next_attempt_at": outcome.next_attempt_at,
        }
        if outcome.error is not None:
            values["last_error"] = outcome.error[:_LAST_ERROR_LENGTH]
        if outcome.state == SENT:
            values |= {"sent_at": now, "last_error": None}
        if outcome.state in (SENT, ABANDONED):
            values["params"] = None
        await _update(connection, outbox, _as_leased(outbox, outcome.mail), values)


async def abandon_expired(
    connection: AsyncConnection, outbox: sa.Table, mails: Iterable[OutboxMail], *, now: datetime
) -> int:
    """Give up those mails that nobody has leased since they were seen; returns how many."""
    values = {
        "state": ABANDONED,
        "params": None,
        "leased_until": None,
        "next_attempt_at": now,
        "last_error": "EXPIRED",
    }
    abandoned = [await _update(connection, outbox, _as_seen(outbox, mail), values) for mail in mails]
    return sum(abandoned)


async def hasten(connection: AsyncConnection, outbox: sa.Table, *, error_prefix: str, now: datetime) -> None:
    """Make the mails due at once whose last error starts with `error_prefix`."""
    await connection.execute(
        outbox.update()
        .where(
            outbox.c.state == QUEUED,
            outbox.c.next_attempt_at > now,
            outbox.c.last_error.startswith(error_prefix, autoescape=True),
        )
        .values(next_attempt_at=now)
    )


async def old_ids(connection: AsyncConnection, outbox: sa.Table, *, before: datetime) -> Sequence[int]:
    """Some mails that were done with before `before`."""
    rows = await connection.execute(
        sa.select(outbox.c.id)
        .where(outbox.c.state.in_((SENT, ABANDONED)), outbox.c.next_attempt_at < before)
        .limit(_TRIMMED_AT_ONCE)
    )
    return rows.scalars().all()


async def delete(connection: AsyncConnection, outbox: sa.Table, ids: Sequence[int]) -> None:
    """Delete these mails."""
    await connection.execute(outbox.delete().where(outbox.c.id.in_(ids)))


async def _update(
    connection: AsyncConnection,
    outbox: sa.Table,
    guard: sa.ColumnElement[bool],
    values: Mapping[str, Any],
) -> bool:
    # As parameters and not as values(): half the time, because no expression is built for each column.
    result = await connection.execute(outbox.update().where(guard), values)
    return result.rowcount == 1


def _as_seen(outbox: sa.Table, mail: OutboxMail) -> sa.ColumnElement[bool]:
    return sa.and_(
        outbox.c.id == mail.id,
        outbox.c.state.in_((QUEUED, PROCESSING)),
        outbox.c.attempts == mail.attempts,
        outbox.c.next_attempt_at == mail.next_attempt_at,
    )


def _as_leased(outbox: sa.Table, mail: OutboxMail) -> sa.ColumnElement[bool]:
    return sa.and_(outbox.c.id == mail.id, outbox.c.state == PROCESSING, outbox.c.attempts == mail.attempts)


def _mail(row: Mapping[Any, Any]) -> OutboxMail:
    return OutboxMail(**{**row, "params": json.loads(row["params"] or "{}")})
