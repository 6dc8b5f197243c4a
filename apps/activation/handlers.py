"""The use cases of activation: look at a link, activate by it, learn of a newer password version."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from apps.activation import store
from apps.activation.domain import Link, LinkExpired, LinkSuperseded, Verdict, judge
from apps.auth import tokens
from apps.auth.tokens import PublicKeys, TokenExpired, TokenInvalid
from apps.events.source import OpenSource
from apps.storage.documents import Documents
from apps.storage.errors import StorageUnavailable
from apps.web.logs import get_logger
from apps.web.refusals import LinkInvalid

log = get_logger("activation")


@dataclass(frozen=True)
class Ports:
    """What activation reaches the world through; `open_source` is None where no topic is to be consumed."""

    documents: Documents
    open_source: OpenSource | None
    clock: Callable[[], datetime]


async def activate(token: str | None, *, ports: Ports, keys: PublicKeys) -> None:
    """Makes the link's user ACTIVE; opening the same link again is a success that writes nothing.

    Raises:
        LinkInvalid: forged, malformed, of another purpose or missing.
        LinkExpired: authentic and too old; saved as the reason why the user is INACTIVE.
        LinkSuperseded: of an older password version than the newest known here.
    """
    now = ports.clock()
    link = read_link(token, keys=keys, now=now)
    for _ in range(3):  # a lost race is decided by the next look: the winner's document is there then
        verdict = judge(link, await store.find_standing(ports.documents, link.user_id), now=now)
        if verdict is Verdict.ALREADY_ACTIVE:
            return
        if verdict is Verdict.SUPERSEDED:
            raise LinkSuperseded
        if verdict is Verdict.SAVE_EXPIRED:
            await store.save_expired(ports.documents, link, now=now)
        if verdict is not Verdict.ACTIVATE:
            raise LinkExpired
        if await store.save_active(ports.documents, link, now=now):
            log.info("activated", user_id=link.user_id, pw_version=link.pw_version)
            return
    raise StorageUnavailable


def look_at(token: str | None, *, ports: Ports, keys: PublicKeys) -> None:
    """Checks a link for the page with the button, and touches no user's document: a mail scanner may call.

    Raises:
        LinkInvalid: as in `activate`.
        LinkExpired: authentic and too old.
    """
    now = ports.clock()
    if now >= read_link(token, keys=keys, now=now).expires_at:
        raise LinkExpired


@asynccontextmanager
async def counting_refusals(ports: Ports) -> AsyncIterator[None]:
    """Counts a link that is refused as LINK_INVALID within the block."""
    try:
        yield
    except LinkInvalid:
        await store.count_failure(ports.documents, now=ports.clock())
        log.info("link_refused")
        raise


def read_link(token: str | None, *, keys: PublicKeys, now: datetime) -> Link:
    """Returns what an authentic link says, expired or not; raises LinkInvalid for any other."""
    try:
        claims = tokens.read(tokens.ACTIVATION, keys, token, now=now)
    except TokenExpired as expired:
        claims = expired.claims
    except TokenInvalid:
        raise LinkInvalid from None
    return Link(claims.user_id, claims.email, claims.pw_version, claims.expires_at)


async def learn_version(user_id: int, pw_version: int, *, ports: Ports) -> None:
    """Notes the newest password version of a user, to which a link is bound."""
    await store.learn_version(ports.documents, user_id, pw_version)
