"""The use cases of login: log in, show sessions, end them, and what time does by itself."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from apps.auth import tokens
from apps.auth.addresses import address_key
from apps.auth.passwords import verify_password
from apps.auth.throttling import is_suspending, seconds_left
from apps.auth.tokens import Claims, Purpose, TokenInvalid, new_token_id
from apps.login import store
from apps.login.domain import (
    TOO_MANY_FAILURES,
    Account,
    AccountInactive,
    Holder,
    LoginFailed,
    Session,
    SessionUnknown,
    TooFast,
    Verdict,
    is_session_id,
    judge,
    newest_live,
)
from apps.login.settings import Settings
from apps.login.tables import audit, outbox
from apps.mail.letters import Letter
from apps.mail.limits import is_within_limit
from apps.mail.outbox import OutboxMail, queue_mail
from apps.mail.wording import Wording, spoken
from apps.storage.audit import record_event, trim_audit
from apps.storage.database import Database
from apps.web.hash_pool import HashPool
from apps.web.refusals import TokenRefused

SECURITY_NOTICE = "security_notice"

ATTEMPTS_KEPT_SECONDS = 300
"""How long a failed attempt is remembered at least; longer if LOGIN_RETRY_SECONDS is."""


@dataclass(frozen=True)
class Ports:
    """What login reaches the world through."""

    database: Database
    hash_pool: HashPool
    clock: Callable[[], datetime]


@dataclass(frozen=True)
class Caller:
    """Who asks, for the audit trail and for the throttle."""

    client: str
    request_id: str


@dataclass(frozen=True)
class LogIn:
    """Somebody gives a canonical address and a password."""

    email: str
    password: str


async def log_in(command: LogIn, *, ports: Ports, settings: Settings, caller: Caller) -> str:
    """Returns the token of a new session; exactly one hash, and one commit unless a grant loses a race.

    Raises:
        TooFast: this client's last attempt on this address failed a moment ago; nothing is hashed or counted.
        Overloaded: too many hashes are waiting; nothing is counted.
        LoginFailed: unknown address, wrong password or suspended account; the same work in each case.
        AccountInactive: the right password of an account that is not activated.
    """
    now = ports.clock()
    key = address_key(command.email)
    async with ports.database.reading() as connection:
        standing = await store.find_standing(
            connection, address=command.email, address_key=key, client=caller.client, now=now
        )
    wait_seconds = seconds_left(standing.last_failure_at, now, settings.login_retry_seconds)
    if wait_seconds:
        raise TooFast(retry_after_seconds=wait_seconds)
    account = standing.account
    is_right = await ports.hash_pool.run(
        verify_password,
        command.password,
        account.password_hash if account else None,
        settings.pepper,
    )
    verdict = judge(account, is_password_right=is_right)
    if account and verdict is Verdict.GRANTED:
        token = await _grant(account, ports=ports, settings=settings, caller=caller)
        if token is not None:
            return token
        verdict = Verdict.REFUSED
    if account and verdict is Verdict.INACTIVE:
        await _note_inactive(account, ports=ports, caller=caller)
        raise AccountInactive
    counted = account if verdict is Verdict.WRONG else None
    await _note_failure(account, counted, key, ports=ports, settings=settings, caller=caller)
    raise LoginFailed


async def authenticate(token: str | None, *, ports: Ports, settings: Settings) -> tuple[Session, Holder]:
    """Returns the live session of a token, with its user.

    Raises:
        TokenRefused: missing, forged, of another purpose, expired, revoked, or of an older password.
    """
    claims = _session_claims(token, ports=ports, settings=settings)
    async with ports.database.reading() as connection:
        found = await store.find_session(connection, claims.token_id)
    if found is None:
        raise TokenRefused
    session, holder = found
    if not session.is_live(pw_version=holder.pw_version, now=ports.clock()):
        raise TokenRefused
    return session, holder


async def list_sessions(holder: Holder, *, ports: Ports) -> Sequence[Session]:
    """Returns the live sessions of a user, the newest first."""
    async with ports.database.reading() as connection:
        sessions = await store.find_sessions(connection, [holder.user_id])
    now = ports.clock()
    return [session for session in sessions if session.is_live(pw_version=holder.pw_version, now=now)]


async def log_out(token: str | None, *, ports: Ports, settings: Settings, caller: Caller) -> None:
    """Ends the session of a token; one that is unknown here is no error (RFC 7009 section 2.2)."""
    try:
        claims = _session_claims(token, ports=ports, settings=settings)
    except TokenRefused:
        return

    await _end([claims.token_id], claims.user_id, "LOGGED_OUT", ports=ports, settings=settings, caller=caller)


async def revoke_session(
    session_id: str, holder: Holder, *, ports: Ports, settings: Settings, caller: Caller
) -> None:
    """Ends one session of a user.

    Raises:
        SessionUnknown: there is none of this name, or it is somebody else's.
    """
    if not is_session_id(session_id) or not await _end(
        [session_id], holder.user_id, "SESSION_REVOKED", ports=ports, settings=settings, caller=caller
    ):
        raise SessionUnknown


async def revoke_others(
    session: Session, holder: Holder, *, ports: Ports, settings: Settings, caller: Caller
) -> None:
    """Ends every session of a user but this one."""
    others = [other.session_id for other in await list_sessions(holder, ports=ports) if other != session]
    await _end(others, holder.user_id, "SESSION_REVOKED", ports=ports, settings=settings, caller=caller)


@dataclass
class Walk:
    """How far the sweeper has come in looking through the sessions."""

    after: str = ""


async def sweep(walk: Walk, *, ports: Ports, settings: Settings) -> None:
    """Writes down what time and newer passwords have done: ended sessions, lifted suspensions, old attempts.

    Nobody waits for this: what has ended opens nothing, swept or not. It makes `auth_token` and `lifted_at`
    follow, and so tells the other services. Looks first, and writes only where there is something; what a
    round reads and writes is bounded. Deletes what is too old of the audit trail, too.
    """
    now = ports.clock()
    attempts_end = now - timedelta(seconds=max(settings.login_retry_seconds, ATTEMPTS_KEPT_SECONDS))
    async with ports.database.reading() as connection:
        outdated, next_after = await store.find_outdated(connection, after=walk.after)
        sessions = await store.find_expired(connection, now=now) + outdated
        suspensions = await store.find_ended_suspensions(connection, now=now)
        attempts = await store.find_old_attempts(connection, before=attempts_end)

    async def work(connection: AsyncConnection) -> None:
        if sessions:
            holders = await store.lock_holders(connection, list({session.user_id for session in sessions}))
            await store.delete_sessions(connection, [session.session_id for session in sessions])
            await _settle(connection, holders, now=now, settings=settings)
        for suspension_id, user_id in suspensions:
            if await store.lift_suspension(connection, suspension_id, now=now):
                await record_event(connection, audit, event="SUSPENSION_LIFTED", now=now, user_id=user_id)
        if attempts:
            await store.delete_attempts(connection, attempts, before=attempts_end)

    if sessions or suspensions or attempts:
        await ports.database.transact(work)
    walk.after = next_after
    await trim_audit(ports.database, audit, now=now)


def compose(mail: OutboxMail, *, wording: Wording) -> Letter:
    """Words a mail of the outbox at the moment in which it leaves."""
    return wording.letter(
        str(mail.params["template"]), failures=mail.params["failures"], until=mail.params["until"]
    )


def _session_claims(token: str | None, *, ports: Ports, settings: Settings) -> Claims:
    try:
        return tokens.read(tokens.SESSION, settings.verifying_keys, token, now=ports.clock())
    except TokenInvalid:
        raise TokenRefused from None


async def _grant(account: Account, *, ports: Ports, settings: Settings, caller: Caller) -> str | None:
    """Begins a session; None if the account was suspended, or its password changed, during the hash."""

    async def work(connection: AsyncConnection) -> str | None:
        now = ports.clock()
        ends_at = (now + timedelta(seconds=settings.session_ttl_seconds)).replace(microsecond=0)
        session = Session(new_token_id(), account.user_id, account.pw_version, now, ends_at)
        if account.failures:
            await store.forget_failures(connection, account.user_id)
        receipt = _issue(tokens.RECEIPT, session, account.email, settings)
        if not await store.save_receipt(connection, session, receipt, now=now):
            return None
        await store.insert_session(connection, session)
        await _record(connection, "LOGGED_IN", now=now, user_id=account.user_id, caller=caller)
        return _issue(tokens.SESSION, session, account.email, settings)

    return await ports.database.transact(work)


async def _note_inactive(account: Account, *, ports: Ports, caller: Caller) -> None:
    async def work(connection: AsyncConnection) -> None:
        if account.failures:
            await store.forget_failures(connection, account.user_id)
        await _record(connection, "LOGIN_INACTIVE", now=ports.clock(), user_id=account.user_id, caller=caller)

    await ports.database.transact(work)


async def _note_failure(
    account: Account | None,
    counted: Account | None,
    key: str,
    *,
    ports: Ports,
    settings: Settings,
    caller: Caller,
) -> None:
    """Notes a failed attempt: the same statements in every case, but for the failure that suspends.

    Args:
        account: whom it was aimed at. counted: the same, if it counts towards suspension.
    """

    async def work(connection: AsyncConnection) -> None:
        now = ports.clock()
        failures, is_suspended = await store.count_failure(
            connection, counted.user_id if counted else None, now=now
        )
        await store.save_attempt(connection, address_key=key, client=caller.client, now=now)
        user_id = account.user_id if account else None
        await _record(connection, "LOGIN_FAILED", now=now, user_id=user_id, key=key, caller=caller)
        if counted and is_suspended:  # by an attempt that was faster: this one counts for nothing
            await store.forget_failures(connection, counted.user_id)
        elif counted and is_suspending(failures, settings.login_max_failures):
            await _suspend(connection, counted, now=now, settings=settings, caller=caller)

    await ports.database.transact(work)


async def _suspend(
    connection: AsyncConnection, account: Account, *, now: datetime, settings: Settings, caller: Caller
) -> None:
    until = now + timedelta(seconds=settings.login_suspension_seconds)
    await store.insert_suspension(connection, account, reason=TOO_MANY_FAILURES, now=now, until=until)
    await store.forget_failures(connection, account.user_id)
    await _record(connection, "SUSPENDED", now=now, user_id=account.user_id, caller=caller)
    if await is_within_limit(
        connection,
        outbox,
        kind=SECURITY_NOTICE,
        recipient=account.email,
        limit=settings.mail_per_address,
        window_seconds=settings.mail_window_seconds,
        now=now,
    ):
        params: dict[str, str | int] = {
            "template": "suspended",
            "failures": settings.login_max_failures,
            # Spoken times have no seconds: who comes back at this one must not be too early.
            "until": spoken(until + timedelta(seconds=59)),
        }
        await queue_mail(
            connection, outbox, kind=SECURITY_NOTICE, recipient=account.email, params=params, now=now
        )


async def _end(
    session_ids: Sequence[str],
    user_id: int,
    event: str,
    *,
    ports: Ports,
    settings: Settings,
    caller: Caller,
) -> int:
    """Ends sessions of one user; returns how many there were."""
    if not session_ids:
        return 0

    async def work(connection: AsyncConnection) -> int:
        now = ports.clock()
        holders = await store.lock_holders(connection, [user_id])
        ended = await store.delete_sessions(connection, session_ids, user_id=user_id)
        if ended:
            await _settle(connection, holders, now=now, settings=settings)
            await _record(connection, event, now=now, user_id=user_id, caller=caller)
        return ended

    return await ports.database.transact(work)


async def _settle(
    connection: AsyncConnection, holders: Sequence[Holder], *, now: datetime, settings: Settings
) -> None:
    """Makes `auth_token` of these users the receipt of their newest live session, or NULL without one."""
    sessions: defaultdict[int, list[Session]] = defaultdict(list)
    for session in await store.find_sessions(connection, [holder.user_id for holder in holders]):
        sessions[session.user_id].append(session)
    leavers = []
    for holder in holders:
        newest = newest_live(sessions[holder.user_id], pw_version=holder.pw_version, now=now)
        if newest is None:
            leavers += [holder.user_id] if holder.auth_token is not None else []
        elif _session_of(holder.auth_token, now=now, settings=settings) != newest.session_id:
            receipt = _issue(tokens.RECEIPT, newest, holder.email, settings)
            await store.set_auth_token(connection, [holder.user_id], receipt)
    if leavers:
        await store.set_auth_token(connection, leavers, None)


def _session_of(receipt: str | None, *, now: datetime, settings: Settings) -> str | None:
    try:
        return tokens.read(tokens.RECEIPT, settings.verifying_keys, receipt, now=now).token_id
    except TokenInvalid:
        return None


def _issue(purpose: Purpose, session: Session, email: str, settings: Settings) -> str:
    return tokens.issue(
        purpose,
        settings.signing_key,
        subject=session.user_id,
        token_id=session.session_id,
        issued_at=session.issued_at,
        expires_at=session.expires_at,
        claims={"email": email, "pwv": session.pw_version},
    )


async def _record(
    connection: AsyncConnection,
    event: str,
    *,
    now: datetime,
    user_id: int | None,
    caller: Caller,
    key: str | None = None,
) -> None:
    await record_event(
        connection,
        audit,
        event=event,
        now=now,
        user_id=user_id,
        address_key=key,
        client=caller.client,
        request_id=caller.request_id,
    )
