"""The journey of one account: what each database, topic and mail knows of it, in the order of time.

Nothing secret leaves this module: of a password hash, a receipt and the claims of a mail it says only that
they are there, and of the id of a session or link only its beginning.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from containers.engines import SQLDatabase, Tier, TopicRecord
from containers.inbox_client import InboxClient

USERS_TOPIC = "users"
ACTIVATION_TOPIC = "mongoserver1.activate_user_reg_db.active_users"
LOGIN_TOPIC = "login_db.users"
SUSPENSION_TOPIC = "login_db.suspended_users"
PASSWORD_TOPIC = "rpwd_db.users"  # noqa: S105 - the name of a topic

TOPICS = (USERS_TOPIC, ACTIVATION_TOPIC, LOGIN_TOPIC, SUSPENSION_TOPIC, PASSWORD_TOPIC)
DEAD_LETTERS = (
    "dlq.signup",
    "dlq.activation",
    "dlq.login-sink-connector",
    "dlq.resetpassword-sink-connector",
    "dlq.signup-sink-connector",
)
_OF_SUSPENSIONS = frozenset({SUSPENSION_TOPIC, "dlq.signup-sink-connector"})

_SECRET = frozenset({"password", "auth_token", "params"})
_ROW_IDS = frozenset({"sessions", "reset_links"})
_SQL: tuple[SQLDatabase, ...] = ("signup_db", "login_db", "rpwd_db")

_MOMENTS: Mapping[tuple[SQLDatabase, str], Mapping[str, str]] = {
    ("signup_db", "users"): {"regDate": "signed up"},
    ("signup_db", "suspended_users"): {},
    ("login_db", "suspended_users"): {"suspended_at": "suspended", "lifted_at": "suspension lifted"},
    ("login_db", "login_failures"): {"updated_at": "failures counted"},
    ("login_db", "sessions"): {"issued_at": "session opened"},
    ("rpwd_db", "users"): {"last_changed_PW": "new password chosen"},
    ("rpwd_db", "reset_links"): {
        "created_at": "reset link made",
        "used_at": "reset link used",
        "killed_at": "reset link killed",
    },
}
"""Which columns of a user's rows say when something happened, and what."""


@dataclass(frozen=True)
class Moment:
    """Something that happened at a known time; `where` names a table, collection, topic or the inbox."""

    at: datetime
    where: str
    what: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Hop:
    """How long one fact took from one place to the next."""

    source: str
    target: str
    what: str
    took_ms: float


@dataclass(frozen=True)
class Journey:
    """All that is known of one account; `stores` holds its current rows and documents, secrets masked."""

    address: str
    user_id: int | None
    stores: Mapping[str, list[dict[str, Any]]]
    moments: Sequence[Moment]
    hops: Sequence[Hop]

    @property
    def is_empty(self) -> bool:
        return self.user_id is None and not self.moments


def follow(tier: Tier, address: str, inbox: InboxClient) -> Journey:
    """Gathers the journey of the account with this canonical address; empty if nobody knows the address."""
    found = tier.rows("signup_db", "users", email=address)
    user_id: int | None = found[0]["id"] if found else None
    stores: dict[str, list[dict[str, Any]]] = {}
    moments: list[Moment] = []
    if user_id is not None:
        stores = _current(tier, user_id)
        moments += _of_rows(stores)
        stores = {place: [_masked(place, row) for row in rows] for place, rows in stores.items()}
        for topic in TOPICS + DEAD_LETTERS:
            moments += _of_topic(topic, tier.records(topic), user_id)
    moments += _of_audits_and_outboxes(tier, user_id, address)
    moments += _of_inbox(inbox, address)
    moments.sort(key=lambda moment: moment.at)
    return Journey(address, user_id, stores, moments, list(_hops(moments)))


def _current(tier: Tier, user_id: int) -> dict[str, list[dict[str, Any]]]:
    stores: dict[str, list[dict[str, Any]]] = {}
    for database in _SQL:
        stores[f"{database}.users"] = tier.rows(database, "users", id=user_id)
    for database, table in _MOMENTS:
        if table != "users":
            stores[f"{database}.{table}"] = tier.rows(database, table, user_id=user_id)
    for collection in ("active_users", "password_versions"):
        stores[f"activate_user_reg_db.{collection}"] = tier.documents(collection, _id=user_id)
    return {place: rows for place, rows in stores.items() if rows}


def _of_rows(stores: Mapping[str, list[dict[str, Any]]]) -> Iterator[Moment]:
    for (database, table), columns in _MOMENTS.items():
        place = f"{database}.{table}"
        for row in stores.get(place, ()):
            for column, what in columns.items():
                if row.get(column) is not None:
                    yield Moment(_time(row[column]), place, what, _telling(_masked(place, row)))
    place = "activate_user_reg_db.active_users"
    for document in stores.get(place, ()):
        if document.get("activated_at"):
            yield Moment(_time(document["activated_at"]), place, "activated", _telling(document))


