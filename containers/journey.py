"""The journey of one account: what each database, topic and mail knows of it, in the order of time.

Nothing secret leaves this module: of a password hash, a receipt and the claims of a mail it says only that
they are there, and of the id of a session or link only its beginning.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from containers.agreement import Fact, compare
from containers.engines import SQLDatabase, Tier, TopicRecord
from containers.hops import (
    ACTIVATION_TOPIC,
    LOGIN_TOPIC,
    PASSWORD_TOPIC,
    QUEUED,
    SENT,
    SUSPENSION_TOPIC,
    USERS_TOPIC,
    Hop,
    Moment,
    hops_of,
)
from containers.inbox_client import InboxClient
from containers.masking import masked

TOPICS = (USERS_TOPIC, ACTIVATION_TOPIC, LOGIN_TOPIC, SUSPENSION_TOPIC, PASSWORD_TOPIC)
DEAD_LETTERS = (
    "dlq.signup",
    "dlq.activation",
    "dlq.login-sink-connector",
    "dlq.resetpassword-sink-connector",
    "dlq.signup-sink-connector",
)
_OF_SUSPENSIONS = frozenset({SUSPENSION_TOPIC, "dlq.signup-sink-connector"})

_ROW_IDS = frozenset({"sessions", "reset_links"})
_SQL: tuple[SQLDatabase, ...] = ("signup_db", "login_db", "rpwd_db")


@dataclass(frozen=True)
class _Timed:
    """A column of a user's row that says when something happened, and what of the row then held already."""

    database: SQLDatabase
    table: str
    column: str
    what: str
    facts: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        return f"{self.database}.{self.table}"


_TIMED = (
    _Timed("signup_db", "users", "regDate", "signed up"),
    _Timed("login_db", "sessions", "issued_at", "session opened", ("pw_version", "expires_at")),
    _Timed("login_db", "suspended_users", "suspended_at", "suspended", ("reason", "suspended_until")),
    _Timed("login_db", "suspended_users", "lifted_at", "suspension lifted"),
    _Timed("rpwd_db", "users", "last_changed_PW", "new password chosen", ("chosen_version",)),
    _Timed("rpwd_db", "reset_links", "used_at", "reset link used"),
    _Timed("rpwd_db", "reset_links", "killed_at", "reset link killed"),
)

_CURRENT: tuple[tuple[SQLDatabase, str], ...] = (
    ("signup_db", "suspended_users"),
    ("login_db", "suspended_users"),
    ("login_db", "login_failures"),
    ("login_db", "sessions"),
    ("rpwd_db", "reset_links"),
)
"""Where a user has rows besides `users`."""


@dataclass(frozen=True)
class Journey:
    """All that is known of one account.

    stores: its current rows and documents, secrets masked. facts: the same, compared store by store.
    """

    address: str
    user_id: int | None
    stores: Mapping[str, list[dict[str, Any]]]
    moments: Sequence[Moment]
    hops: Sequence[Hop]
    facts: Sequence[Fact] = ()

    @property
    def is_empty(self) -> bool:
        return self.user_id is None and not self.moments

    @property
    def gaps_ms(self) -> Sequence[float]:
        """Of each moment, milliseconds from the one before; 0 of the first."""
        times = [moment.at for moment in self.moments]
        return [
            round((later - earlier).total_seconds() * 1000, 1)
            for earlier, later in zip(times[:1] + times, times, strict=False)
        ]

    def as_json(self) -> dict[str, Any]:
        """For programs; times are RFC 3339."""
        return {
            "address": self.address,
            "user_id": self.user_id,
            "stores": {
                place: [{name: plain(value) for name, value in row.items()} for row in rows]
                for place, rows in self.stores.items()
            },
            "timeline": [
                {
                    "at": plain(moment.at),
                    "where": moment.where,
                    "what": moment.what,
                    "facts": {name: plain(value) for name, value in moment.facts.items()},
                    "after_ms": after_ms,
                }
                for moment, after_ms in zip(self.moments, self.gaps_ms, strict=True)
            ],
            "hops": [
                {"from": hop.source, "to": hop.target, "what": hop.what, "took_ms": hop.took_ms}
                for hop in self.hops
            ],
        }


def follow(tier: Tier, address: str, inbox: InboxClient) -> Journey:
    """Gathers the journey of the account with this canonical address; empty if nobody knows the address."""
    found = tier.rows("signup_db", "users", email=address)
    user_id: int | None = found[0]["id"] if found else None
    stores: dict[str, list[dict[str, Any]]] = {}
    facts: list[Fact] = []
    moments: list[Moment] = []
    if user_id is not None:
        stores = _current(tier, user_id)
        moments += _of_rows(stores)
        facts = compare(stores)
        stores = {place: [_masked(place, row) for row in rows] for place, rows in stores.items()}
        for topic in TOPICS + DEAD_LETTERS:
            moments += _of_topic(topic, tier.records(topic), user_id)
    moments += _of_audits_and_outboxes(tier, user_id, address)
    moments += _of_inbox(inbox, address)
    moments.sort(key=lambda moment: moment.at)
    return Journey(address, user_id, stores, moments, list(hops_of(moments)), facts)


