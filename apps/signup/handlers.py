"""The use cases of sign-up: one function for each, one transaction in each."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from apps.auth import tokens
from apps.auth.addresses import address_key
from apps.auth.passwords import hash_password
from apps.auth.tokens import new_token_id
from apps.events.source import OpenSource
from apps.mail.letters import Letter
from apps.mail.limits import is_within_limit
from apps.mail.outbox import OutboxMail, queue_mail
from apps.mail.wording import Wording, spoken
from apps.signup import store
from apps.signup.domain import (
    ACTIVATION_MAIL,
    TAKEN_NOTICE,
    Account,
    Activation,
    NewPassword,
    Profile,
    Standing,
    standing_of,
)
from apps.signup.settings import Settings
from apps.signup.tables import audit, outbox
from apps.storage.audit import record_event, trim_audit
from apps.storage.database import Database
from apps.web.hash_pool import HashPool

ACTIVATION_PATH = "/api/v1/dev/confirmuserReg"


@dataclass(frozen=True)
class Ports:
    """What sign-up reaches the world through; `open_source` is None where no topic is to be consumed."""

    database: Database
    open_source: OpenSource | None
    hash_pool: HashPool
    clock: Callable[[], datetime]


@dataclass(frozen=True)
class Caller:
    """Who asks, for the audit trail."""

    client: str
    request_id: str


@dataclass(frozen=True)
class SignUp:
    """Somebody wants an account under a canonical address."""

    email: str
    password: str
    profile: Profile


async def sign_up(command: SignUp, *, ports: Ports, settings: Settings, caller: Caller) -> Standing:
    """Saves the account and queues its activation mail, or tells the owner of an ACTIVE one by mail.

    Returns what the address was before. Every case runs one hash, the same number of statements and one
    commit, so that time does not tell one from another; a sign-up whose mail the limit withholds writes
    nothing but its audit row.

    Raises:
        Overloaded: too many hashes are waiting.
    """
    password_hash = await ports.hash_pool.run(hash_password, command.password, settings.pepper)
    now = ports.clock()

    async def work(connection: AsyncConnection) -> Standing:
        account = await store.lock_account(connection, command.email)
        is_suspended = await store.is_suspended(connection, account, now=now)
        standing = standing_of(account, is_suspended=is_suspended)
        if await _may_mail(connection, standing.mail_kind, command.email, settings=settings, now=now):
            event = f"SIGN_UP_{standing.name}"
            account = await _save(connection, account, command, standing, password_hash, now=now)
            if standing.is_open:
                await _queue_link(connection, account, standing.template, settings=settings, now=now)
            else:
                await _queue_notice(connection, account, standing.template, now=now)
        else:
            event = "SIGN_UP_WITHHELD"
            await store.replace_nothing(connection)
            await store.replace_nothing(connection)
        await _record(connection, event, command.email, account, caller=caller, now=now)
        return standing

    return await ports.database.transact(work)


async def resend(email: str, *, ports: Ports, settings: Settings, caller: Caller) -> None:
    """Queues another activation mail for an INACTIVE account, under its present password version.

    As in `sign_up`, every case costs the same.
    """
    now = ports.clock()

    async def work(connection: AsyncConnection) -> None:
        account = await store.lock_account(connection, email)
        standing = standing_of(account, is_suspended=False)
        is_allowed = await _may_mail(connection, ACTIVATION_MAIL, email, settings=settings, now=now)
        if account and standing is Standing.INACTIVE and is_allowed:
            event = "RESEND"
            await _queue_link(connection, account, Standing.NEW.template, settings=settings, now=now)
        else:
            event = "RESEND_WITHHELD"
            await store.replace_nothing(connection)
        await _record(connection, event, email, account, caller=caller, now=now)

    await ports.database.transact(work)


async def sweep(*, ports: Ports) -> None:
    """Deletes what is too old of the audit trail."""
    await trim_audit(ports.database, audit, now=ports.clock())


def compose(mail: OutboxMail, *, wording: Wording, settings: Settings) -> Letter:
    """Returns the letter of a queued mail; its link is signed only now, from the claims in the queue."""
    template = str(mail.params["template"])
    if "token_id" not in mail.params:
        return wording.letter(template)
    expires_at = datetime.fromtimestamp(int(mail.params["expires_at"]), UTC)
    token = tokens.issue(
        tokens.ACTIVATION,
        settings.signing_key,
        subject=int(mail.params["user_id"]),
        token_id=str(mail.params["token_id"]),
        issued_at=datetime.fromtimestamp(int(mail.params["issued_at"]), UTC),
        expires_at=expires_at,
        claims={"email": mail.recipient, "pwv": int(mail.params["pw_version"])},
    )
    link = f"{settings.public_activation_url}{ACTIVATION_PATH}?token={token}"
    return wording.letter(template, link=link, until=spoken(expires_at))


async def apply_activation(activation: Activation, *, ports: Ports) -> bool:
    """Takes over an activation of the account's present password version; False for an unknown account."""

    async def work(connection: AsyncConnection) -> bool:
        if activation.status == "ACTIVE":
            is_changed = await store.set_active(connection, activation)
        else:
            is_changed = await store.set_reason(connection, activation)
        return is_changed or await store.is_known(connection, activation.user_id)

    return await ports.database.transact(work)


