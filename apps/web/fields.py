"""The two fields that several bodies have: an address and a password."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta

from apps.auth.addresses import AddressInvalid, canonical_address
from apps.auth.errors import FieldError

AddressField = Annotated[str, Meta(extra_json_schema={"format": "email", "maxLength": 254})]
PasswordField = Annotated[
    str, Meta(extra_json_schema={"format": "password", "maxLength": 256, "writeOnly": True})
]


def email_check(*, allow_test_domains: bool) -> Callable[[Mapping[str, Any]], Sequence[FieldError]]:
    """Returns the check, for `read_body`, of a body whose field `email` is an address."""

    def check(fields: Mapping[str, Any]) -> Sequence[FieldError]:
        try:
            canonical_address(fields.get("email", "a@example.com"), allow_test_domains=allow_test_domains)
        except AddressInvalid:
            detail = "This is not an address that mail can be sent to."
            return [FieldError("/email", "EMAIL_INVALID", detail)]
        return []

    return check
