"""Everything that can be seen of a platform, as places and texts: two platforms differ where these do."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from apps.login import tables as login_tables
from apps.reset_password import tables as reset_password_tables
from apps.signup import tables as signup_tables
from containers.engines import SQLDatabase, Tier, TopicRecord
from containers.inbox_client import InboxClient
from containers.journey import DEAD_LETTERS, TOPICS
from containers.tests.parity.masks import Masks
from containers.tests.parity.people import Answer

Seen = dict[str, str]

TABLES: Mapping[SQLDatabase, sa.MetaData] = {
    "signup_db": signup_tables.metadata,
    "login_db": login_tables.metadata,
    "rpwd_db": reset_password_tables.metadata,
}
COLLECTIONS = ("active_users", "password_versions", "failed_activations")

IN_ORDER_OF = {"sessions": "issued_at", "reset_links": "created_at"}
"""Tables whose ids are random."""

ANYTHING = {
    "client": "the peer's address: that of a bridge, where services live in containers",
    "request_id": "random",
    "message_id": "random",
}
"""Columns of which only is compared whether they hold something."""

RUN_HEADERS = (
    "__debezium.context.runId",
    "__source_ts_ms",
    "__connect.errors.offset",
    "__quartet.error.offset",
)
"""Headers that are compared by name and form."""
STACKTRACE = "__connect.errors.exception.stacktrace"

PROBE = '"payload":{"id":-1}'
"""The key of a tombstone of nobody's row: by it a start on real engines proves that sinks carry something."""


def look(tier: Tier, answers: Sequence[Answer], people: Sequence[str]) -> Seen:
    """Everything, in an order that is the same on every tier: names are given by first sight."""
    masks = Masks(tier.urls)
    seen: Seen = {}
    for topic in TOPICS + DEAD_LETTERS:
        seen |= _topic(topic, tier.records(topic), masks)
    for database, metadata in TABLES.items():
        for table in metadata.tables:
            seen |= _rows(f"{database}.{table}", tier.rows(database, table), masks)
    for collection in COLLECTIONS:
        seen |= _documents(collection, tier.documents(collection), masks)
    seen |= _answers(answers, masks)
    seen |= _mails(tier.urls["inbox"], people, masks)
    seen |= _connectors(tier)
    return seen


def parts(text: str) -> tuple[str, str]:
    """Schema and payload of a key or value, each as it stands there; no schema where none is around it."""
    head, cut, tail = text.partition(',"payload":')
    return (head, tail) if cut and head.startswith('{"schema":') else ("", text)


def without_probes(records: Sequence[TopicRecord]) -> list[TopicRecord]:
    return [record for record in records if PROBE not in (record.key or "").replace(" ", "")]


def _topic(topic: str, records: Sequence[TopicRecord], masks: Masks) -> Iterator[tuple[str, str]]:
    kind = "suspended_users" if "suspended_users" in topic or "signup-sink" in topic else "users"
    found = without_probes(records)
    yield f"{topic} records", str(len(found))
    for number, record in enumerate(found):
        place = f"{topic}[{number}]"
        for part, text in (("key", record.key), ("value", record.value)):
            schema, payload = parts(text) if text is not None else ("", "(none)")
            yield f"{place} {part} schema", schema
            yield f"{place} {part}", masks.payload(payload, kind, place)
        yield f"{place} headers", ", ".join(record.headers)
        for name, value in record.headers.items():
            yield f"{place} header {name}", _header(name, value, masks, place)


def _header(name: str, value: str, masks: Masks, place: str) -> str:
    if name in RUN_HEADERS:
        return "number" if value.isdigit() else "".join("-" if sign == "-" else "x" for sign in value)
    return value.partition("\n")[0] if name == STACKTRACE else masks.secrets(value, place)


def _rows(name: str, rows: Sequence[dict[str, Any]], masks: Masks) -> Iterator[tuple[str, str]]:
    table = name.partition(".")[2]
    if table in IN_ORDER_OF:
        rows = sorted(rows, key=lambda row: row[IN_ORDER_OF[table]])
    yield f"{name} rows", str(len(rows))
    for number, row in enumerate(rows):
        place = f"{name}[{number}]"
        yield f"{place} columns", ", ".join(row)
        for column, value in row.items():
            yield f"{place}.{column}", _cell(table, column, value, masks, f"{place}.{column}")


def _cell(table: str, column: str, value: Any, masks: Masks, place: str) -> str:
    if hasattr(value, "tzinfo"):
        return masks.moment(value, place)
    if value is not None and column in ANYTHING:
        return type(value).__name__
    if column in ("id", "_id", "user_id") and value is not None:
        of = "users" if column == "user_id" else table
        return masks.identity(of, value, place)
    return masks.secrets(repr(value), place)


def _documents(name: str, documents: Sequence[dict[str, Any]], masks: Masks) -> Iterator[tuple[str, str]]:
    yield f"{name} documents", str(len(documents))
    for number, document in enumerate(sorted(documents, key=lambda each: str(each["_id"]))):
        place = f"{name}[{number}]"
        yield f"{place} fields", ", ".join(document)
        of = "hours" if name == "failed_activations" else "users"
        for field, value in document.items():
            yield f"{place}.{field}", _cell(of, field, value, masks, f"{place}.{field}")


def _answers(answers: Sequence[Answer], masks: Masks) -> Iterator[tuple[str, str]]:
    for answer in answers:
        place = f"answer: {answer.act}"
        yield f"{place} status", str(answer.status)
        yield f"{place} headers", ", ".join(sorted(name.lower() for name in answer.headers))
        yield f"{place} body", masks.answer(answer.body, place)


def _mails(url: str, people: Sequence[str], masks: Masks) -> Iterator[tuple[str, str]]:
    with InboxClient(url) as inbox:
        for address in people:
            mails = [inbox.read(mail.id) for mail in reversed(inbox.sent_to(address))]
            for number, mail in enumerate(mails):
                place = f"mail to {address}[{number}]"
                yield f"{place} head", f"{mail.sender} {mail.recipients} {mail.subject}"
                yield f"{place} text", masks.mail(mail.text, place)


def _connectors(tier: Tier) -> Iterator[tuple[str, str]]:
    for view in tier.connectors.overview():
        place = f"connector {view.name}"
        restarted = (
            "started again" if view.restarts else "never started again"
        )  # how often, the batch decides
        yield f"{place} state", f"{view.type} {view.state} {view.tasks} {restarted}, cause {view.cause}"
        yield f"{place} lag", str(view.lag or 0)
        config = tier.connectors.config(view.name)
        yield f"{place} config", json.dumps(dict(sorted(config.items())))
