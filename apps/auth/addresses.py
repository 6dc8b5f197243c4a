"""The one canonical form of an e-mail address, and the two ways to name one without showing it."""

import hashlib

from email_validator import ValidatedEmail, validate_email

# RFC 5321 section 4.5.3.1.3 allows a path of 256 octets, angle brackets included.
MAX_ADDRESS_OCTETS = 254


class AddressInvalid(ValueError):
    """The text is no address that mail could be sent to; the message does not repeat it."""


def canonical_address(text: str, *, allow_test_domains: bool) -> str:
    """Return `text` as the stores hold it: lower case, domain in IDNA, ASCII only.

    allow_test_domains: take the reserved top-level domain `.test` (RFC 6761) too.

    Raises:
        AddressInvalid: not an address, or one with quotes, a display name, a literal IP address, a
            local part beyond ASCII, one that a mail header would take for an encoded word (RFC 2047), or
            over 254 octets. Whether the domain exists is not asked.
    """
    # No canonical form is shorter than what was written; this also bounds the work below.
    if len(text) > MAX_ADDRESS_OCTETS:
        raise AddressInvalid("too long")
    if "=?" in text:
        raise AddressInvalid("an encoded word")
    try:
        parts = _validated(text, allow_test_domains=allow_test_domains)
    except ValueError as error:  # of which EmailNotValidError and UnicodeError are kinds
        raise AddressInvalid("not an address") from error
    address = (parts.ascii_email or "").lower()
    if not address or not address.isascii() or len(address) > MAX_ADDRESS_OCTETS:
        raise AddressInvalid("not an address")
    return address


def spellings(address: str) -> tuple[str, ...]:
    """Return a canonical address, and how people write it where its domain is an international one."""
    if "xn--" not in address:
        return (address,)
    return (address, _validated(address, allow_test_domains=True).normalized)


def address_key(address: str) -> str:
    """Return 64 hexadecimal digits that stand for a canonical address where it must not be kept."""
    return hashlib.sha256(address.encode()).hexdigest()


def masked(address: str) -> str:
    """Return `address` for a log line: the first letter of each side, "a***@e***"."""
    local, _, domain = address.partition("@")
    return f"{local[:1]}***@{domain[:1]}***"


def _validated(text: str, *, allow_test_domains: bool) -> ValidatedEmail:
    return validate_email(
        text,
        check_deliverability=False,
        allow_smtputf8=False,
        allow_quoted_local=False,
        allow_domain_literal=False,
        allow_display_name=False,
        test_environment=allow_test_domains,
    )
