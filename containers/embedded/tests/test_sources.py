"""The sources: what is captured of a database, and how its records look."""

import json
import sqlite3
from typing import Any

import pytest

from apps.events.records import Record
from containers.embedded.tests.flow import CONFIGS, Flow

INSERT = "INSERT INTO users (id, email) VALUES (?, ?)"


def row(record: Record) -> Any:
    return json.loads(record.value)["payload"] if record.value else None


def statuses(flow: Flow, topic: str = "users") -> list[Any]:
    return [row(record) and row(record)["User_status"] for record in flow.records(topic)]


def test_what_was_there_before_is_a_snapshot(flow: Flow) -> None:
    """Every row once, by primary key; changes follow."""
    for user_id in (2, 1):
        flow.write_only("signup_db", INSERT, user_id, f"{user_id}@example.org")
    flow.add("signupconnector", transforms__unwrap__add__headers="op")
    flow.write("signup_db", INSERT, 3, "3@example.org")
    found = [(row(record)["id"], dict(record.headers)["__op"]) for record in flow.records("users")]
    assert found == [(1, b"r"), (2, b"r"), (3, b"c")]


def test_tables_that_are_made_later_are_captured(flow: Flow) -> None:
    """The connector waits for its tables; their rows come as a snapshot."""
    flow.add("signupconnector", table__include__list="signup_db.later")
    flow.write_only("signup_db", "CREATE TABLE later (id INTEGER PRIMARY KEY, name VARCHAR(9))")
    flow.write_only("signup_db", "INSERT INTO later VALUES (1, 'a')")
    flow.connect.capture_ready("signup_db").result(5)
    flow.write("signup_db", "INSERT INTO later VALUES (2, 'b')")
    assert [row(record)["name"] for record in flow.records("later")] == ["a", "b"]


def test_columns_of_a_migration_are_captured(flow: Flow) -> None:
    flow.add("signupconnector")
    flow.write("signup_db", INSERT, 1, "a@example.org")
    flow.write_only("signup_db", "ALTER TABLE users ADD COLUMN nickname VARCHAR(40)")
    flow.connect.capture_ready("signup_db").result(5)
    flow.write("signup_db", "UPDATE users SET nickname = 'Ada'")
    assert [row(record).get("nickname") for record in flow.records("users")] == [None, "Ada"]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("initial", [1, 2, 3]),
        ("when_needed", [1, 2, 3]),
        ("no_data", [2, 3]),
        ("initial_only", [1]),
        ("always", [1, 2, 1, 2, 3]),
    ],
)
def test_snapshot_modes(flow: Flow, mode: str, expected: list[int]) -> None:
    """A row before the connector, one while it runs, one while it is down."""
    flow.write_only("signup_db", INSERT, 1, "1@example.org")
    flow.add("signupconnector", snapshot__mode=mode)
    flow.write("signup_db", INSERT, 2, "2@example.org")
    flow.close()
    flow.write_only("signup_db", INSERT, 3, "3@example.org")
    flow.open()
    flow.connect.settle()
    assert [row(record)["id"] for record in flow.records("users")] == expected


def test_a_lost_position_is_a_new_snapshot_when_needed(flow: Flow) -> None:
    """Another file in the database's place, or changes that were cut: every row once more."""
    flow.add("signupconnector")
    flow.write("signup_db", INSERT, 1, "1@example.org")
    flow.close()
    flow.write_only("signup_db", "UPDATE _capture SET identity = 'another file'")
    flow.open()
    flow.connect.settle()
    assert [row(record)["id"] for record in flow.records("users")] == [1, 1]


def test_a_lost_position_fails_a_source_that_may_not_make_a_snapshot(flow: Flow) -> None:
    flow.add("signupconnector", snapshot__mode="initial")
    flow.write("signup_db", INSERT, 1, "1@example.org")
    flow.close()
    flow.write_only("signup_db", INSERT, 2, "2@example.org")
    flow.write_only("signup_db", INSERT, 3, "3@example.org")
    flow.write_only("signup_db", "DELETE FROM _changes WHERE position < 3")
    flow.open()
    flow.connect.names()
    status = flow.connect.status("signupconnector")
    assert status["tasks"][0]["state"] == "FAILED"
    assert "no longer available" in status["cause"]


def test_changes_that_are_read_are_trimmed(flow: Flow) -> None:
    """In bulk, and only what every source of the database has read."""
    flow.add("loginconnector")
    with sqlite3.connect(flow.files["login_db"]) as connection:
        connection.executemany(INSERT, [(number, "a@example.org") for number in range(3000)])
    connection.close()
    flow.connect.wake("login_db")
    flow.connect.settle()
    with sqlite3.connect(flow.files["login_db"]) as connection:
        assert connection.execute("SELECT count(*) FROM _changes").fetchone() == (1,)
    connection.close()
    flow.write("login_db", "UPDATE users SET auth_token = 't' WHERE id = 7")
    assert row(flow.records("login_db.users")[-1])["auth_token"] == "t"


def test_skipped_operations(flow: Flow) -> None:
    flow.add("signupconnector", skipped__operations="c,d")
    flow.write("signup_db", INSERT, 1, "a@example.org")
    flow.write("signup_db", "UPDATE users SET User_status = 'ACTIVE'")
    flow.write("signup_db", "DELETE FROM users")
    assert statuses(flow) == ["ACTIVE"]


