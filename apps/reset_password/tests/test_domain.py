"""Who may ask, and what a link is good for."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from apps.auth.tokens import Claims
from apps.reset_password.domain import Account, LinkState, belongs_to, proves_login

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ADA = Account(7, "ada@example.org", pw_version=2, chosen_version=None, auth_token="receipt")
RECEIPT = Claims(7, "session", NOW, NOW, "ada@example.org", 2, {})


@pytest.mark.parametrize(
    ("account", "receipt", "proves"),
    [
        (ADA, RECEIPT, True),
        (None, RECEIPT, False),
        (ADA, None, False),
        (ADA, replace(RECEIPT, user_id=8), False),
        (ADA, replace(RECEIPT, pw_version=1), False),
        (replace(ADA, chosen_version=3), RECEIPT, False),
        (replace(ADA, chosen_version=1), RECEIPT, True),
    ],
)
def test_a_receipt_proves_a_login(account: Account | None, receipt: Claims | None, proves: bool):
    """Only one of this user, and of no older password than the newest known here."""
    assert proves_login(account, receipt) is proves


@pytest.mark.parametrize(
    ("session", "account", "belongs"),
    [
        (RECEIPT, ADA, True),
        (RECEIPT, None, True),
        (replace(RECEIPT, email="bob@example.org"), ADA, False),
        (replace(RECEIPT, user_id=8), ADA, False),
        (replace(RECEIPT, pw_version=1), ADA, False),
    ],
)
def test_a_session_belongs_to_an_address(session: Claims, account: Account | None, belongs: bool):
    """It names the address, and is of its user's present password."""
    assert belongs_to(session, "ada@example.org", account) is belongs


@pytest.mark.parametrize(
    ("state", "is_dead"),
    [
        (LinkState(False, False, 2, 2), False),
        (LinkState(True, False, 2, 2), True),
        (LinkState(False, True, 2, 2), True),
        (LinkState(False, False, 1, 2), True),
    ],
)
def test_a_link_is_dead(state: LinkState, is_dead: bool):
    """Used, killed by another, or of an older password version."""
    assert state.is_dead is is_dead
