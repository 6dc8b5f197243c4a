"""The use cases of reset-password: ask for a link, look at one, choose a new password by it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from apps.auth import tokens
from apps.auth.addresses import address_key
from apps.auth.passwords import hash_password, password_error
from apps.auth.tokens import Claims, TokenExpired, TokenInvalid, new_token_id
from apps.mail.letters import Letter
from apps.mail.limits import is_within_limit
from apps.mail.outbox import OutboxMail, queue_mail
from apps.mail.wording import Wording, spoken
from apps.reset_password import store
from apps.reset_password.domain import (
    Account,
    LinkExpired,
    LinkUsed,
    LoginRequired,
    PasswordRefused,
    ResetLink,
    belongs_to,
    proves_login,
)
from apps.reset_password.settings import Settings
from apps.reset_password.tables import audit, outbox
from apps.storage.audit import record_event, trim_audit
from apps.storage.database import Database
from apps.web.hash_pool import HashPool
from apps.web.refusals import LinkInvalid, TokenRefused

RESET_PATH = "/api/v1/dev/confirmPWreset"
RESET = "reset"
SECURITY_NOTICE = "security_notice"
LINKS_KEPT = timedelta(days=1)
"""How long a link is remembered after it has expired."""


@dataclass(frozen=True)
class Ports:
    """What reset-password reaches the world through."""

    database: Database
    hash_pool: HashPool
    clock: Callable[[], datetime]


@dataclass(frozen=True)
class Caller:
    """Who asks, for the audit trail."""

    client: str
    request_id: str


@dataclass(frozen=True)
class RequestLink:
    """Somebody wants to be mailed a reset link; `session` is the bearer token that came along, if any."""

    email: str
    session: str | None


@dataclass(frozen=True)
class ChoosePassword:
    """Somebody has opened a reset link and chosen a password."""

    token: str
    password: str


async def request_link(command: RequestLink, *, ports: Ports, settings: Settings, caller: Caller) -> None:
    """Mails a reset link to the stored address while a live auth token stands for it.

    Past the mail limit nothing is mailed and nothing else is different.

    Raises:
        TokenRefused: the bearer token is not a session of this account's present password.
        LoginRequired: no live auth token, for whatever reason; not where the answers are silent.
    """
    now = ports.clock()
    session = None
    if command.session is not None:
        session = _session_claims(command.session, now=now, settings=settings)

    async def work(connection: AsyncConnection) -> bool:
        account = await store.lock_account(connection, command.email)
        if session is not None and not belongs_to(session, command.email, account):
            raise TokenRefused
        receipt = _receipt(account, now=now, settings=settings)
        if account is None or not proves_login(account, receipt):
            event, is_logged_in = "RESET_REFUSED", False
        elif await _may_mail(connection, RESET, account, now=now, settings=settings):
            await _send_link(connection, account, now=now, settings=settings)
            event, is_logged_in = "RESET_REQUESTED", True
        else:
            event, is_logged_in = "RESET_WITHHELD", True
        user_id = account.user_id if account else None
        await _record(connection, event, command.email, user_id, now=now, caller=caller)
        return is_logged_in

    if not await ports.database.transact(work) and not settings.is_silent:
        raise LoginRequired


async def look_at(token: str | None, *, ports: Ports, settings: Settings) -> Claims:
    """Returns what a good link says, and changes nothing: a mail scanner may call.

    Raises:
        LinkInvalid: forged, malformed, of another purpose, missing, or unknown here.
        LinkExpired: authentic and too old. LinkUsed: it, or another link of its user, has set a password.
    """
    try:
        claims = tokens.read(tokens.RESET, settings.link_keys, token, now=ports.clock())
    except TokenExpired:
        raise LinkExpired from None
    except TokenInvalid:
        raise LinkInvalid from None
    async with ports.database.reading() as connection:
        state = await store.find_link_state(connection, claims.token_id, claims.user_id)
    if state is None:
        raise LinkInvalid
    if state.is_dead:
        raise LinkUsed
    return claims


async def choose_password(
    command: ChoosePassword, *, ports: Ports, settings: Settings, caller: Caller
) -> None:
    """Saves a new password under the next version, uses the link up, and tells the owner by mail.

    Whatever was made for an older version is dead from here on: the receipt that stands in `auth_token`,
    every other link, and, once the version has reached login, every session and any suspension.

    Raises:
        LinkInvalid, LinkExpired, LinkUsed: as in `look_at`; only one of several parallel uses succeeds.
        PasswordRefused: the password breaks a rule; the link stays good.
        Overloaded: too many hashes are waiting; the link stays good.
    """
    claims = await look_at(command.token, ports=ports, settings=settings)
    error = password_error(command.password, address=claims.email, rules=settings.password_rules)
    if error is not None:
        raise PasswordRefused(error, token=command.token)
    password_hash = await ports.hash_pool.run(hash_password, command.password, settings.pepper)

    async def work(connection: AsyncConnection) -> None:
        now = ports.clock()
        account = await store.lock_account_of(connection, claims.user_id)
        if account is None:
            raise LinkInvalid
        version = account.newest_version
        if not await store.use_link(connection, claims.token_id, newest_version=version, now=now):
            raise LinkUsed
        await store.kill_links(connection, account.user_id, now=now)
        await store.save_password(
            connection, account.user_id, password_hash=password_hash, version=version + 1, now=now
        )
        if await _may_mail(connection, SECURITY_NOTICE, account, now=now, settings=settings):
            await _send_notice(connection, account, now=now)
        await _record(connection, "PASSWORD_CHANGED", account.email, account.user_id, now=now, caller=caller)

    await ports.database.transact(work)


async def sweep(*, ports: Ports) -> None:
    """Forgets links that have been expired for long, and what is too old of the audit trail.

    Looks first, and writes only if there is something.
    """
    now = ports.clock()
    async with ports.database.reading() as connection:
        link_ids = await store.find_old_links(connection, before=now - LINKS_KEPT)

    async def work(connection: AsyncConnection) -> None:
        await store.delete_links(connection, link_ids)

    if link_ids:
        await ports.database.transact(work)
    await trim_audit(ports.database, audit, now=now)


def compose(mail: OutboxMail, *, wording: Wording, settings: Settings) -> Letter:
    """Words a queued mail; its link is signed only now, from the claims in the queue."""
    params = mail.params
    template = str(params["template"])
    if "token_id" not in params:
        return wording.letter(template, changed_at=spoken(_moment(params["changed_at"])))
    token = tokens.issue(
        tokens.RESET,
        settings.signing_key,
        subject=int(params["user_id"]),
        token_id=str(params["token_id"]),
        issued_at=_moment(params["issued_at"]),
        expires_at=_moment(params["expires_at"]),
        claims={"email": mail.recipient, "pwv": int(params["pw_version"])},
    )
    link = f"{settings.public_reset_password_url}{RESET_PATH}?token={token}"
    return wording.letter(template, link=link, until=spoken(_moment(params["expires_at"])))


async def _send_link(
    connection: AsyncConnection, account: Account, *, now: datetime, settings: Settings
) -> None:
    """Queues the claims of a link, never the token: it is signed when the mail leaves."""
    created_at = now.replace(microsecond=0)  # a token counts in whole seconds, and the row says the same
    link = ResetLink(
        link_id=new_token_id(),
        user_id=account.user_id,
        pw_version=account.newest_version,
        created_at=created_at,
        expires_at=created_at + timedelta(seconds=settings.reset_ttl_seconds),
    )
    await store.insert_link(connection, link)
    await queue_mail(
        connection,
        outbox,
        kind=RESET,
        recipient=account.email,
        params={
            "template": "reset",
            "user_id": link.user_id,
            "pw_version": link.pw_version,
            "token_id": link.link_id,
            "issued_at": int(link.created_at.timestamp()),
            "expires_at": int(link.expires_at.timestamp()),
        },
        now=now,
        expires_at=link.expires_at,
    )


async def _send_notice(connection: AsyncConnection, account: Account, *, now: datetime) -> None:
    await queue_mail(
        connection,
        outbox,
        kind=SECURITY_NOTICE,
        recipient=account.email,
        params={"template": "password_changed", "changed_at": int(now.timestamp())},
        now=now,
    )


async def _may_mail(
    connection: AsyncConnection, kind: str, account: Account, *, now: datetime, settings: Settings
) -> bool:
    return await is_within_limit(
        connection,
        outbox,
        kind=kind,
        recipient=account.email,
        limit=settings.mail_per_address,
        window_seconds=settings.mail_window_seconds,
        now=now,
    )


def _session_claims(token: str, *, now: datetime, settings: Settings) -> Claims:
    try:
        return tokens.read(tokens.SESSION, settings.login_keys, token, now=now)
    except TokenInvalid:
        raise TokenRefused from None


def _receipt(account: Account | None, *, now: datetime, settings: Settings) -> Claims | None:
    try:
        return tokens.read(
            tokens.RECEIPT, settings.login_keys, account.auth_token if account else None, now=now
        )
    except TokenInvalid:
        return None


def _moment(seconds: str | int) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


async def _record(
    connection: AsyncConnection,
    event: str,
    email: str,
    user_id: int | None,
    *,
    now: datetime,
    caller: Caller,
) -> None:
    await record_event(
        connection,
        audit,
        event=event,
        now=now,
        user_id=user_id,
        address_key=address_key(email),
        client=caller.client,
        request_id=caller.request_id,
    )