def _of_audits_and_outboxes(tier: Tier, user_id: int | None, address: str) -> Iterator[Moment]:
    address_key = hashlib.sha256(address.encode()).hexdigest()
    for database in _SQL:
        seen = {row["id"]: row for row in tier.rows(database, "audit", address_key=address_key)}
        if user_id is not None:
            seen |= {row["id"]: row for row in tier.rows(database, "audit", user_id=user_id)}
        for row in seen.values():
            yield Moment(_time(row["happened_at"]), f"{database}.audit", str(row["event"]))
        for row in tier.rows(database, "outbox", recipient=address):
            place, facts = f"{database}.outbox", {"kind": row["kind"], "state": row["state"]}
            yield Moment(_time(row["created_at"]), place, f"{row['kind']} mail queued", facts)
            if row["sent_at"] is not None:
                yield Moment(_time(row["sent_at"]), place, f"{row['kind']} mail sent", facts)


def _of_inbox(inbox: InboxClient, address: str) -> Iterator[Moment]:
    for mail in inbox.sent_to(address):
        yield Moment(datetime.fromisoformat(mail.created), "inbox", f"“{mail.subject}”", {"id": mail.id})


def _of_topic(topic: str, records: Sequence[TopicRecord], user_id: int) -> Iterator[Moment]:
    """The records of this user; suspensions are keyed by their own id, and so are found by their row."""
    theirs: set[Any] = set() if topic in _OF_SUSPENSIONS else {user_id}
    for record in records:
        identity, row = (_payload(record.key) or {}).get("id"), _payload(record.value)
        if topic in _OF_SUSPENSIONS and (row or {}).get("user_id") == user_id:
            theirs.add(identity)
        if identity in theirs:
            at = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
            what = "parked" if topic in DEAD_LETTERS else "changed" if row is not None else "deleted"
            facts = {"offset": record.offset, **_telling(_masked(topic, row or {}))}
            yield Moment(at, f"topic {topic}", what, facts)


def _payload(text: str | None) -> dict[str, Any] | None:
    try:
        value = json.loads(text) if text is not None else None
    except ValueError:
        return {}
    if isinstance(value, dict) and value.keys() == {"schema", "payload"}:
        value = value["payload"]
    return value if isinstance(value, dict) or value is None else {}


@dataclass(frozen=True)
class _Rule:
    """After `happened` at `cause`, what it `carried` is next seen at `effect`; None: no effect."""

    cause: str
    happened: str
    effect: str
    what: str
    carried: Callable[[Mapping[str, Any]], Mapping[str, Any] | None]


def _as_user(facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return {name: facts.get(name) for name in ("User_status", "pw_version")}


def _as_activation(facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if facts.get("status") != "ACTIVE":
        return None
    return {"User_status": "ACTIVE", "pw_version": facts.get("pw_version")}


def _as_chosen(facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return {"pw_version": facts["chosen_version"]} if "chosen_version" in facts else None


_RULES = (
    _Rule("signup_db.users", "signed up", f"topic {USERS_TOPIC}", "captured", lambda facts: {}),
    _Rule(
        f"topic {USERS_TOPIC}", "changed", f"topic {LOGIN_TOPIC}", "sunk into login_db and captured", _as_user
    ),
    _Rule(
        "activate_user_reg_db.active_users",
        "activated",
        f"topic {ACTIVATION_TOPIC}",
        "captured",
        lambda facts: {"status": "ACTIVE"},
    ),
    _Rule(
        f"topic {ACTIVATION_TOPIC}",
        "changed",
        f"topic {USERS_TOPIC}",
        "applied by sign-up and captured",
        _as_activation,
    ),
    _Rule(
        "login_db.sessions",
        "session opened",
        f"topic {LOGIN_TOPIC}",
        "captured",
        lambda facts: {"auth_token": "set"},
    ),
    _Rule("login_db.suspended_users", "suspended", f"topic {SUSPENSION_TOPIC}", "captured", lambda facts: {}),
    _Rule(
        "rpwd_db.users",
        "new password chosen",
        f"topic {PASSWORD_TOPIC}",
        "captured",
        lambda facts: {"chosen_version": facts.get("chosen_version")},
    ),
    _Rule(
        f"topic {PASSWORD_TOPIC}",
        "changed",
        f"topic {USERS_TOPIC}",
        "applied by sign-up and captured",
        _as_chosen,
    ),
)


def _hops(moments: Sequence[Moment]) -> Iterator[Hop]:
    """From each cause to its first later effect.

    Topics count in milliseconds and rows in microseconds: an effect may seem up to one millisecond early.
    """
    for cause in moments:
        for rule in _RULES:
            carried = (
                rule.carried(cause.facts)
                if (rule.cause, rule.happened) == (cause.where, cause.what)
                else None
            )
            if carried is None:
                continue
            for effect in moments:
                took_ms = (effect.at - cause.at) / timedelta(milliseconds=1)
                if effect.where == rule.effect and took_ms > -1 and carried.items() <= effect.facts.items():
                    yield Hop(cause.where, effect.where, rule.what, round(max(took_ms, 0.0), 1))
                    break


_TELLING = (
    "User_status",
    "status",
    "pw_version",
    "chosen_version",
    "auth_token",
    "reason",
    "reason_for_inactive",
    "failures",
    "suspended_until",
    "lifted_at",
    "expires_at",
)


def _telling(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in _TELLING if row.get(name) is not None}


def _masked(place: str, row: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: "set" if name in _SECRET and value else value for name, value in row.items()}
    if place.rpartition(".")[2] in _ROW_IDS:
        shown["id"] = f"{str(shown['id'])[:6]}…"
    return shown


def _time(value: datetime | str) -> datetime:
    at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
