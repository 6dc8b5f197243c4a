"""The statements of sign-up; each takes the connection of the transaction that it belongs to.

The statements of the hot path are built once: building one costs more than running it.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from apps.signup.domain import Account, Activation, NewPassword, Profile
from apps.signup.tables import suspended_users, users

_NOBODY = 0  # ids begin at 1

_lock_account = (
    sa.select(users.c.id, users.c.email, users.c.User_status, users.c.pw_version)
    .where(users.c.email == sa.bindparam("address"))
    .with_for_update()
)
_find_suspension = (
    sa.select(suspended_users.c.id)
    .where(
        suspended_users.c.user_id == sa.bindparam("user_id"),
        suspended_users.c.lifted_at.is_(None),
        suspended_users.c.suspended_until > sa.bindparam("now"),
    )
    .limit(1)
)
_insert_account = sa.insert(users)


async def lock_account(connection: AsyncConnection, email: str) -> Account | None:
    """Reads the account of a canonical address, and holds it until the transaction ends.

    Later requests for the same address wait here, so that what they count and compare is up to date.
    """
    row = (await connection.execute(_lock_account, {"address": email})).first()
    return Account(row.id, row.email, row.User_status, row.pw_version) if row else None


async def is_suspended(connection: AsyncConnection, account: Account | None, *, now: datetime) -> bool:
    """Says whether a suspension is running; asked for an unknown address too, to take as long."""
    user_id = account.user_id if account else _NOBODY
    found = await connection.execute(_find_suspension, {"user_id": user_id, "now": now})
    return found.first() is not None


async def insert_account(
    connection: AsyncConnection, *, email: str, password_hash: str, profile: Profile, now: datetime
) -> Account:
    """Writes a new INACTIVE account; IntegrityError if another sign-up took the address first."""
    row = {
        "email": email,
        "User_status": "INACTIVE",
        "userRole": "visitor",
        "regDate": now,
        "pw_version": 1,
        **_written(password_hash, profile),
    }
    inserted = await connection.execute(_insert_account, row)
    assert inserted.inserted_primary_key is not None
    return Account(inserted.inserted_primary_key.id, email, "INACTIVE", 1)


async def replace_account(
    connection: AsyncConnection, account: Account, *, password_hash: str, profile: Profile
) -> Account:
    """Gives an INACTIVE account the newer password and profile under the next version; regDate stays."""
    next_version = account.pw_version + 1
    await connection.execute(
        _pending(account.user_id, account.pw_version).values(
            pw_version=next_version, reason_for_inactive=None, **_written(password_hash, profile)
        )
    )
    return Account(account.user_id, account.email, account.status, next_version)


async def replace_nothing(connection: AsyncConnection) -> None:
    """Costs what `replace_account` costs, and matches no row: so that no case answers faster than another."""
    await connection.execute(_pending(_NOBODY, 0).values(pw_version=0))


def _pending(user_id: int, pw_version: int) -> sa.Update:
    return sa.update(users).where(
        users.c.id == user_id, users.c.pw_version == pw_version, users.c.User_status == "INACTIVE"
    )


def _written(password_hash: str, profile: Profile) -> dict[str, Any]:
    return {
        "password": password_hash,
        "fullName": profile.full_name,
        "address": profile.address,
        "phoneNo": profile.phone_no,
        "gender": profile.gender,
    }


async def is_known(connection: AsyncConnection, user_id: int) -> bool:
    """Says whether there is an account with this id."""
    found = await connection.execute(sa.select(users.c.id).where(users.c.id == user_id))
    return found.first() is not None


async def set_active(connection: AsyncConnection, activation: Activation) -> bool:
    """Makes the account ACTIVE if the activation is of its present version; False if nothing changed."""
    done = await connection.execute(
        _pending(activation.user_id, activation.pw_version).values(
            User_status="ACTIVE", reason_for_inactive=None
        )
    )
    return done.rowcount == 1


async def set_reason(connection: AsyncConnection, activation: Activation) -> bool:
    """Saves why the account is still INACTIVE, under the same condition; False if nothing changed."""
    done = await connection.execute(
        _pending(activation.user_id, activation.pw_version)
        .where(users.c.reason_for_inactive.is_distinct_from(activation.reason))
        .values(reason_for_inactive=activation.reason)
    )
    return done.rowcount == 1


async def set_password(connection: AsyncConnection, chosen: NewPassword) -> bool:
    """Takes over a password that was chosen by a reset, if its version is newer; False if nothing changed."""
    values: dict[str, Any] = {"password": chosen.password_hash, "pw_version": chosen.version}
    if chosen.changed_at is not None:
        values["last_changed_PW"] = chosen.changed_at
    done = await connection.execute(
        sa.update(users)
        .where(users.c.id == chosen.user_id, users.c.pw_version < chosen.version)
        .values(**values)
    )
    return done.rowcount == 1
