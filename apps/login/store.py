"""The statements of login; each takes the connection of the transaction that it belongs to.

The statements of the hot path are built once: building one costs more than running it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from apps.login.domain import Account, Holder, Session, Standing
from apps.login.tables import login_attempts, login_failures, sessions, suspended_users, users
from apps.storage.dialect import insert_or_update

BATCH = 500
"""Most rows of a kind that one round of the sweeper writes, so that no transaction grows long."""

STRIDE = 2000
"""Sessions that one round of the sweeper looks at for a newer password."""

_NOBODY = 0  # ids begin at 1

_is_suspended = sa.exists().where(
    suspended_users.c.user_id == users.c.id,
    suspended_users.c.lifted_at.is_(None),
    suspended_users.c.suspended_until > sa.bindparam("now"),
    suspended_users.c.pw_version >= users.c.pw_version,
)

_anchor = sa.select(sa.literal(1).label("one")).subquery("anchor")
_standing = (
    sa.select(
        login_attempts.c.failed_at,
        users.c.id,
        users.c.email,
        users.c.password,
        users.c.User_status,
        users.c.pw_version,
        login_failures.c.failures,
        _is_suspended.correlate(users).label("is_suspended"),
    )
    .select_from(_anchor)
    .outerjoin(
        login_attempts,
        (login_attempts.c.address_key == sa.bindparam("address_key"))
        & (login_attempts.c.client == sa.bindparam("client")),
    )
    .outerjoin(users, users.c.email == sa.bindparam("address"))
    .outerjoin(login_failures, login_failures.c.user_id == users.c.id)
    .order_by(users.c.id.desc())
    .limit(1)
)
_grant = (
    sa.update(users)
    .where(
        users.c.id == sa.bindparam("user_id"),
        users.c.pw_version == sa.bindparam("known_version"),
        users.c.User_status == "ACTIVE",
        ~_is_suspended.correlate(users),
    )
    .values(auth_token=sa.bindparam("receipt"))
)
_insert_session = sa.insert(sessions)
_find_session = (
    sa.select(sessions, users.c.email, users.c.pw_version.label("current_version"), users.c.auth_token)
    .join(users, users.c.id == sessions.c.user_id)
    .where(sessions.c.id == sa.bindparam("session_id"))
)
_count_unknown = (
    sa.update(login_failures)
    .where(login_failures.c.user_id == _NOBODY)
    .values(failures=login_failures.c.failures + 1)
)
_failures = sa.select(
    sa.select(login_failures.c.failures)
    .where(login_failures.c.user_id == sa.bindparam("user_id"))
    .scalar_subquery()
    .label("failures"),
    sa.exists()
    .where(users.c.id == sa.bindparam("user_id"), _is_suspended.correlate(users))
    .label("is_suspended"),
)


async def find_standing(
    connection: AsyncConnection, *, address: str, address_key: str, client: str, now: datetime
) -> Standing:
    """Reads everything that an attempt is judged by, in one statement."""
    found = await connection.execute(
        _standing, {"address": address, "address_key": address_key, "client": client, "now": now}
    )
    row = found.one()
    if row.id is None:
        return Standing(row.failed_at, None)
    account = Account(
        user_id=row.id,
        email=row.email,
        password_hash=row.password,
        is_active=row.User_status == "ACTIVE",
        pw_version=row.pw_version,
        failures=row.failures or 0,
        is_suspended=bool(row.is_suspended),
    )
    return Standing(row.failed_at, account)


async def save_receipt(connection: AsyncConnection, session: Session, receipt: str, *, now: datetime) -> bool:
    """Writes the new session's receipt on its user, if that user may still log in with that password.

    False, and nothing is written, if a suspension or a newer password came in since the account was read.
    """
    done = await connection.execute(
        _grant,
        {"user_id": session.user_id, "known_version": session.pw_version, "receipt": receipt, "now": now},
    )
    return done.rowcount == 1


async def insert_session(connection: AsyncConnection, session: Session) -> None:
    """Writes a new session."""
    await connection.execute(
        _insert_session,
        {
            "id": session.session_id,
            "user_id": session.user_id,
            "pw_version": session.pw_version,
            "issued_at": session.issued_at,
            "expires_at": session.expires_at,
        },
    )


async def count_failure(
    connection: AsyncConnection, user_id: int | None, *, now: datetime
) -> tuple[int, bool]:
    """Counts a wrong password; returns the failures in a row, and whether a suspension is running.

    The write comes first: parallel failures of one account queue on its row, and each sees what the one
    before it has decided. None (nobody to count for) costs the same two statements.
    """
    if user_id is None:
        await connection.execute(_count_unknown)
    else:
        await connection.execute(
            insert_or_update(
                login_failures,
                {"user_id": user_id, "failures": 1, "updated_at": now},
                update={"failures": login_failures.c.failures + 1, "updated_at": now},
                dialect=connection.dialect.name,
            )
        )
    row = (await connection.execute(_failures, {"user_id": user_id or _NOBODY, "now": now})).one()
    return row.failures or 0, bool(row.is_suspended)


async def forget_failures(connection: AsyncConnection, user_id: int) -> None:
    """Begins the count of failures in a row anew."""
    await connection.execute(sa.delete(login_failures).where(login_failures.c.user_id == user_id))


async def save_attempt(connection: AsyncConnection, *, address_key: str, client: str, now: datetime) -> None:
    """Notes when this client last failed on this address, known or not."""
    await connection.execute(
        insert_or_update(
            login_attempts,
            {"address_key": address_key, "client": client, "failed_at": now},
            update={"failed_at": now},
            dialect=connection.dialect.name,
        )
    )


async def insert_suspension(
    connection: AsyncConnection, account: Account, *, reason: str, now: datetime, until: datetime
) -> None:
    """Suspends the account, under the password version that was being guessed."""
    await connection.execute(
        sa.insert(suspended_users).values(
            email=account.email,
            user_id=account.user_id,
            reason=reason,
            suspended_at=now,
            suspended_until=until,
            pw_version=account.pw_version,
        )
    )


async def find_session(connection: AsyncConnection, session_id: str) -> tuple[Session, Holder] | None:
    """Reads a session, live or not, with its user."""
    row = (await connection.execute(_find_session, {"session_id": session_id})).first()
    if row is None:
        return None
    return _session(row), Holder(row.user_id, row.email, row.current_version, row.auth_token)


async def find_sessions(connection: AsyncConnection, user_ids: Sequence[int]) -> list[Session]:
    """Reads all sessions of these users, live or not, the newest first."""
    found = await connection.execute(
        sa.select(sessions).where(sessions.c.user_id.in_(user_ids)).order_by(sessions.c.issued_at.desc())
    )
    return [_session(row) for row in found]


async def lock_holders(connection: AsyncConnection, user_ids: Sequence[int]) -> list[Holder]:
    """Reads these users and holds their rows, so that no session of theirs begins or ends meanwhile."""
    found = await connection.execute(
        sa.select(users.c.id, users.c.email, users.c.pw_version, users.c.auth_token)
        .where(users.c.id.in_(user_ids))
        .order_by(users.c.id)  # always in one order: two sweepers cannot deadlock
        .with_for_update()
    )
    return [Holder(*row) for row in found]


async def set_auth_token(connection: AsyncConnection, user_ids: Sequence[int], receipt: str | None) -> None:
    """Writes the receipt of these users' newest session; None: they have none left."""
    await connection.execute(sa.update(users).where(users.c.id.in_(user_ids)).values(auth_token=receipt))


