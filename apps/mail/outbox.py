"""The table of mails that are owed, and what a handler does with it: queue one, count some.

    queued ──lease──> processing ──250──> sent
      ^                  │  └──5xx, expired──> abandoned
      └──4xx, outage─────┘

The statements of the courier, which moves rows along these arrows, are in `leases.py`.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from apps.storage.dialect import UTCDateTime, address_type, big_id

QUEUED, PROCESSING, SENT, ABANDONED = "queued", "processing", "sent", "abandoned"

# How long a mail without an end of its own is tried: RFC 5321 section 4.5.4.1 asks for 4 to 5 days.
LONGEST_LIFE = timedelta(days=5)
# Nothing is ever delayed for so long: a time further ahead was written before the clock was set back.
_FURTHEST_AHEAD = timedelta(minutes=2)


@dataclass(frozen=True)
class OutboxMail:
    """One mail of the outbox, as it is given to a service to compose a letter from."""

    id: int
    kind: str
    recipient: str
    params: Mapping[str, str | int]
    attempts: int
    created_at: datetime
    next_attempt_at: datetime
    expires_at: datetime | None
    message_id: str

    def is_due(self, now: datetime) -> bool:
        """Whether it is time to send it, or its lease is over."""
        return self.next_attempt_at <= now or self.next_attempt_at > now + _FURTHEST_AHEAD

    def is_expired(self, now: datetime) -> bool:
        """Whether it is of no use any more."""
        return self.expires_at is not None and self.expires_at <= now


def outbox_table(metadata: sa.MetaData) -> sa.Table:
    """Declare the table `outbox` in `metadata`; the same in each of the three databases."""
    return sa.Table(
        "outbox",
        metadata,
        sa.Column("id", big_id(), primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("recipient", address_type(), nullable=False),
        sa.Column("params", sa.Text()),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("next_attempt_at", UTCDateTime(), nullable=False),
        sa.Column("leased_until", UTCDateTime()),
        sa.Column("sent_at", UTCDateTime()),
        sa.Column("expires_at", UTCDateTime()),
        sa.Column("message_id", sa.String(128), nullable=False),
        sa.Column("last_error", sa.String(200)),
        sa.Index("ix_outbox_state_next_attempt_at", "state", "next_attempt_at"),
        sa.Index("ix_outbox_recipient_kind_created_at", "recipient", "kind", "created_at"),
        sqlite_autoincrement=True,
    )


async def queue_mail(
    connection: AsyncConnection,
    table: sa.Table,
    *,
    kind: str,
    recipient: str,
    params: Mapping[str, str | int],
    now: datetime,
    expires_at: datetime | None = None,
) -> None:
    """Insert one mail to be sent, in the transaction of `connection`.

    kind: what the mail limit counts (activation, reset, taken_notice, security_notice).
    recipient: the stored canonical address. params: what the mail is composed from when it is sent;
    the claims of a token, never the token. expires_at: when sending it would be of no use any more,
    at the latest five days from now.
    """
    latest = now + LONGEST_LIFE
    row = {
        "kind": kind,
        "recipient": recipient,
        "params": json.dumps(dict(params)),
        "state": QUEUED,
        "attempts": 0,
        "created_at": now,
        "next_attempt_at": now,
        "expires_at": latest if expires_at is None else min(expires_at, latest),
        "message_id": secrets.token_hex(16),
    }
    # As parameters and not as values(): half the time, because no expression is built for each column.
    await connection.execute(table.insert(), row)


async def mails_since(
    connection: AsyncConnection, table: sa.Table, *, kind: str, recipient: str, since: datetime
) -> int:
    """Count the mails of one kind that were queued for one address after `since`, sent or not."""
    counted = await connection.execute(
        sa.select(sa.func.count())
        .select_from(table)
        .where(table.c.recipient == recipient, table.c.kind == kind, table.c.created_at > since)
    )
    return counted.scalar_one()
