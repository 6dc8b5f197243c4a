"""The JDBC sink: what becomes of rows in the target, and of records that it cannot write."""

import json
import sqlite3
import threading
from dataclasses import replace
from typing import Any

import pytest

from containers.embedded.log import NewRecord
from containers.embedded.tests.flow import Flow
from containers.polling import poll

SINK, DEAD = "login-sink-connector", "dlq.login-sink-connector"
KEY = {"type": "struct", "fields": [{"type": "int64", "optional": False, "field": "id"}], "optional": False}
COLUMNS = {
    "id": {"type": "int64", "optional": False},
    "email": {"type": "string", "optional": True},
    "password": {"type": "string", "optional": True},
    "userRole": {"type": "string", "optional": True},
    "User_status": {"type": "string", "optional": True},
    "pw_version": {"type": "int64", "optional": True},
    "fullName": {"type": "string", "optional": True},
    "regDate": {"type": "int64", "optional": True, "name": "io.debezium.time.MicroTimestamp"},
}


def record(user_id: int, topic: str = "users", **fields: Any) -> NewRecord:
    """A record with a field for each given value; without any it is a tombstone."""
    key = json.dumps({"schema": KEY, "payload": {"id": user_id}}).encode()
    if not fields:
        return NewRecord(topic, key, None)
    described = [
        {**COLUMNS.get(name, {"type": "string", "optional": True}), "field": name} for name in ("id", *fields)
    ]
    schema = {"type": "struct", "fields": described, "optional": False}
    value = {"schema": schema, "payload": {"id": user_id, **fields}}
    return NewRecord(topic, key, json.dumps(value).encode())


def produce(flow: Flow, *records: NewRecord) -> None:
    flow.connect.produce(records)
    flow.connect.settle()


def emails(flow: Flow) -> dict[int, str]:
    return {row["id"]: row["email"] for row in flow.rows("login_db", "users")}


def reasons(flow: Flow) -> list[str]:
    return [dict(r.headers)["__connect.errors.exception.message"].decode() for r in flow.records(DEAD)]


def test_rows_are_inserted_updated_and_deleted(flow: Flow) -> None:
    """The listed fields only; other columns keep what they hold."""
    flow.add(SINK)
    produce(flow, record(1, email="a@example.org", fullName="Ada"), record(2, email="b@example.org"))
    flow.write("login_db", "UPDATE users SET auth_token = 't', fullName = 'mine'")
    produce(flow, record(1, email="c@example.org", fullName="Ada", User_status="ACTIVE"), record(2))
    (row,) = flow.rows("login_db", "users")
    expected = {
        "id": 1,
        "email": "c@example.org",
        "User_status": "ACTIVE",
        "auth_token": "t",
        "fullName": "mine",
    }
    assert row.items() >= expected.items()


def test_an_upsert_conflicts_on_the_declared_key_only(flow: Flow) -> None:
    """Two users with one address stay two users, whatever else is alike."""
    flow.add(SINK)
    produce(flow, record(1, email="a@example.org"), record(44, email="a@example.org"))
    assert emails(flow) == {1: "a@example.org", 44: "a@example.org"}


def test_an_upsert_that_changes_nothing_is_no_event(flow: Flow) -> None:
    """So that a ring of upserts comes to rest."""
    flow.add(SINK, "loginconnector")
    for _ in range(3):
        produce(flow, record(1, email="a@example.org"))
    assert len(flow.records("login_db.users")) == 1


def test_times_are_as_the_services_write_them(flow: Flow) -> None:
    flow.add(SINK, field__include__list="id,regDate")
    produce(flow, record(1, regDate=1795428000123456), record(2, regDate=1795428000000000))
    rows = [row["regDate"] for row in flow.rows("login_db", "users")]
    assert rows == ["2026-11-23 10:00:00.123456", "2026-11-23 10:00:00.000000"]


