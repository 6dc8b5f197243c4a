from typing import Any

import pytest

from apps.auth.passwords import DEVELOPMENT, PRODUCTION
from apps.signup.domain import Account, Standing, is_printable, sign_up_errors, standing_of

GOOD = {"email": "ada@example.org", "password": "a quiet harbour"}


@pytest.mark.parametrize(
    ("status", "is_suspended", "expected"),
    [
        (None, False, Standing.NEW),
        ("INACTIVE", False, Standing.INACTIVE),
        ("INACTIVE", True, Standing.INACTIVE),
        ("ACTIVE", False, Standing.ACTIVE),
        ("ACTIVE", True, Standing.SUSPENDED),
    ],
)
def test_standing(status: str | None, is_suspended: bool, expected: Standing) -> None:
    """A suspension matters only for an ACTIVE account."""
    account = Account(1, "ada@example.org", status, 1) if status else None
    assert standing_of(account, is_suspended=is_suspended) is expected


@pytest.mark.parametrize(
    ("standing", "is_open", "kind", "template"),
    [
        (Standing.NEW, True, "activation", "activation"),
        (Standing.INACTIVE, True, "activation", "activation_again"),
        (Standing.ACTIVE, False, "taken_notice", "taken"),
        (Standing.SUSPENDED, False, "taken_notice", "taken"),
    ],
)
def test_mail_of_each_standing(standing: Standing, is_open: bool, kind: str, template: str) -> None:
    """Who owns the address already is told so; everybody else is mailed a link."""
    assert (standing.is_open, standing.mail_kind, standing.template) == (is_open, kind, template)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"email": "ada"}, [("/email", "EMAIL_INVALID")]),
        ({"email": "ada@example.org, bob@example.org"}, [("/email", "EMAIL_INVALID")]),
        ({"password": "short"}, [("/password", "PASSWORD_TOO_SHORT")]),
        ({"password": "x" * 257}, [("/password", "PASSWORD_TOO_LONG")]),
        ({"password": "x ADA@Example.org x"}, [("/password", "PASSWORD_CONTAINS_EMAIL")]),
        ({"password": "a\x00quiet harbour"}, [("/password", "FIELD_INVALID")]),
        ({"fullName": "Ada\nLovelace"}, [("/fullName", "FIELD_INVALID")]),
        ({"address": "1 Harbour\x7fRow"}, [("/address", "FIELD_INVALID")]),
        ({"phoneNo": "040\n"}, [("/phoneNo", "FIELD_INVALID")]),
        ({"gender": "\u2028"}, [("/gender", "FIELD_INVALID")]),
        ({"fullName": None, "address": "", "gender": "f"}, []),
        (
            {"email": "ada", "password": "short", "fullName": "\x1b[31m"},
            [
                ("/email", "EMAIL_INVALID"),
                ("/password", "PASSWORD_TOO_SHORT"),
                ("/fullName", "FIELD_INVALID"),
            ],
        ),
    ],
)
def test_what_is_wrong_with_a_sign_up(fields: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """Every invalid field is named, once, and all of them together."""
    errors = sign_up_errors({**GOOD, **fields}, rules=DEVELOPMENT, allow_test_domains=True)
    assert [(error.pointer, error.code) for error in errors] == expected


def test_fields_that_are_not_there_are_not_judged() -> None:
    """A missing field is reported by whoever reads the body."""
    assert sign_up_errors({}, rules=DEVELOPMENT, allow_test_domains=False) == []


@pytest.mark.parametrize(("is_development", "codes"), [(True, []), (False, ["PASSWORD_TOO_SHORT"])])
def test_the_example_of_the_original_is_for_development(is_development: bool, codes: list[str]) -> None:
    """`password` may be a password in development only; so may addresses under `.test`."""
    rules = DEVELOPMENT if is_development else PRODUCTION
    errors = sign_up_errors({**GOOD, "password": "password"}, rules=rules, allow_test_domains=False)
    assert [error.code for error in errors] == codes


@pytest.mark.parametrize(("is_allowed", "codes"), [(True, []), (False, ["EMAIL_INVALID"])])
def test_test_domains(is_allowed: bool, codes: list[str]) -> None:
    """A reserved domain can be signed up in development only."""
    errors = sign_up_errors(
        {**GOOD, "email": "ada@ships.test"}, rules=DEVELOPMENT, allow_test_domains=is_allowed
    )
    assert [error.code for error in errors] == codes


@pytest.mark.parametrize("text", ["Zoë 😀 中文", "👩\u200d🚀", "1 Harbour Row", ""])
def test_text_of_people_is_printable(text: str) -> None:
    """Joiners within an emoji are no control characters."""
    assert is_printable(text)
