"""Which passwords are taken, and that a hash is verified with exactly one hash of work."""

import unicodedata
from typing import Any

import pytest

from apps.auth import passwords
from apps.auth.passwords import (
    DEVELOPMENT,
    PRODUCTION,
    common_passwords,
    hash_password,
    is_password_hash,
    password_error,
    pepper_problem,
    verify_password,
)

PEPPER = b"pepper of the tests, 32 bytes or more"
E_ACUTE = "e\u0301"  # two code points that NFC joins into one


@pytest.mark.parametrize(
    ("password", "rules", "code"),
    [
        ("password", DEVELOPMENT, None),
        ("seven77", DEVELOPMENT, "PASSWORD_TOO_SHORT"),
        ("", DEVELOPMENT, "PASSWORD_TOO_SHORT"),
        ("        ", DEVELOPMENT, None),
        ("😀" * 8, DEVELOPMENT, None),
        ("😀" * 7, DEVELOPMENT, "PASSWORD_TOO_SHORT"),
        (E_ACUTE * 4, DEVELOPMENT, "PASSWORD_TOO_SHORT"),
        (E_ACUTE * 256, DEVELOPMENT, None),
        ("x" * 256, DEVELOPMENT, None),
        ("x" * 257, DEVELOPMENT, "PASSWORD_TOO_LONG"),
        ("x" * 16000, DEVELOPMENT, "PASSWORD_TOO_LONG"),
        ("\u0301" * 16000, DEVELOPMENT, "PASSWORD_TOO_LONG"),
        ("nul\x00in the middle", DEVELOPMENT, "FIELD_INVALID"),
        ("tab\tin the middle", DEVELOPMENT, "FIELD_INVALID"),
        ("\x7fdelete at first", DEVELOPMENT, "FIELD_INVALID"),
        ("\x85next line there", DEVELOPMENT, "FIELD_INVALID"),
        ("lone surrogate \ud800", DEVELOPMENT, "FIELD_INVALID"),
        ("eleven chars", PRODUCTION, None),
        ("eleven char", PRODUCTION, "PASSWORD_TOO_SHORT"),
        ("1qaz2wsx3edc", PRODUCTION, "PASSWORD_TOO_COMMON"),
        ("1QAZ2wsx3edc", PRODUCTION, "PASSWORD_TOO_COMMON"),
        ("1qaz2wsx3edc", DEVELOPMENT, None),
        ("zoe@example.org", PRODUCTION, "PASSWORD_CONTAINS_EMAIL"),
        ("my ZOE@Example.org!", DEVELOPMENT, "PASSWORD_CONTAINS_EMAIL"),
        ("zoe@example.net", DEVELOPMENT, None),
    ],
)
def test_rules(password: str, rules: Any, code: str | None) -> None:
    """One code for each rule; the field is named and the password is not repeated."""
    error = password_error(password, address="zoe@example.org", rules=rules)
    assert (error and error.code) == code
    if error:
        assert error.pointer == "/password"
        assert len(password) < 3 or password not in error.detail


@pytest.mark.parametrize("password", ["zoe@exämple.org", "my Zoe@EXÄMPLE.org!", "zoe@xn--exmple-cua.org"])
def test_no_spelling_of_the_address_is_a_password(password: str) -> None:
    """The account knows its address in the canonical form; its owner may know another."""
    error = password_error(password, address="zoe@xn--exmple-cua.org", rules=DEVELOPMENT)
    assert error is not None
    assert error.code == "PASSWORD_CONTAINS_EMAIL"


def test_unknown_address_forbids_nothing() -> None:
    """An empty address is part of every text: it must not count."""
    assert password_error("quite all right", address="", rules=PRODUCTION) is None


def test_common_list() -> None:
    """At least 3000 entries (ASVS 6.2.4), in lower case, with the known ones of 12 or more characters."""
    listed = common_passwords()
    assert len(listed) >= 3000
    assert {"password", "123456", "qwertyuiop", "1qaz2wsx3edc", "1q2w3e4r5t6y"} <= listed
    assert all(entry == entry.strip().lower() and entry for entry in listed)
    assert sum(len(entry) >= 12 for entry in listed) >= 200


def test_hash_is_argon2id_of_the_agreed_cost() -> None:
    """The parameters of the contract, a fresh salt each time, and nothing of the password."""
    first, second = hash_password("correct horse", PEPPER), hash_password("correct horse", PEPPER)
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second
    assert is_password_hash(first)