def test_deletions_only_where_they_are_enabled(flow: Flow) -> None:
    flow.add(SINK, delete__enabled="false")
    produce(flow, record(1, email="a@example.org"), record(1))
    assert emails(flow) == {1: "a@example.org"}


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("upsert", {1: "new"}), ("insert", {1: "old"}), ("update", {1: "new"})],
)
def test_insert_modes(flow: Flow, mode: str, expected: dict[int, str]) -> None:
    """A plain insert of a row that is there is refused as MySQL refuses it."""
    flow.write("login_db", "INSERT INTO users (id, email) VALUES (1, 'old')")
    flow.add(SINK, insert__mode=mode)
    produce(flow, record(1, email="new"))
    assert emails(flow) == expected
    codes = [dict(letter.headers)["__quartet.error.reason"] for letter in flow.records(DEAD)]
    assert codes == [b"SQL_1062"] * (mode == "insert")


def test_fields_of_one_topic(flow: Flow) -> None:
    flow.add(SINK, field__include__list="id,users:email,elsewhere:User_status")
    produce(flow, record(1, email="a@example.org", User_status="ACTIVE"))
    (row,) = flow.rows("login_db", "users")
    assert (row["email"], row["User_status"]) == ("a@example.org", "INACTIVE")


def test_a_table_named_after_the_topic(flow: Flow) -> None:
    flow.write_only("login_db", "CREATE TABLE my_users (id INTEGER PRIMARY KEY, email VARCHAR(254))")
    flow.add(SINK, topics="my.users", collection__name__format="${topic}")
    produce(flow, record(1, "my.users", email="a@example.org"))
    assert [row["email"] for row in flow.rows("login_db", "my_users")] == ["a@example.org"]


def test_names_without_quotes_are_lower_case(flow: Flow) -> None:
    """The trap of quote.identifiers=false: a column of mixed case is not found."""
    flow.add(SINK, quote__identifiers="false")
    produce(flow, record(1, email="a@example.org"), record(2, User_status="ACTIVE"))
    assert emails(flow) == {1: "a@example.org"}
    assert reasons(flow) == ["Cannot alter table users because schema evolution is disabled"]


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"User_status": "ASLEEP"}, "SQL_1265", "Data truncated for column 'User_status' at row 1"),
        ({"email": "a" * 255}, "SQL_1406", "Data truncation: Data too long for column 'email' at row 1"),
        ({"email": None}, "SQL_1048", "Column 'email' cannot be null"),
        (
            {"unknown": "x"},
            "TABLE_DOES_NOT_FIT",
            "Cannot alter table users because schema evolution is disabled",
        ),
        (
            {"regDate": 2**62},
            "SQL_1292",
            "Data truncation: Incorrect datetime value for column 'regDate' at row 1",
        ),
    ],
)
def test_what_mysql_would_refuse_is_parked(flow: Flow, fields: dict[str, Any], code: str, words: str) -> None:
    """The task fails, fails again after its restart, and then sets the record aside; the next one passes."""
    flow.add(SINK, field__include__list=None)
    bad = record(2, **fields)
    produce(flow, record(1, email="a@example.org"), bad, record(3, email="c@example.org"))
    assert emails(flow) == {1: "a@example.org", 3: "c@example.org"}
    (parked,) = flow.records(DEAD)
    headers = {name: value.decode() for name, value in parked.headers}
    assert (parked.key, parked.value) == (bad.key, bad.value)
    assert headers["__quartet.error.reason"] == code
    assert headers["__connect.errors.stage"] == "TASK_PUT"
    assert headers["__connect.errors.offset"] == "1"
    assert headers["__connect.errors.exception.message"] == words
    outermost = (
        "org.apache.kafka.connect.errors.ConnectException: Exiting WorkerSinkTask due to unrecoverable"
    )
    assert headers["__connect.errors.exception.stacktrace"].startswith(outermost)
    assert f": {words}\n" in headers["__connect.errors.exception.stacktrace"]
    status = flow.connect.status(SINK)
    assert (status["tasks"][0]["state"], status["restarts"], status["cause"]) == ("RUNNING", 1, None)
    assert status["parked"] == 1
    assert status["lag"] == 0


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "double", "field": "pw_version"},
        {"type": "int64", "field": "pw_version", "name": ["x"]},
    ],
)
def test_what_nobody_has_foreseen_is_parked(flow: Flow, schema: dict[str, Any]) -> None:
    """A value that no number can hold, a name that is none: what comes behind it must not wait for ever."""
    flow.add(SINK, field__include__list=None)
    strange = record(2, pw_version=1)
    envelope = json.loads(strange.value or b"")
    fields = [schema if field["field"] == "pw_version" else field for field in envelope["schema"]["fields"]]
    envelope["schema"]["fields"] = fields
    envelope["payload"]["pw_version"] = float("inf")
    text = json.dumps(envelope).replace("Infinity", "1e999").encode()
    produce(flow, replace(strange, value=text), record(3, email="c@example.org"))
    assert emails(flow) == {3: "c@example.org"}
    assert flow.connect.status(SINK)["parked"] == 1


