"""The embedded engine writes the very bytes that real Connect with Debezium wrote (recorded in golden/)."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from apps.events.records import Record
from containers.embedded.capture import note_document, prepare_file
from containers.embedded.log import NewRecord
from containers.embedded.tests.flow import Flow, moment

GOLDEN = Path(__file__).with_name("golden")
TIMES = {
    "firstvisit",
    "last_changed_PW",
    "regDate",
    "suspended_at",
    "suspended_until",
    "lifted_at",
}
RUN_ID = "__debezium.context.runId"


def golden(topic: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((GOLDEN / f"{topic}.json").read_text(encoding="utf-8"))
    return found


def told(record: Record) -> dict[str, Any]:
    return {
        "key": record.key and record.key.decode(),
        "value": record.value and record.value.decode(),
        "headers": {name: value.decode() for name, value in record.headers},
    }


def without_run(record: dict[str, Any], *more: str) -> dict[str, Any]:
    headers = {name: text for name, text in record["headers"].items() if name not in (RUN_ID, *more)}
    return {**record, "headers": headers}


@pytest.mark.parametrize(
    ("topic", "connector", "database", "table"),
    [
        ("users", "signupconnector", "signup_db", "users"),
        ("login_db.users", "loginconnector", "login_db", "users"),
        ("login_db.suspended_users", "loginconnector", "login_db", "suspended_users"),
    ],
)
def test_rows(flow: Flow, topic: str, connector: str, database: str, table: str) -> None:
    """Creations, updates and deletions, byte for byte; header by header but for the id of the run."""
    flow.add(connector)
    for record in golden(topic):
        row = json.loads(record["value"])["payload"] if record["value"] else None
        if row is None:
            row_id = json.loads(record["key"])["payload"]["id"]
            flow.write(database, f'DELETE FROM "{table}" WHERE id = ?', row_id)
        else:
            times = {name: moment(row[name]) for name in TIMES & row.keys() if row[name] is not None}
            flow.put_row(database, table, {**row, **times})
    written = [told(record) for record in flow.records(topic)]
    assert [without_run(record) for record in written] == [without_run(record) for record in golden(topic)]
    assert [list(record["headers"]) for record in written] == [list(r["headers"]) for r in golden(topic)]
    assert re.fullmatch(
        r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f-]{16}", written[0]["headers"][RUN_ID]
    )


def test_chosen_password(flow: Flow) -> None:
    """resetpasswordconnector tells nothing but a new password: the sink's own writes emit no record."""
    flow.add("resetpasswordconnector")
    (expected,) = golden("rpwd_db.users")
    row = json.loads(expected["value"])["payload"]
    flow.put_row("rpwd_db", "users", {"id": row["id"], "email": row["email"]})
    flow.put_row("rpwd_db", "users", {"id": row["id"], "auth_token": "eyJ.receipt.jwt", "pw_version": 2})
    row["last_changed_PW"] = moment(row["last_changed_PW"])
    flow.put_row("rpwd_db", "users", row)
    flow.write("rpwd_db", "DELETE FROM users")
    assert [without_run(told(r)) for r in flow.records("rpwd_db.users")] == [without_run(expected)]


def test_documents(flow: Flow) -> None:
    """MongoDB's records: no schema, the key by `id`, dates in milliseconds, what happened in headers."""
    flow.add("mongonewuserconnector")
    topic = "mongoserver1.activate_user_reg_db.active_users"
    texts: dict[int, str | None] = {}
    for record in golden(topic):
        document_id = json.loads(record["key"])["id"]
        document = json.loads(record["value"]) if record["value"] else None
        if document:
            times = {name: at for name, at in document.items() if name.endswith("_at") and at is not None}
            document |= {name: {"$date": at} for name, at in times.items()}
        after = json.dumps(document) if document else None
        with closing(sqlite3.connect(flow.files["activate_user_reg_db"])) as connection, connection:
            prepare_file(connection)
            note_document(connection, "active_users", before=texts.get(document_id), after=after)
        texts[document_id] = after
        flow.connect.wake("activate_user_reg_db")
        flow.connect.settle()
    written = [told(record) for record in flow.records(topic)]
    at = "__source_ts_ms"
    assert [without_run(record, at) for record in written] == [without_run(r, at) for r in golden(topic)]
    assert [list(record["headers"]) for record in written] == [list(r["headers"]) for r in golden(topic)]
    assert all(re.fullmatch(r"\d{13}", record["headers"][at]) for record in written)


def test_dead_letters(flow: Flow) -> None:
    """What the converter cannot read is parked as it was, and Connect's headers say where and why."""
    flow.add("login-sink-connector")
    letters = golden("dlq.login-sink-connector")
    records = [NewRecord("users", letter["key"].encode(), letter["value"].encode()) for letter in letters]
    flow.connect.produce(records)
    flow.connect.settle()
    parked = [told(record) for record in flow.records("dlq.login-sink-connector")]
    offset, trace = "__connect.errors.offset", "__connect.errors.exception.stacktrace"
    assert [without_run(r, offset, trace) for r in parked] == [without_run(r, offset, trace) for r in letters]
    assert [list(record["headers"]) for record in parked] == [list(r["headers"]) for r in letters]
    assert [record["headers"][offset] for record in parked] == ["0", "1", "2"]
    for record, letter in zip(parked, letters, strict=True):
        assert record["headers"][trace].startswith(letter["headers"][trace].partition("\n")[0][:90])
    assert flow.state("login-sink-connector") == "RUNNING"
    assert flow.connect.status("login-sink-connector")["parked"] == 3
    assert flow.rows("login_db", "users") == []