async def delete_sessions(
    connection: AsyncConnection, session_ids: Sequence[str], *, user_id: int | None = None
) -> int:
    """Ends sessions, of one user if one is named; returns how many there were."""
    statement = sa.delete(sessions).where(sessions.c.id.in_(session_ids))
    if user_id is not None:
        statement = statement.where(sessions.c.user_id == user_id)
    return (await connection.execute(statement)).rowcount


async def find_expired(connection: AsyncConnection, *, now: datetime) -> list[Session]:
    """Reads sessions whose time is over (at most BATCH)."""
    found = await connection.execute(sa.select(sessions).where(sessions.c.expires_at <= now).limit(BATCH))
    return [_session(row) for row in found]


async def find_outdated(connection: AsyncConnection, *, after: str) -> tuple[list[Session], str]:
    """Reads, of the next STRIDE sessions by id, those that a newer password ended or whose user is gone.

    The sink writes pw_version and tells nobody here, so that the sessions have to be walked through.
    Returns them (at most BATCH) with the `after` of the next stride; "" is the beginning.
    """
    ids = sa.select(sessions.c.id).where(sessions.c.id > after).order_by(sessions.c.id)
    last = (await connection.execute(ids.offset(STRIDE - 1).limit(1))).scalar_one_or_none()
    query = (
        sa.select(sessions)
        .outerjoin(users, users.c.id == sessions.c.user_id)
        .where(sessions.c.id > after, users.c.id.is_(None) | (users.c.pw_version > sessions.c.pw_version))
        .order_by(sessions.c.id)
        .limit(BATCH)
    )
    if last is not None:
        query = query.where(sessions.c.id <= last)
    outdated = [_session(row) for row in await connection.execute(query)]
    return outdated, outdated[-1].session_id if len(outdated) == BATCH else last or ""


async def find_ended_suspensions(connection: AsyncConnection, *, now: datetime) -> list[tuple[int, int]]:
    """Reads (id, user id) of suspensions that time or a newer password has ended (at most BATCH)."""
    found = await connection.execute(
        sa.select(suspended_users.c.id, suspended_users.c.user_id)
        .outerjoin(users, users.c.id == suspended_users.c.user_id)
        .where(
            suspended_users.c.lifted_at.is_(None),
            (suspended_users.c.suspended_until <= now) | (users.c.pw_version > suspended_users.c.pw_version),
        )
        .limit(BATCH)
    )
    return [(row.id, row.user_id) for row in found]


async def lift_suspension(connection: AsyncConnection, suspension_id: int, *, now: datetime) -> bool:
    """Notes that a suspension has ended; False if that was noted before."""
    done = await connection.execute(
        sa.update(suspended_users)
        .where(suspended_users.c.id == suspension_id, suspended_users.c.lifted_at.is_(None))
        .values(lifted_at=now)
    )
    return done.rowcount == 1


async def find_old_attempts(connection: AsyncConnection, *, before: datetime) -> list[int]:
    """Reads ids of attempts that no longer slow anybody down (at most BATCH)."""
    found = await connection.execute(
        sa.select(login_attempts.c.id).where(login_attempts.c.failed_at < before).limit(BATCH)
    )
    return list(found.scalars())


async def delete_attempts(connection: AsyncConnection, ids: Sequence[int], *, before: datetime) -> None:
    """Forgets these attempts, unless they have been repeated meanwhile."""
    await connection.execute(
        sa.delete(login_attempts).where(login_attempts.c.id.in_(ids), login_attempts.c.failed_at < before)
    )


def _session(row: Any) -> Session:
    return Session(row.id, row.user_id, row.pw_version, row.issued_at, row.expires_at)