def test_a_damaged_database_parks_nothing(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it cannot write today it has to write once it is mended."""
    flow.add(SINK)

    def damaged(*_: object) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")

    with monkeypatch.context() as broken:
        broken.setattr("containers.embedded.sinks.Sink._commit", damaged)
        flow.connect.produce([record(1, email="a@example.org")])
        poll(lambda: flow.state(SINK) == "FAILED" or None, within_seconds=10, what="the failure")
    assert flow.records(DEAD) == []
    flow.connect.restart(SINK)
    flow.connect.settle()
    assert emails(flow) == {1: "a@example.org"}


def test_no_value_is_told(flow: Flow) -> None:
    """What is parked says why, and not with which value: it may be a hash."""
    flow.add(SINK)
    produce(flow, record(1, password="secret" * 50), record(2, userRole="secret"))
    told = [value for r in flow.records(DEAD) for name, value in r.headers]
    assert len(flow.records(DEAD)) == 2
    assert not [text for text in told if b"secret" in text]


def test_a_rule_that_only_the_database_knows(flow: Flow) -> None:
    """Rows before and after the refused one are written, each once."""
    flow.write_only("login_db", "CREATE UNIQUE INDEX one ON users (email)")
    flow.add(SINK)
    flow.add("loginconnector")
    produce(flow, record(1, email="a"), record(2, email="a"), record(3, email="b"), record(4, email="c"))
    assert emails(flow) == {1: "a", 3: "b", 4: "c"}
    assert len(flow.records("login_db.users")) == 3
    assert len(flow.records(DEAD)) == 1


def test_unreadable_records_fail_the_task_where_errors_are_not_tolerated(flow: Flow) -> None:
    """errors.tolerance=none; the watchdog sets the record aside after the restart all the same."""
    flow.add(SINK, errors__tolerance="none")
    produce(flow, NewRecord("users", record(1).key, b"{not json"), record(2, email="b@example.org"))
    assert emails(flow) == {2: "b@example.org"}
    assert len(flow.records(DEAD)) == 1
    assert flow.connect.status(SINK)["restarts"] == 1


def test_unreadable_records_are_dropped_where_nobody_keeps_them(flow: Flow) -> None:
    """errors.tolerance=all without a dead-letter topic drops them, as real Connect does."""
    flow.add(SINK, errors__deadletterqueue__topic__name=None)
    produce(flow, NewRecord("users", record(1).key, b"{not json"), record(2, email="b@example.org"))
    assert emails(flow) == {2: "b@example.org"}
    assert flow.records(DEAD) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"{", None),
        (None, record(1, email="x").value),
        (record(1).key, b'{"schema":{"type":"string"},"payload":"x"}'),
        (record(1).key, b'{"schema":null,"payload":{"id":1}}'),
        (record(1).key, b'{"schema":{"type":"struct","fields":[{"type":"map","field":"x"}]},"payload":{}}'),
        (record(1).key, b'{"schema":{"type":"struct","fields":7},"payload":{}}'),
        (record(1).key, (record(1, email="x").value or b"").replace(b'"payload": ', b'"payload": 7, "x": ')),
        (record(1).key, (record(1, email="x").value or b"").replace(b'"x"', b"7")),
        (record(1).key, b"[" * 100_000),
        (b'{"schema":{"type":"struct","fields":[]},"payload":{}}', record(1, email="x").value),
    ],
)
def test_strange_records_are_parked(flow: Flow, key: bytes | None, value: bytes | None) -> None:
    """Whatever lies in the topic, the next record passes."""
    flow.add(SINK)
    produce(flow, record(1, email="a@example.org"), NewRecord("users", key, value))
    produce(flow, record(2, email="b@example.org"))
    assert emails(flow) == {1: "a@example.org", 2: "b@example.org"}
    assert len(flow.records(DEAD)) == 1


def test_a_locked_database_is_waited_for(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service's long transaction holds a sink up and fails nothing."""
    monkeypatch.setattr("containers.embedded.files.BUSY_SECONDS", 0.01)
    flow.close()
    flow.open()
    flow.add(SINK, flush__retry__delay__ms="10", flush__max__retries="1000")
    locker = sqlite3.connect(flow.files["login_db"], isolation_level=None, check_same_thread=False)
    locker.execute("BEGIN IMMEDIATE")
    flow.connect.produce([record(1, email="a@example.org")])
    threading.Timer(0.2, lambda: locker.execute("COMMIT")).start()
    flow.connect.settle()
    locker.close()
    assert emails(flow) == {1: "a@example.org"}
    assert flow.connect.status(SINK)["restarts"] == 0
    assert flow.connect.status(SINK)["cause"] is None


def test_a_database_that_stays_locked_fails_the_task_until_it_is_free(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After flush.max.retries; the watchdog's restarts bring it back, and nothing is parked."""
    monkeypatch.setattr("containers.embedded.files.BUSY_SECONDS", 0.01)
    flow.close()
    flow.open()
    flow.add(SINK, flush__retry__delay__ms="1", flush__max__retries="1")
    locker = sqlite3.connect(flow.files["login_db"], isolation_level=None, check_same_thread=False)
    locker.execute("BEGIN IMMEDIATE")
    flow.connect.produce([record(1, email="a@example.org")])
    threading.Timer(0.5, lambda: locker.execute("COMMIT")).start()
    flow.connect.settle()
    locker.close()
    assert emails(flow) == {1: "a@example.org"}
    assert flow.connect.status(SINK)["restarts"] > 0
    assert flow.records(DEAD) == []


def test_a_missing_table_is_waited_for(flow: Flow) -> None:
    """It is no record's fault: nothing is parked, and a migration mends it."""
    flow.add(SINK, collection__name__format="later")
    flow.connect.produce([record(1, email="a@example.org")])
    flow.connect.names()
    status = flow.connect.status(SINK)
    assert status["tasks"][0]["state"] == "FAILED"
    assert status["cause"] == "Cannot create table later because schema evolution is disabled"
    assert status["lag"] == 1
    flow.write_only("login_db", "CREATE TABLE later (id INTEGER PRIMARY KEY, email VARCHAR(254))")
    flow.connect.capture_ready("login_db").result(5)
    flow.connect.settle()
    assert [row["email"] for row in flow.rows("login_db", "later")] == ["a@example.org"]
    assert flow.records(DEAD) == []


def test_another_log_is_read_from_its_beginning(flow: Flow) -> None:
    """After the log was removed, its offsets mean nothing any more."""
    flow.add()
    flow.write("signup_db", "INSERT INTO users (email) VALUES ('a@example.org')")
    flow.close()
    for path in flow.folder.glob("log.sqlite*"):
        path.unlink()
    flow.write_only("signup_db", "UPDATE users SET email = 'b@example.org'")
    flow.open()
    flow.add()
    flow.connect.settle()
    assert emails(flow) == {1: "b@example.org"}
