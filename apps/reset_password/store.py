"""The statements of reset-password; each takes the connection of the transaction that it belongs to."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from apps.reset_password.domain import Account, LinkState, ResetLink
from apps.reset_password.tables import reset_links, users

BATCH = 500
"""Most rows that one round of the sweeper deletes, so that no transaction grows long."""

_account = sa.select(
    users.c.id, users.c.email, users.c.pw_version, users.c.chosen_version, users.c.auth_token
).with_for_update()


async def lock_account(connection: AsyncConnection, address: str) -> Account | None:
    """Reads the account of a canonical address, and holds it until the transaction ends.

    Later requests for the same account wait here, so that what they count and compare is up to date.
    """
    return await _lock(connection, _account.where(users.c.email == address).order_by(users.c.id.desc()))


async def lock_account_of(connection: AsyncConnection, user_id: int) -> Account | None:
    """Reads the account with this id, and holds it likewise."""
    return await _lock(connection, _account.where(users.c.id == user_id))


async def insert_link(connection: AsyncConnection, link: ResetLink) -> None:
    """Writes a link that is about to be mailed."""
    await connection.execute(
        sa.insert(reset_links).values(
            id=link.link_id,
            user_id=link.user_id,
            pw_version=link.pw_version,
            created_at=link.created_at,
            expires_at=link.expires_at,
        )
    )


async def find_link_state(connection: AsyncConnection, link_id: str, user_id: int) -> LinkState | None:
    """Reads what has become of a user's link; None if no such link was mailed, or its user is gone."""
    found = await connection.execute(
        sa.select(
            reset_links.c.used_at,
            reset_links.c.killed_at,
            reset_links.c.pw_version,
            users.c.pw_version.label("applied_version"),
            users.c.chosen_version,
        )
        .join(users, users.c.id == reset_links.c.user_id)
        .where(reset_links.c.id == link_id, reset_links.c.user_id == user_id)
    )
    row = found.first()
    if row is None:
        return None
    return LinkState(
        is_used=row.used_at is not None,
        is_killed=row.killed_at is not None,
        pw_version=row.pw_version,
        newest_version=max(row.applied_version, row.chosen_version or 0),
    )


async def use_link(connection: AsyncConnection, link_id: str, *, newest_version: int, now: datetime) -> bool:
    """Uses a link up; False if it is dead. The one place in which its single use is decided."""
    done = await connection.execute(
        sa.update(reset_links)
        .where(
            reset_links.c.id == link_id,
            reset_links.c.used_at.is_(None),
            reset_links.c.killed_at.is_(None),
            reset_links.c.pw_version >= newest_version,
        )
        .values(used_at=now)
    )
    return done.rowcount == 1


async def kill_links(connection: AsyncConnection, user_id: int, *, now: datetime) -> None:
    """Ends every link of the user that has not been used."""
    await connection.execute(
        sa.update(reset_links)
        .where(
            reset_links.c.user_id == user_id,
            reset_links.c.used_at.is_(None),
            reset_links.c.killed_at.is_(None),
        )
        .values(killed_at=now)
    )


async def save_password(
    connection: AsyncConnection, user_id: int, *, password_hash: str, version: int, now: datetime
) -> None:
    """Writes the new password under its version; the columns that the sink fills stay as they are."""
    await connection.execute(
        sa.update(users)
        .where(users.c.id == user_id)
        .values(password=password_hash, chosen_version=version, last_changed_PW=now)
    )


async def find_old_links(connection: AsyncConnection, *, before: datetime) -> list[str]:
    """Reads ids of links that expired before that time (at most BATCH)."""
    found = await connection.execute(
        sa.select(reset_links.c.id).where(reset_links.c.expires_at < before).limit(BATCH)
    )
    return list(found.scalars())


async def delete_links(connection: AsyncConnection, link_ids: Sequence[str]) -> None:
    """Forgets these links: what has expired is refused by its token alone."""
    await connection.execute(sa.delete(reset_links).where(reset_links.c.id.in_(link_ids)))


async def _lock(connection: AsyncConnection, statement: sa.Select[Any]) -> Account | None:
    row = (await connection.execute(statement.limit(1))).first()
    return Account(row.id, row.email, row.pw_version, row.chosen_version, row.auth_token) if row else None