def _current(tier: Tier, user_id: int) -> dict[str, list[dict[str, Any]]]:
    stores: dict[str, list[dict[str, Any]]] = {}
    for database in _SQL:
        stores[f"{database}.users"] = tier.rows(database, "users", id=user_id)
    for database, table in _CURRENT:
        stores[f"{database}.{table}"] = tier.rows(database, table, user_id=user_id)
    for collection in ("active_users", "password_versions"):
        stores[f"activate_user_reg_db.{collection}"] = tier.documents(collection, _id=user_id)
    return {place: rows for place, rows in stores.items() if rows}


def _of_rows(stores: Mapping[str, list[dict[str, Any]]]) -> Iterator[Moment]:
    for timed in _TIMED:
        for row in stores.get(timed.place, ()):
            if row.get(timed.column) is not None:
                facts = {name: row[name] for name in timed.facts if row.get(name) is not None}
                yield Moment(_time(row[timed.column]), timed.place, timed.what, facts)
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
            place = f"{database}.outbox"
            facts = {"number": row["id"], "kind": row["kind"], "state": row["state"]}
            yield Moment(_time(row["created_at"]), place, f"{row['kind']}{QUEUED}", facts)
            if row["sent_at"] is not None:
                yield Moment(_time(row["sent_at"]), place, f"{row['kind']}{SENT}", facts)


def _of_inbox(inbox: InboxClient, address: str) -> Iterator[Moment]:
    """No mails where nothing answers: the production profile has no inbox."""
    try:
        mails = inbox.sent_to(address)
    except httpx.TransportError:
        return
    for mail in mails:
        yield Moment(datetime.fromisoformat(mail.created), "inbox", f"“{mail.subject}”", {"id": mail.id})


def _of_topic(topic: str, records: Sequence[TopicRecord], user_id: int) -> Iterator[Moment]:
    """The records of this user; suspensions are keyed by their own id, and so are found by their row."""
    theirs: set[Any] = set() if topic in _OF_SUSPENSIONS else {user_id}
    for record in records:
        identity, row = (row_of(record.key) or {}).get("id"), row_of(record.value)
        if topic in _OF_SUSPENSIONS and (row or {}).get("user_id") == user_id:
            theirs |= {identity} if isinstance(identity, int | str) else set()
        if isinstance(identity, int | str) and identity in theirs:
            yield moment_of(topic, record, row)


def moment_of(topic: str, record: TopicRecord, row: Mapping[str, Any] | None) -> Moment:
    """When a record was written and what it tells, nothing secret in it; row: what its value holds."""
    at = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
    what = "parked" if topic in DEAD_LETTERS else "changed" if row is not None else "deleted"
    facts = {"offset": record.offset, **_telling(_masked(topic, row or {}))}
    return Moment(at, f"topic {topic}", what, facts)


def tell_record(topic: str, record: TopicRecord) -> dict[str, Any]:
    """One record for people who watch: where, when, whose and what, nothing secret in it."""
    moment = moment_of(topic, record, row_of(record.value))
    identity = (row_of(record.key) or {}).get("id")
    return {
        "at": moment.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "topic": topic,
        "what": moment.what,
        "id": identity if isinstance(identity, int | str) else None,
        "facts": moment.facts,
    }


def row_of(text: str | None) -> dict[str, Any] | None:
    """What a record's key or value holds, without its schema; of what is no JSON object, nothing."""
    try:
        value = json.loads(text) if text is not None else None
    except (ValueError, RecursionError):
        return {}
    if isinstance(value, dict) and value.keys() == {"schema", "payload"}:
        value = value["payload"]
    return value if isinstance(value, dict) or value is None else {}


_TELLING = (
    "User_status",
    "status",
    "pw_version",
    "chosen_version",
    "auth_token",
    "reason",
    "reason_for_inactive",
    "suspended_until",
    "lifted_at",
)


def _telling(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in _TELLING if row.get(name) is not None}


def _masked(place: str, row: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = masked(dict(row))
    if place.rpartition(".")[2] in _ROW_IDS:
        shown["id"] = f"{str(shown['id'])[:6]}…"
    return shown


def _time(value: datetime | str) -> datetime:
    at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def plain(value: Any) -> Any:
    """A value as JSON can hold it: times as RFC 3339."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value
