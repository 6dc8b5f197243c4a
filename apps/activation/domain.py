"""What an activation link does, decided from values alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from apps.auth.errors import Refusal

LINK_EXPIRED = "LINK_EXPIRED"


class LinkExpired(Refusal):
    """The link is authentic and too old."""

    status = 410
    code = LINK_EXPIRED
    title = "Link expired"
    detail = "This activation link has expired. Ask for a new one, or sign up again."


class LinkSuperseded(Refusal):
    """The link is authentic, and a later sign-up has replaced the password that it was made for."""

    status = 410
    code = "LINK_SUPERSEDED"
    title = "Link superseded"
    detail = "A newer sign-up has replaced this link. Use the link in the newest mail."


class Verdict(Enum):
    """What happens to a link."""

    ACTIVATE = auto()
    ALREADY_ACTIVE = auto()
    SUPERSEDED = auto()
    SAVE_EXPIRED = auto()
    EXPIRED = auto()


@dataclass(frozen=True)
class Link:
    """What an authentic activation link says."""

    user_id: int
    email: str
    pw_version: int
    expires_at: datetime


@dataclass(frozen=True)
class Standing:
    """What is known here of the link's user, before the link is looked at."""

    status: str | None
    """Of the user's document; None without one."""
    pw_version: int
    """Of the document; 0 without one."""
    active_versions: frozenset[int]
    """Every password version that was made ACTIVE here."""
    newest_version: int
    """The newest password version that sign-up has told of; 0 before it has told of any."""

    @classmethod
    def of(
        cls,
        *,
        status: str | None = None,
        pw_version: int = 0,
        active_versions: Iterable[int] = (),
        newest_version: int = 0,
    ) -> "Standing":
        return cls(status, pw_version, frozenset(active_versions), newest_version)


def judge(link: Link, standing: Standing, *, now: datetime) -> Verdict:
    """Decides in this order: too old, a repeat, replaced by a newer sign-up, good.

    A repeat stays a repeat whatever came after, so that opening a mail twice never turns a success into
    an error. A link newer than everything known here is good: mail can be faster than events.
    """
    if now >= link.expires_at:
        is_news = standing.status != "ACTIVE" and link.pw_version > standing.pw_version
        return Verdict.SAVE_EXPIRED if is_news else Verdict.EXPIRED
    if link.pw_version in standing.active_versions:
        return Verdict.ALREADY_ACTIVE
    if link.pw_version < max(standing.pw_version, standing.newest_version):
        return Verdict.SUPERSEDED
    return Verdict.ACTIVATE
