"""What reset-password decides from values alone."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from apps.auth.tokens import Claims
from apps.reset_password.domain import Account, LinkState, belongs_to, proves_login

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ADA = Account(7, "ada@example.org", pw_version=2, chosen_version=None, auth_token="a receipt")
CLAIMS = Claims(7, "session-1", NOW, NOW, "ada@example.org", 2)
GOOD = LinkState(is_used=False, is_killed=False, pw_version=2, newest_version=2)


@pytest.mark.parametrize(("applied", "chosen", "newest"), [(1, None, 1), (1, 2, 2), (2, 2, 2), (3, 2, 3)])
def test_the_newest_version(applied: int, chosen: int | None, newest: int) -> None:
    """A chosen password counts before sign-up has applied it."""
    assert replace(ADA, pw_version=applied, chosen_version=chosen).newest_version == newest


def test_what_proves_a_login() -> None:
    """A receipt of this user, of the newest password, or of one that is newer than what is known here."""
    assert proves_login(ADA, CLAIMS)
    assert proves_login(ADA, replace(CLAIMS, pw_version=3))
    assert not proves_login(ADA, replace(CLAIMS, pw_version=1))
    assert not proves_login(replace(ADA, chosen_version=3), CLAIMS)
    assert not proves_login(ADA, replace(CLAIMS, user_id=8))
    assert not proves_login(ADA, None)
    assert not proves_login(None, CLAIMS)


def test_whose_session_it_is() -> None:
    """The address decides, and where the account is known, its id and its password version too."""
    assert belongs_to(CLAIMS, "ada@example.org", ADA)
    assert belongs_to(CLAIMS, "ada@example.org", None)
    assert not belongs_to(CLAIMS, "bob@example.org", None)
    assert not belongs_to(replace(CLAIMS, user_id=8), "ada@example.org", ADA)
    assert not belongs_to(replace(CLAIMS, pw_version=1), "ada@example.org", ADA)


@pytest.mark.parametrize(
    ("state", "is_dead"),
    [
        (GOOD, False),
        (replace(GOOD, is_used=True), True),
        (replace(GOOD, is_killed=True), True),
        (replace(GOOD, newest_version=3), True),
        (replace(GOOD, pw_version=3), False),
    ],
)
def test_what_kills_a_link(state: LinkState, is_dead: bool) -> None:
    """Its use, another's use, or a newer password."""
    assert state.is_dead is is_dead
