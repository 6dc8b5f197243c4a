"""Whether the four databases say the same of one account, and where they do not.

Compared is what travels: each fact in every store that keeps it. A fact that one store keeps for itself is
shown beside them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from containers.masking import masked

STORES = ("signup_db", "activate_user_reg_db", "login_db", "rpwd_db")

Rows = Mapping[str, Sequence[Mapping[str, Any]]]

NO_ROW = "no row"


@dataclass(frozen=True)
class Fact:
    """One fact about an account.

    told: what each store that keeps it has, secrets masked. is_compared: whether they should agree.
    differing: those stores that do not say what most say, or have no row; all where nothing has a majority.
    """

    name: str
    told: Mapping[str, Any]
    is_compared: bool
    differing: frozenset[str] = frozenset()


def compare(stores: Rows) -> list[Fact]:
    """The facts about one account, from its current rows and documents; what should agree comes first."""
    if not stores.get("signup_db.users"):
        return []
    compared = [_compared(name, values) for name, values in _travelling(stores)]
    return [*compared, *_kept_alone(stores, {fact.name for fact in compared})]


def _travelling(stores: Rows) -> Iterator[tuple[str, Mapping[str, Any]]]:
    signup, login, rpwd = (_first(stores, f"{store}.users") for store in ("signup_db", "login_db", "rpwd_db"))
    document = _first(stores, "activate_user_reg_db.active_users") or {}
    version = _first(stores, "activate_user_reg_db.password_versions") or {}
    users = {"signup_db": signup, "login_db": login, "rpwd_db": rpwd}

    def of(name: str, *names: str) -> dict[str, Any]:
        return {store: NO_ROW if (row := users[store]) is None else row.get(name) for store in names}

    everywhere = tuple(users)
    email = of("email", *everywhere)
    yield "email", email | ({"activate_user_reg_db": document["email"]} if "email" in document else {})
    # Until a link was opened activation has no document, which says the same as INACTIVE.
    status = document.get("status", "INACTIVE")
    yield "User_status", of("User_status", *everywhere) | {"activate_user_reg_db": status}
    known = version.get("pw_version", NO_ROW)
    yield "pw_version", of("pw_version", *everywhere) | {"activate_user_reg_db": known}
    # Reset-password keeps a password only once one was chosen there.
    chosen, newest = (rpwd or {}).get("chosen_version"), (signup or {}).get("pw_version")
    has_chosen = chosen is not None and newest is not None and chosen >= newest
    yield "password", of("password", *(everywhere if has_chosen else ("signup_db", "login_db")))
    if has_chosen:
        yield "last_changed_PW", of("last_changed_PW", "signup_db", "rpwd_db")
    yield "auth_token", of("auth_token", "login_db", "rpwd_db")
    yield "userRole", of("userRole", "signup_db", "login_db")
    yield "suspensions", {store: _suspensions(stores, store) for store in ("login_db", "signup_db")}


def _suspensions(stores: Rows, store: str) -> str:
    told = [
        f"{row.get('id')}: {row.get('reason')}, {'lifted' if row.get('lifted_at') else 'not lifted'}"
        for row in stores.get(f"{store}.suspended_users", ())
    ]
    return "; ".join(told) or "none"


def _compared(name: str, values: Mapping[str, Any]) -> Fact:
    present = {store: value for store, value in values.items() if value != NO_ROW}
    common, number = next(iter(Counter(present.values()).most_common(1)), (None, 0))
    differing = {store for store in values if store not in present}
    if number * 2 > len(present):
        differing |= {store for store, value in present.items() if value != common}
    else:
        differing |= present.keys()
    told = {store: masked({name: values[store]})[name] for store in STORES if store in values}
    told |= {store: NO_ROW for store, value in values.items() if value == NO_ROW}
    return Fact(name, told, True, frozenset(differing))


def _kept_alone(stores: Rows, compared: set[str]) -> Iterator[Fact]:
    """Columns of `users` that nothing else keeps, and what an activation was for."""
    rows = {store: _first(stores, f"{store}.users") or {} for store in STORES}
    for name in dict.fromkeys(name for row in rows.values() for name in row if name not in {*compared, "id"}):
        told = {store: row[name] for store, row in rows.items() if row.get(name) is not None}
        if told:
            yield Fact(name, masked(told), False)
    for name, value in (_first(stores, "activate_user_reg_db.active_users") or {}).items():
        if name not in ("_id", "email", "status") and value is not None:
            yield Fact(f"active_users.{name}", {"activate_user_reg_db": masked(value)}, False)


def _first(stores: Rows, place: str) -> Mapping[str, Any] | None:
    return next(iter(stores.get(place, ())), None)
