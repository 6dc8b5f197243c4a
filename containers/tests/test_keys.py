"""The secrets of a development platform: made once, kept to their owner, never replaced behind one's back."""

import stat
from pathlib import Path

import pytest

from apps.auth.tokens import SigningKey
from containers.engines import PlatformRefused
from containers.keys import ensure_secrets

NAMES = {
    "PASSWORD_PEPPER",
    "SIGNUP_PRIVATE_KEY",
    "LOGIN_PRIVATE_KEY",
    "RESET_PASSWORD_PRIVATE_KEY",
    "SIGNUP_PUBLIC_KEYS",
    "LOGIN_PUBLIC_KEYS",
}


def test_secrets_are_made_once(tmp_path: Path) -> None:
    """The second start finds what the first has made; the public keys belong to the private ones."""
    first = ensure_secrets(tmp_path / "keys", has_accounts=False, given={})
    assert first.keys() == NAMES
    assert ensure_secrets(tmp_path / "keys", has_accounts=True, given={}) == first
    assert first["LOGIN_PUBLIC_KEYS"] == SigningKey.from_pem(first["LOGIN_PRIVATE_KEY"]).public_pem
    assert len({first[name] for name in NAMES}) == len(NAMES)


def test_secrets_are_their_owners(tmp_path: Path) -> None:
    """Nobody else on the machine can list or read them."""
    ensure_secrets(tmp_path / "keys", has_accounts=False, given={})
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    files = list((tmp_path / "keys").iterdir())
    assert {file.name for file in files} == {"pepper", "signup.pem", "login.pem", "reset_password.pem"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_given_secret_is_not_made(tmp_path: Path) -> None:
    """Neither by NAME nor by NAME_FILE."""
    given = {"PASSWORD_PEPPER": "x", "LOGIN_PRIVATE_KEY_FILE": "y"}
    found = ensure_secrets(tmp_path / "keys", has_accounts=False, given=given)
    assert found.keys() == NAMES - {"PASSWORD_PEPPER", "LOGIN_PRIVATE_KEY", "LOGIN_PUBLIC_KEYS"}
    assert not (tmp_path / "keys" / "pepper").exists()


def test_the_pepper_of_existing_accounts_is_not_replaced(tmp_path: Path) -> None:
    """A new one would make every password wrong, for good."""
    with pytest.raises(PlatformRefused, match=r"pepper is gone.*put it back"):
        ensure_secrets(tmp_path / "keys", has_accounts=True, given={})


@pytest.mark.parametrize("name", ["pepper", "signup.pem", "login.pem", "reset_password.pem"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"short"])
def test_a_damaged_secret_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    """And what stands in it is not shown."""
    ensure_secrets(tmp_path / "keys", has_accounts=False, given={})
    (tmp_path / "keys" / name).write_bytes(content)
    with pytest.raises(PlatformRefused, match=f"{name} is damaged") as refused:
        ensure_secrets(tmp_path / "keys", has_accounts=True, given={})
    assert "short" not in str(refused.value)


def test_a_crash_while_a_secret_is_written_leaves_none(tmp_path: Path) -> None:
    """A draft of an earlier start is thrown away."""
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "pepper.new").write_text("half")
    found = ensure_secrets(tmp_path / "keys", has_accounts=False, given={})
    assert found["PASSWORD_PEPPER"] != "half"
    assert not (tmp_path / "keys" / "pepper.new").exists()
