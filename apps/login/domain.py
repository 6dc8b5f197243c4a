"""What login decides from values alone: who gets in, which session is live, when a suspension ends."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from apps.auth.errors import Refusal

TOO_MANY_FAILURES = "TOO_MANY_FAILURES"
"""Why an account is suspended: the only reason there is."""

_SESSION_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class LoginFailed(Refusal):
    """Unknown address, wrong password or suspended account: nobody outside can tell which."""

    status = 401
    code = "LOGIN_FAILED"
    title = "Login failed"
    detail = "The address or the password is not right, or logins are refused for now."


class AccountInactive(Refusal):
    """The password is right, and the owner has not yet opened the activation link."""

    status = 403
    code = "ACCOUNT_INACTIVE"
    title = "Account not activated"
    detail = "Open the link in the activation mail first."


class TooFast(Refusal):
    """The last attempt of this client on this address failed a moment ago."""

    status = 429
    code = "TOO_FAST"
    title = "Too fast"
    detail = "Wait a moment before the next attempt."


class SessionUnknown(Refusal):
    """There is no such live session, or it is somebody else's."""

    status = 404
    code = "SESSION_UNKNOWN"
    title = "Session unknown"
    detail = "You have no session of this name."


class Verdict(Enum):
    """What an attempt to log in comes to."""

    GRANTED = auto()
    INACTIVE = auto()
    WRONG = auto()
    """A wrong password for an account that exists: it counts towards suspension."""
    REFUSED = auto()
    """Unknown address or suspended account, whatever the password: it counts for nothing."""


@dataclass(frozen=True)
class Account:
    """What is known of the account at the moment of the attempt."""

    user_id: int
    email: str
    password_hash: str
    is_active: bool
    pw_version: int
    failures: int
    """Wrong passwords in a row, so far."""
    is_suspended: bool


@dataclass(frozen=True)
class Standing:
    """Everything that an attempt is judged by before the password."""

    last_failure_at: datetime | None
    """Of this client on this address."""
    account: Account | None


@dataclass(frozen=True)
class Holder:
    """The part of a user's row that sessions are about; who changes them holds the row meanwhile."""

    user_id: int
    email: str
    pw_version: int
    auth_token: str | None


@dataclass(frozen=True)
class Session:
    """One login of one user, for as long as it lasts."""

    session_id: str
    user_id: int
    pw_version: int
    """The password version with which it began: a newer one ends it at once."""
    issued_at: datetime
    expires_at: datetime

    def is_live(self, *, pw_version: int, now: datetime) -> bool:
        """Says whether the session still opens anything, given its user's present password version."""
        return self.expires_at > now and self.pw_version >= pw_version


def is_session_id(text: str) -> bool:
    """Says whether a session could have this name; the column that is asked holds ASCII only."""
    return _SESSION_ID.fullmatch(text) is not None


def judge(account: Account | None, *, is_password_right: bool) -> Verdict:
    """Decides an attempt; whether the account is suspended or INACTIVE shows only after the password."""
    if account is None or account.is_suspended:
        return Verdict.REFUSED
    if not is_password_right:
        return Verdict.WRONG
    return Verdict.GRANTED if account.is_active else Verdict.INACTIVE


def newest_live(sessions: Iterable[Session], *, pw_version: int, now: datetime) -> Session | None:
    """Returns the session whose receipt stands in `auth_token`; None if the user is logged in nowhere."""
    live = [session for session in sessions if session.is_live(pw_version=pw_version, now=now)]
    return max(live, key=lambda session: session.issued_at, default=None)
