"""How many mails of one kind an address may get, so that nobody's mailbox is flooded through us."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from apps.auth.throttling import may_mail
from apps.mail.outbox import mails_since


async def is_within_limit(
    connection: AsyncConnection,
    table: sa.Table,
    *,
    kind: str,
    recipient: str,
    limit: int,
    window_seconds: int,
    now: datetime,
) -> bool:
    """Says whether one more mail of this kind may be queued for the recipient.

    Exact only if requests for one recipient wait for each other, for example on the row of the user.

    Args:
        limit, window_seconds: MAIL_PER_ADDRESS and MAIL_WINDOW_SECONDS.
    """
    since = now - timedelta(seconds=window_seconds)
    return may_mail(await mails_since(connection, table, kind=kind, recipient=recipient, since=since), limit)
