"""What sign-up takes over from topics: activations, and passwords that were chosen by a reset."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from apps.auth.passwords import is_password_hash
from apps.events.records import ChangeEvent, PoisonRecord, micros
from apps.signup import handlers
from apps.signup.domain import Activation, NewPassword
from apps.signup.handlers import Ports

GROUP = "signup"
ACTIVE_USERS = "mongoserver1.activate_user_reg_db.active_users"
CHOSEN_PASSWORDS = "rpwd_db.users"

_LARGEST = 2**63 - 1
_REASON_LENGTH = 64


def topics(ports: Ports) -> Mapping[str, Callable[[ChangeEvent], Awaitable[None]]]:
    """Maps each topic to the function that takes its events."""

    async def activation_saved(event: ChangeEvent) -> None:
        if event.row is not None and not await handlers.apply_activation(
            activation_in(event.row), ports=ports
        ):
            raise PoisonRecord("USER_UNKNOWN")

    async def password_chosen(event: ChangeEvent) -> None:
        chosen = new_password_in(event.row) if event.row is not None else None
        if chosen is not None and not await handlers.apply_password(chosen, ports=ports):
            raise PoisonRecord("USER_UNKNOWN")

    return {ACTIVE_USERS: activation_saved, CHOSEN_PASSWORDS: password_chosen}


def activation_in(row: Mapping[str, Any]) -> Activation:
    """Reads a document of the activation service; raises PoisonRecord."""
    status, reason = row.get("status"), row.get("reason")
    if status not in ("ACTIVE", "INACTIVE"):
        raise PoisonRecord("ROW_INVALID", "status is neither ACTIVE nor INACTIVE")
    if reason is not None and not (isinstance(reason, str) and len(reason) <= _REASON_LENGTH):
        raise PoisonRecord("ROW_INVALID", "reason is not a short text")
    return Activation(_whole(row, "_id"), status, _whole(row, "pw_version"), reason)


def new_password_in(row: Mapping[str, Any]) -> NewPassword | None:
    """Reads a row of the reset-password service; None if its user has never chosen a password there.

    A snapshot sends every row, also those that have no password of their own.
    """
    password = row.get("password")
    if password is None or row.get("chosen_version") is None:
        return None
    if not (isinstance(password, str) and is_password_hash(password)):
        raise PoisonRecord("ROW_INVALID", "password is not an argon2id hash")
    return NewPassword(_whole(row, "id"), password, _whole(row, "chosen_version"), _changed_at(row))


def _changed_at(row: Mapping[str, Any]) -> datetime | None:
    value = row.get("last_changed_PW")
    if value is None:
        return None
    try:
        return micros(_whole(row, "last_changed_PW"))
    except OverflowError:
        raise PoisonRecord("ROW_INVALID", "last_changed_PW is not a time") from None


def _whole(row: Mapping[str, Any], name: str) -> int:
    value = row.get(name)
    if type(value) is not int or not 1 <= value <= _LARGEST:
        raise PoisonRecord("ROW_INVALID", f"{name} is not a positive whole number")
    return value