@pytest.mark.parametrize(("skips", "number"), [("true", 1), ("false", 2)])
def test_changes_of_columns_that_are_left_out(flow: Flow, skips: str, number: int) -> None:
    """Make no record, if the configuration says so; the column is in none."""
    flow.add("signupconnector", skip__messages__without__change=skips)
    flow.write("signup_db", INSERT, 1, "a@example.org")
    flow.write("signup_db", "UPDATE users SET auth_token = 'secret'")
    assert len(flow.records("users")) == number
    assert all("auth_token" not in row(record) for record in flow.records("users"))


def test_an_included_column_list(flow: Flow) -> None:
    """Values carry these columns only; the key is always there."""
    flow.add(
        "signupconnector", column__exclude__list=None, column__include__list="signup_db.users.(EMAIL|gender)"
    )
    flow.write("signup_db", INSERT, 1, "a@example.org")
    (record,) = flow.records("users")
    assert row(record) == {"email": "a@example.org", "gender": None}
    assert json.loads(record.key or "")["payload"] == {"id": 1}


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("drop", []),
        ("delete-to-tombstone", [None]),
        ("tombstone", [{"payload": None}]),
        ("rewrite", [{"payload": "true"}]),
        ("rewrite-with-tombstone", [{"payload": "true"}, None]),
    ],
)
def test_deletions(flow: Flow, mode: str, expected: list[Any]) -> None:
    flow.add("signupconnector", transforms__unwrap__delete__tombstone__handling__mode=mode)
    flow.write("signup_db", INSERT, 1, "a@example.org")
    flow.write("signup_db", "DELETE FROM users")
    created, *deleted = flow.records("users")
    assert row(created).get("__deleted") == ("false" if mode.startswith("rewrite") else None)
    seen = [record.value and json.loads(record.value) for record in deleted]
    for value in filter(None, seen):
        assert value.pop("schema")["name"] == "smartdevdbserver1.signup_db.users.Value"
        value["payload"] = value["payload"] and value["payload"]["__deleted"]
    assert seen == expected


def test_another_primary_key_is_another_row(flow: Flow) -> None:
    flow.add("signupconnector")
    flow.write("signup_db", INSERT, 1, "a@example.org")
    flow.write("signup_db", "UPDATE users SET id = 2")
    records = flow.records("users")
    assert [json.loads(record.key or "")["payload"]["id"] for record in records] == [1, 1, 2]
    assert [record.value is None for record in records] == [False, True, False]


def test_added_fields(flow: Flow) -> None:
    """Behind the columns, and in the schema."""
    flow.add("signupconnector", transforms__unwrap__add__fields="op,source.ts_ms,source.table")
    flow.write("signup_db", INSERT, 1, "a@example.org")
    (record,) = flow.records("users")
    added = list(row(record).items())[-3:]
    assert [name for name, _ in added] == ["__op", "__source_ts_ms", "__source_table"]
    assert (added[0][1], added[2][1]) == ("c", "users")
    assert isinstance(added[1][1], int)
    fields = json.loads(record.value or "")["schema"]["fields"][-3:]
    assert [field["type"] for field in fields] == ["string", "int64", "string"]


def test_without_schemas(flow: Flow) -> None:
    flow.add(
        "signupconnector", key__converter__schemas__enable="false", value__converter__schemas__enable="false"
    )
    flow.write("signup_db", INSERT, 1, "a@example.org")
    (record,) = flow.records("users")
    assert record.key == b'{"id":1}'
    assert json.loads(record.value or "")["email"] == "a@example.org"


def test_times_in_milliseconds(flow: Flow) -> None:
    """time.precision.mode=connect cuts them, as engines.md measured."""
    flow.add("signupconnector", time__precision__mode="connect")
    flow.write("signup_db", "INSERT INTO users (id, regDate) VALUES (1, '2026-11-23 10:00:00.123456')")
    (record,) = flow.records("users")
    assert row(record)["regDate"] == 1795428000123
    field = next(f for f in json.loads(record.value or "")["schema"]["fields"] if f["field"] == "regDate")
    assert field["name"] == "org.apache.kafka.connect.data.Timestamp"


def test_a_topic_that_the_router_does_not_match_keeps_its_name(flow: Flow) -> None:
    """The pattern has to match the whole name."""
    pattern = CONFIGS["signupconnector"]["transforms.dropTopicPrefix.regex"].removesuffix("(.*)")
    flow.add("signupconnector", transforms__dropTopicPrefix__regex=f"{pattern}(x)")
    flow.write("signup_db", INSERT, 1, "a@example.org")
    assert len(flow.records("smartdevdbserver1.signup_db.users")) == 1


def test_documents_that_were_there_before_are_a_snapshot(flow: Flow) -> None:
    document = '{"_id":7,"status":"ACTIVE","at":{"$date":1795454899675},"versions":[1,2]}'
    flow.write_only("activate_user_reg_db", "INSERT INTO documents VALUES ('active_users', '7', ?)", document)
    flow.write_only("activate_user_reg_db", "INSERT INTO documents VALUES ('others', '8', '{\"_id\":8}')")
    flow.add("mongonewuserconnector")
    (record,) = flow.records("mongoserver1.activate_user_reg_db.active_users")
    assert record.value == b'{"_id":7,"status":"ACTIVE","at":1795454899675,"versions":[1,2]}'
    assert dict(record.headers)["__op"] == b"r"
