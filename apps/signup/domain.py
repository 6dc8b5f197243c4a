"""What a sign-up means, decided from values alone."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from apps.auth.addresses import AddressInvalid, canonical_address
from apps.auth.errors import FieldError, Refusal
from apps.auth.passwords import PasswordRules, password_error

PROFILE_LENGTHS = {"fullName": 200, "address": 500, "phoneNo": 32, "gender": 16}
"""Most characters (code points) that a profile field may hold: the widths of its columns."""

ACTIVATION_MAIL, TAKEN_NOTICE = "activation", "taken_notice"
"""The kinds of mail; the mail limit counts each by itself."""

PHONE_SIGNS = "^[0-9 +()-]*$"

# Unicode categories: controls, surrogates, and the two separators that break lines.
_UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}


class AddressTaken(Refusal):
    """An ACTIVE account has this address; told to clients with ANSWERS=explicit only."""

    status = 409
    code = "ADDRESS_TAKEN"
    title = "Address taken"
    detail = "An account with this address exists already."


class AccountSuspended(Refusal):
    """The account of this address is suspended; told to clients with ANSWERS=explicit only."""

    status = 403
    code = "ACCOUNT_SUSPENDED"
    title = "Account suspended"
    detail = "The account with this address is suspended for now."


class Standing(Enum):
    """What an address was, at the moment in which somebody signed up with it."""

    NEW = "new"
    INACTIVE = "inactive"
    ACTIVE = "active"
    SUSPENDED = "suspended"

    @property
    def is_open(self) -> bool:
        """Whether a sign-up may still write the account: nobody has shown yet that the address is theirs."""
        return self in (Standing.NEW, Standing.INACTIVE)

    @property
    def mail_kind(self) -> str:
        """The kind of mail that this sign-up owes."""
        return ACTIVATION_MAIL if self.is_open else TAKEN_NOTICE

    @property
    def template(self) -> str:
        """The words of that mail (a file in templates/)."""
        if self is Standing.NEW:
            return "activation"
        return "activation_again" if self is Standing.INACTIVE else "taken"


@dataclass(frozen=True)
class Account:
    """The part of a row in `users` that decides."""

    user_id: int
    email: str
    status: str
    pw_version: int


@dataclass(frozen=True)
class Profile:
    """What a person may say about themselves; None is absent."""

    full_name: str | None = None
    address: str | None = None
    phone_no: str | None = None
    gender: str | None = None


@dataclass(frozen=True)
class Activation:
    """What the activation service says of an account."""

    user_id: int
    status: str
    pw_version: int
    reason: str | None


@dataclass(frozen=True)
class NewPassword:
    """What the reset-password service says of a password that its owner has chosen."""

    user_id: int
    password_hash: str
    version: int
    changed_at: datetime | None


def standing_of(account: Account | None, *, is_suspended: bool) -> Standing:
    """Says which of the four cases a sign-up meets; a suspension matters only for an ACTIVE account."""
    if account is None:
        return Standing.NEW
    if account.status != "ACTIVE":
        return Standing.INACTIVE
    return Standing.SUSPENDED if is_suspended else Standing.ACTIVE


def address_errors(fields: Mapping[str, Any], *, allow_test_domains: bool) -> list[FieldError]:
    """Returns what is wrong with `email`, if it is there."""
    if "email" not in fields:
        return []
    try:
        canonical_address(fields["email"], allow_test_domains=allow_test_domains)
    except AddressInvalid:
        return [FieldError("/email", "EMAIL_INVALID", "This is not an address that mail can be sent to.")]
    return []


def sign_up_errors(
    fields: Mapping[str, Any], *, rules: PasswordRules, allow_test_domains: bool
) -> list[FieldError]:
    """Returns what is wrong with the fields that are there: at most one entry for each.

    Lengths and the signs of a phone number are declared at the body (routes.py) and not repeated here.
    """
    errors = address_errors(fields, allow_test_domains=allow_test_domains)
    if "password" in fields:
        address = "" if errors else _canonical(fields.get("email", ""), allow_test_domains)
        error = password_error(fields["password"], address=address, rules=rules)
        errors += [error] if error else []
    for name in PROFILE_LENGTHS:
        if not is_printable(fields.get(name) or ""):
            errors.append(FieldError(f"/{name}", "FIELD_INVALID", "No control characters."))
    return errors


def is_printable(text: str) -> bool:
    """Says whether the text is free of control characters."""
    return not any(unicodedata.category(character) in _UNPRINTABLE for character in text)


def _canonical(address: str, allow_test_domains: bool) -> str:
    return canonical_address(address, allow_test_domains=allow_test_domains) if address else ""
