"""The secrets of a development platform: made at the first start, kept in the data folder for its owner only.

keys/pepper                                            the pepper of every password hash
keys/signup.pem, keys/login.pem, keys/reset_password.pem   the private keys (P-256) of the services that sign
keys/accounts.json                                     passwords of the engines' accounts (containers tier)
keys/external.json                                     addresses of the engines (external tier)
"""

import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from apps.auth.passwords import pepper_problem
from apps.auth.tokens import KeyInvalid, SigningKey, generate_private_pem
from containers.engines import PlatformRefused
from containers.settings import is_given

ACCOUNTS_FILE = "accounts.json"

SIGNERS = ("signup", "login", "reset_password")


def ensure_secrets(folder: Path, *, has_accounts: bool, given: Mapping[str, str]) -> dict[str, str]:
    """The secret settings of the four services, by name; what is missing is made.

    Args:
        folder: where they are kept.
        has_accounts: there are databases already, so their pepper must be there too.
        given: the environment; what it sets, by NAME or NAME_FILE, is neither made nor returned.

    Raises:
        PlatformRefused: a file is damaged, or the pepper of existing accounts is gone.
    """
    found: dict[str, str] = {}
    folder.mkdir(mode=0o700, exist_ok=True)
    if not is_given("PASSWORD_PEPPER", given):
        pepper = folder / "pepper"
        if has_accounts and not pepper.exists():
            raise PlatformRefused(
                f"{pepper} is gone, and without it no password in {folder.parent} can be verified: "
                f"put it back, or start over by removing {folder.parent}."
            )
        found["PASSWORD_PEPPER"] = _ensure(pepper, lambda: secrets.token_urlsafe(48), pepper_problem)
    for service in SIGNERS:
        name = f"{service.upper()}_PRIVATE_KEY"
        if not is_given(name, given):
            found[name] = _ensure(folder / f"{service}.pem", generate_private_pem, _key_problem)
    for service, name in (("signup", "SIGNUP_PUBLIC_KEYS"), ("login", "LOGIN_PUBLIC_KEYS")):
        private = found.get(f"{service.upper()}_PRIVATE_KEY")
        if private is not None and not is_given(name, given):
            found[name] = SigningKey.from_pem(private).public_pem
    return found


def ensure_passwords(folder: Path, accounts: Sequence[str], *, has_data: bool) -> dict[str, str]:
    """A password for each account of the engines; letters, digits, `-` and `_` only.

    Args:
        folder: where they are kept.
        has_data: engines have kept data of an earlier run, and with it their passwords.

    Raises:
        PlatformRefused: the file is damaged, or gone while the engines still have its passwords.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / ACCOUNTS_FILE
    if has_data and not path.exists():
        raise PlatformRefused(
            f"{path} is gone, and without it nobody gets into the databases that are kept: put it back, or "
            "throw them away with `quartet down --volumes`."
        )
    kept = _ensure(path, partial(_new_passwords, accounts), partial(_passwords_problem, accounts))
    return dict(json.loads(kept))


def read_passwords(folder: Path) -> dict[str, str]:
    """The passwords that ensure_passwords() has made."""
    return dict(json.loads((folder / ACCOUNTS_FILE).read_text(encoding="ascii")))


def _new_passwords(accounts: Sequence[str]) -> str:
    return json.dumps({account: secrets.token_urlsafe(24) for account in accounts}, indent=2)


def _passwords_problem(accounts: Sequence[str], text: str) -> str | None:
    try:
        found = json.loads(text)
        return None if all(found[account] for account in accounts) else "an empty password"
    except (ValueError, KeyError, TypeError):
        return "no password of every account"


def _key_problem(pem: str) -> str | None:
    try:
        SigningKey.from_pem(pem)
    except KeyInvalid as error:
        return str(error)
    return None


def write_secret(path: Path, text: str) -> None:
    """Writes a file that only its owner may read, whole or not at all."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with _complete(path) as draft:
        draft.write_text(text + "\n", encoding="utf-8")


def _ensure(path: Path, make: Callable[[], str], problem: Callable[[str], str | None]) -> str:
    if not path.exists():
        write_secret(path, make())
    try:
        secret = path.read_text(encoding="ascii").strip()
    except UnicodeDecodeError:
        secret = ""
    if problem(secret):
        raise PlatformRefused(
            f"{path} is damaged: put it back, or remove {path.parent.parent} to start over."
        )
    return secret


@contextmanager
def _complete(path: Path) -> Iterator[Path]:
    """A draft that gets its name only when all of it is on the disk, so a crash leaves no half of it."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    yield draft
    with draft.open("rb+") as written:
        os.fsync(written.fileno())
    draft.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