async def apply_password(chosen: NewPassword, *, ports: Ports) -> bool:
    """Takes over a newly chosen password unless a newer one stands; False for an unknown account."""

    async def work(connection: AsyncConnection) -> bool:
        is_changed = await store.set_password(connection, chosen)
        return is_changed or await store.is_known(connection, chosen.user_id)

    return await ports.database.transact(work)


async def _may_mail(
    connection: AsyncConnection, kind: str, recipient: str, *, settings: Settings, now: datetime
) -> bool:
    return await is_within_limit(
        connection,
        outbox,
        kind=kind,
        recipient=recipient,
        limit=settings.mail_per_address,
        window_seconds=settings.mail_window_seconds,
        now=now,
    )


async def _save(
    connection: AsyncConnection,
    account: Account | None,
    command: SignUp,
    standing: Standing,
    password_hash: str,
    *,
    now: datetime,
) -> Account:
    if account is None:
        return await store.insert_account(
            connection, email=command.email, password_hash=password_hash, profile=command.profile, now=now
        )
    if standing is Standing.INACTIVE:
        return await store.replace_account(
            connection, account, password_hash=password_hash, profile=command.profile
        )
    await store.replace_nothing(connection)
    return account


async def _queue_link(
    connection: AsyncConnection, account: Account, template: str, *, settings: Settings, now: datetime
) -> None:
    """Queues the claims of a link, never the token: it is signed when the mail leaves."""
    issued_at = int(now.timestamp())
    params: dict[str, str | int] = {
        "template": template,
        "user_id": account.user_id,
        "pw_version": account.pw_version,
        "token_id": new_token_id(),
        "issued_at": issued_at,
        "expires_at": issued_at + settings.activation_ttl_seconds,
    }
    await queue_mail(
        connection,
        outbox,
        kind=ACTIVATION_MAIL,
        recipient=account.email,
        params=params,
        now=now,
        expires_at=now + timedelta(seconds=settings.activation_ttl_seconds),
    )


async def _queue_notice(
    connection: AsyncConnection, account: Account, template: str, *, now: datetime
) -> None:
    await queue_mail(
        connection,
        outbox,
        kind=TAKEN_NOTICE,
        recipient=account.email,
        params={"template": template},
        now=now,
    )


async def _record(
    connection: AsyncConnection,
    event: str,
    email: str,
    account: Account | None,
    *,
    caller: Caller,
    now: datetime,
) -> None:
    await record_event(
        connection,
        audit,
        event=event,
        now=now,
        user_id=account.user_id if account else None,
        address_key=address_key(email),
        client=caller.client,
        request_id=caller.request_id,
    )