def test_verify() -> None:
    """Only the right password under the right pepper; NFC makes two spellings one."""
    encoded = hash_password("caf" + E_ACUTE, PEPPER)
    assert verify_password("caf\u00e9", encoded, PEPPER)
    assert verify_password("caf" + E_ACUTE, encoded, PEPPER)
    assert not verify_password("cafe", encoded, PEPPER)
    assert not verify_password("caf\u00e9", encoded, b"another pepper" * 3)


def test_whole_password_counts() -> None:
    """The last of 256 characters is verified as the first."""
    encoded = hash_password("x" * 255 + "y", PEPPER)
    assert verify_password("x" * 255 + "y", encoded, PEPPER)
    assert not verify_password("x" * 256, encoded, PEPPER)


GOOD_HASH = hash_password("right", PEPPER)


class CountingHash:
    """Stands for the argon2id of the module and notes what it is asked to verify."""

    def __init__(self) -> None:
        self.verified: list[str] = []

    def verify(self, secret: str, encoded: str) -> bool:
        self.verified.append(encoded)
        return bool(type(self).real.verify(secret, encoded))

    real: Any = passwords._argon2id


@pytest.mark.parametrize(
    ("password", "encoded"),
    [
        ("right", GOOD_HASH),
        ("wrong", GOOD_HASH),
        ("right", None),
        ("right", ""),
        ("right", "garbage"),
        ("right", GOOD_HASH[:-1]),
        ("right", GOOD_HASH + "\n"),
        ("right", "$2b$10$abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcd"),
        ("right", GOOD_HASH.replace("m=19456", "m=999999")),
        ("right", GOOD_HASH.replace("t=2", "t=99")),
        ("right", GOOD_HASH.replace("m=19456", "m=0")),
        ("right", GOOD_HASH.replace("p=1", "p=0")),
        ("x" * 257, GOOD_HASH),
        ("x" * 16000, GOOD_HASH),
        ("\ud800", GOOD_HASH),
        ("", GOOD_HASH),
    ],
)
def test_exactly_one_hash_of_work(
    password: str, encoded: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known or not, well-formed or not: one verification of the same cost, and no exception."""
    counting = CountingHash()
    monkeypatch.setattr(passwords, "_argon2id", counting)
    assert verify_password(password, encoded, PEPPER) is (password == "right" and encoded == GOOD_HASH)
    assert [known.rsplit("$", 2)[0] for known in counting.verified] == ["$argon2id$v=19$m=19456,t=2,p=1"]


def test_the_dummy_opens_nothing() -> None:
    """Not even the password whose hash it is: what is verified against it is never right."""
    assert is_password_hash(passwords._DUMMY)
    assert not verify_password("x" * 32, None, PEPPER)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (GOOD_HASH, True),
        (GOOD_HASH.replace("$argon2id$", "$argon2i$"), False),
        (GOOD_HASH.replace("v=19", "v=16"), False),
        ("x" + GOOD_HASH, False),
        ("newhash", False),
        ("", False),
    ],
)
def test_what_looks_like_a_hash(text: str, answer: bool) -> None:
    """A consumer asks this before it stores what a topic brings."""
    assert is_password_hash(text) is answer


@pytest.mark.parametrize(
    ("pepper", "is_good"),
    [
        ("", False),
        ("sesame", False),
        ("x" * 64, False),
        ("changeme" * 8, False),
        ("abababababababababababababababababab", False),
        ("0123456" * 5 + "x0", True),
        ("9f86d081884c7d659a2feaa0c55ad015", True),
        ("é" * 8 + "abcdefgh" + "ü" * 8, True),
    ],
)
def test_weak_peppers_are_named(pepper: str, is_good: bool) -> None:
    """Too short, one piece repeated, too few characters; the text does not repeat the secret."""
    problem = pepper_problem(pepper)
    assert (problem is None) is is_good
    assert not pepper or problem is None or pepper not in problem


def test_normalising_is_stable() -> None:
    """A password that was taken verifies in any canonically equivalent spelling."""
    decomposed = unicodedata.normalize("NFD", "Å-pfel & Öl, 12")
    assert verify_password(decomposed, hash_password("Å-pfel & Öl, 12", PEPPER), PEPPER)
