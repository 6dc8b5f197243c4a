"""What reset-password decides from values alone: who may ask for a link, what a link is still good for."""

from dataclasses import dataclass
from datetime import datetime

from apps.auth.errors import FieldError, Refusal, ValidationFailed
from apps.auth.tokens import Claims


class LoginRequired(Refusal):
    """No live auth token stands for this address: unknown, never logged in, logged out or expired."""

    status = 403
    code = "LOGIN_REQUIRED"
    title = "Login required"
    detail = "A password can be reset only while its owner is logged in somewhere."


class LinkExpired(Refusal):
    """The link is authentic and too old."""

    status = 410
    code = "LINK_EXPIRED"
    title = "Link expired"
    detail = "This reset link has expired. Ask for a new one."


class LinkUsed(Refusal):
    """The link has set a password already, or another link of the same user has."""

    status = 410
    code = "LINK_USED"
    title = "Link used"
    detail = "This reset link has been used, or a newer password has replaced it. Ask for a new one."


class PasswordRefused(ValidationFailed):
    """The new password breaks a rule; the link stays good, and its page asks again."""

    def __init__(self, error: FieldError, *, token: str) -> None:
        super().__init__([error])
        self.token = token


@dataclass(frozen=True)
class Account:
    """The part of a row in `users` that decides."""

    user_id: int
    email: str
    pw_version: int
    """The version that sign-up is known to have applied."""
    chosen_version: int | None
    """The version of the newest password chosen here; None before the first."""
    auth_token: str | None

    @property
    def newest_version(self) -> int:
        """The newest password version known here: a chosen one counts before sign-up has applied it."""
        return max(self.pw_version, self.chosen_version or 0)


@dataclass(frozen=True)
class ResetLink:
    """One reset link that was mailed."""

    link_id: str
    user_id: int
    pw_version: int
    """The password version that it may replace."""
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class LinkState:
    """What has become of a link that was mailed."""

    is_used: bool
    is_killed: bool
    pw_version: int
    newest_version: int
    """The newest password version known of the link's user."""

    @property
    def is_dead(self) -> bool:
        """Whether the link can no longer set a password, its age aside."""
        return self.is_used or self.is_killed or self.pw_version < self.newest_version


def proves_login(account: Account | None, receipt: Claims | None) -> bool:
    """Says whether a receipt, read from the account's `auth_token`, proves that its owner is logged in.

    A receipt of an older password version proves nothing any more, whether or not login has cleared it.
    """
    return (
        account is not None
        and receipt is not None
        and receipt.user_id == account.user_id
        and receipt.pw_version >= account.newest_version
    )


def belongs_to(session: Claims, address: str, account: Account | None) -> bool:
    """Says whether a session is one of this address, and of its present password as far as is known here."""
    if session.email != address:
        return False
    return account is None or (
        session.user_id == account.user_id and session.pw_version >= account.newest_version
    )
