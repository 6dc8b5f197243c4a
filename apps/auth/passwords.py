"""Which passwords are taken, and how they are hashed and verified.

argon2id over HMAC-SHA-256(pepper, NFC(password)): neither a dump nor a topic can be cracked without
the pepper. Hashing takes some 20 ms of a core and blocks: callers go through `apps.web.hash_pool`.
"""

import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from passlib.hash import argon2

from apps.auth.addresses import spellings
from apps.auth.errors import FieldError

MAX_CODE_POINTS = 256
# Canonical composition joins at most four code points into one; beyond that no normalising is needed.
_MAX_RAW = 4 * MAX_CODE_POINTS
MIN_PEPPER_BYTES = 32

# OWASP Password Storage Cheat Sheet, also ASVS 5.0 appendix C: the floor for argon2id. 19 MiB.
_argon2id = argon2.using(type="ID", memory_cost=19456, time_cost=2, parallelism=1)
_HASH = re.compile(
    r"\$argon2id\$v=19\$m=(\d{1,6}),t=(\d{1,2}),p=(\d{1,2})\$[A-Za-z0-9+/]{11,64}\$[A-Za-z0-9+/]{43}"
)
# What a hash made by any setting of ours may cost: a hash from elsewhere must not eat the machine.
_MOST_MEMORY_KIB, _MOST_ROUNDS, _MOST_LANES = 65536, 4, 4
# The hash of nothing: verified where there is none, so that an unknown address takes the same time.
_DUMMY = "$argon2id$v=19$m=19456,t=2,p=1$c+5da601BsC499679/6f0w$BSOx1ZQAXkyYzoDwIaw74/kKlHox+9pRTPmO5qxbGlI"


@dataclass(frozen=True)
class PasswordRules:
    """What a new password must fulfil; min_length counts code points."""

    min_length: int
    refuse_common: bool


DEVELOPMENT = PasswordRules(min_length=8, refuse_common=False)
PRODUCTION = PasswordRules(min_length=12, refuse_common=True)


def password_error(password: str, *, address: str, rules: PasswordRules) -> FieldError | None:
    """Say why `password` cannot be chosen, or None if it can.

    address: the canonical address of the account; empty if it is not known.
    """
    if len(password) > _MAX_RAW:
        return _error("PASSWORD_TOO_LONG", f"At most {MAX_CODE_POINTS} characters.")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in password):
        return _error("FIELD_INVALID", "Control characters and lone surrogates are not allowed.")
    password = unicodedata.normalize("NFC", password)
    if len(password) > MAX_CODE_POINTS:
        return _error("PASSWORD_TOO_LONG", f"At most {MAX_CODE_POINTS} characters.")
    if len(password) < rules.min_length:
        return _error("PASSWORD_TOO_SHORT", f"At least {rules.min_length} characters.")
    if address and any(spelling in password.lower() for spelling in spellings(address)):
        return _error("PASSWORD_CONTAINS_EMAIL", "The password must not contain the e-mail address.")
    if rules.refuse_common and password.lower() in common_passwords():
        return _error("PASSWORD_TOO_COMMON", "This password is among the first that are tried.")
    return None


def hash_password(password: str, pepper: bytes) -> str:
    """Return the argon2id hash of a password that `password_error` has passed. Blocks for some 20 ms."""
    return str(_argon2id.hash(_peppered(password, pepper)))


def verify_password(password: str, encoded: str | None, pepper: bytes) -> bool:
    """Say whether `encoded` is the hash of `password`; always exactly one hash of work. Never raises."""
    if not _may_be_a_password(password):
        password, encoded = "", None
    known = encoded if encoded is not None and is_password_hash(encoded) else _DUMMY
    matches = bool(_argon2id.verify(_peppered(password, pepper), known))
    return matches and known is encoded


def is_password_hash(text: str) -> bool:
    """Say whether `text` has the form, and no more than the cost, of a hash made by this module."""
    match = _HASH.fullmatch(text)
    if match is None:
        return False
    memory, rounds, lanes = map(int, match.groups())
    return (
        8 * lanes <= memory <= _MOST_MEMORY_KIB and 1 <= rounds <= _MOST_ROUNDS and 1 <= lanes <= _MOST_LANES
    )


def pepper_problem(pepper: str) -> str | None:
    """Say why `pepper` is no secret, or None; the text does not repeat it."""
    if len(pepper.encode("utf-8", "surrogatepass")) < MIN_PEPPER_BYTES:
        return f"shorter than {MIN_PEPPER_BYTES} bytes"
    if (pepper + pepper).find(pepper, 1) < len(pepper):
        return "one piece repeated"
    if len(set(pepper)) < 8:
        return "fewer than 8 different characters"
    return None


@cache
def common_passwords() -> frozenset[str]:
    """The shipped list, in lower case; read at first use."""
    lines = Path(__file__).with_name("common_passwords.txt").read_text("ascii").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


def _may_be_a_password(password: str) -> bool:
    if len(password) > _MAX_RAW or any(unicodedata.category(c) == "Cs" for c in password):
        return False
    return len(unicodedata.normalize("NFC", password)) <= MAX_CODE_POINTS


def _peppered(password: str, pepper: bytes) -> str:
    normal = unicodedata.normalize("NFC", password).encode()
    return hmac.new(pepper, normal, hashlib.sha256).hexdigest()


def _error(code: str, detail: str) -> FieldError:
    return FieldError(pointer="/password", code=code, detail=detail)
