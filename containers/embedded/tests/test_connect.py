"""Connect as a whole: the ring of databases, and the administration of its connectors."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from containers.connector_files.config import ConfigInvalid
from containers.embedded.connect import ConnectorExists, ConnectorUnknown, NotStopped
from containers.embedded.tests.flow import CONFIGS, Flow

SIGN_UP = "INSERT INTO users (email, password, fullName) VALUES (?, 'hash', 'Ada')"


def test_a_change_goes_round_the_ring_and_comes_to_rest(flow: Flow) -> None:
    """Sign-up, login, reset: each copy holds its columns, and a deletion goes all the way too."""
    flow.add()
    flow.write("signup_db", SIGN_UP, "a@example.org")
    flow.write("login_db", "UPDATE users SET auth_token = 'receipt'")
    flow.write("signup_db", "UPDATE users SET User_status = 'ACTIVE', pw_version = 2, password = 'newer'")
    (login,), (reset,) = flow.rows("login_db", "users"), flow.rows("rpwd_db", "users")
    assert (
        login.items()
        >= {
            "email": "a@example.org",
            "password": "newer",
            "User_status": "ACTIVE",
            "pw_version": 2,
            "auth_token": "receipt",
            "fullName": None,
        }.items()
    )
    assert (
        reset.items()
        >= {
            "email": "a@example.org",
            "password": None,
            "User_status": "ACTIVE",
            "pw_version": 2,
            "auth_token": "receipt",
        }.items()
    )
    flow.write("signup_db", "DELETE FROM users")
    assert flow.rows("login_db", "users") == flow.rows("rpwd_db", "users") == []
    ends = {topic: flow.log.end_offset(topic) for topic in ("users", "login_db.users", "rpwd_db.users")}
    assert ends == {"users": 3, "login_db.users": 4, "rpwd_db.users": 0}


def test_a_suspension_reaches_sign_up(flow: Flow) -> None:
    """Its seven columns; login's own pw_version stays at home, and a change of it alone is no event."""
    flow.add()
    insert = "INSERT INTO suspended_users (email, user_id, reason, pw_version) VALUES ('a', 7, 'X', 3)"
    flow.write("login_db", insert)
    flow.write("login_db", "UPDATE suspended_users SET pw_version = 4")
    (row,) = flow.rows("signup_db", "suspended_users")
    assert (row["email"], row["user_id"], row["reason"]) == ("a", 7, "X")
    (record,) = flow.records("login_db.suspended_users")
    assert "pw_version" not in json.loads(record.value or "")["payload"]


def test_writers_on_all_sides_at_once(flow: Flow) -> None:
    """Services write the same files while the engine does; every row arrives."""
    flow.add()

    def write(database: str, sql: str, first: int) -> None:
        for number in range(first, first + 100):
            flow.write_only(database, sql, number)
            flow.connect.wake(database)

    with ThreadPoolExecutor() as pool:
        signup = "INSERT INTO users (id, email) SELECT n, n FROM (SELECT ? AS n)"
        login = "INSERT INTO suspended_users (id, email) SELECT n, n FROM (SELECT ? AS n)"
        for future in (
            pool.submit(write, "signup_db", signup, 1),
            pool.submit(write, "signup_db", signup, 101),
            pool.submit(write, "login_db", login, 1),
            pool.submit(write, "rpwd_db", "INSERT INTO audit (happened_at, event) VALUES ('x', ?)", 1),
        ):
            future.result()
    flow.connect.settle()
    assert [row["id"] for row in flow.rows("rpwd_db", "users")] == list(range(1, 201))
    assert [row["id"] for row in flow.rows("signup_db", "suspended_users")] == list(range(1, 101))
    assert {flow.state(name) for name in CONFIGS} == {"RUNNING"}


def test_pause_and_resume(flow: Flow) -> None:
    """What comes meanwhile is waited for, and is told as lag; the state survives a restart."""
    flow.add()
    flow.connect.pause("login-sink-connector")
    flow.write("signup_db", SIGN_UP, "a@example.org")
    flow.close()
    flow.open()
    flow.connect.settle()
    status = flow.connect.status("login-sink-connector")
    assert (status["connector"]["state"], flow.state("login-sink-connector")) == ("PAUSED", "PAUSED")
    assert status["lag"] == 1
    assert flow.rows("login_db", "users") == []
    flow.connect.resume("login-sink-connector")
    flow.connect.settle()
    assert len(flow.rows("login_db", "users")) == 1
    assert flow.connect.status("login-sink-connector")["lag"] == 0


def test_a_paused_source_tells_its_lag(flow: Flow) -> None:
    flow.add("signupconnector")
    flow.connect.pause("signupconnector")
    for number in range(3):
        flow.write("signup_db", SIGN_UP, f"{number}@example.org")
    assert flow.connect.status("signupconnector")["lag"] == 3
    assert flow.records("users") == []


def test_offsets_may_be_changed_while_stopped(flow: Flow) -> None:
    """A sink that starts over writes the topic again; a source makes its snapshot again."""
    flow.add("signupconnector", "login-sink-connector")
    flow.write("signup_db", SIGN_UP, "a@example.org")
    with pytest.raises(NotStopped):
        flow.connect.set_offsets("login-sink-connector", None)
    flow.write("login_db", "DELETE FROM users")
    flow.connect.stop_connector("login-sink-connector")
    assert flow.connect.status("login-sink-connector")["tasks"] == []
    flow.connect.set_offsets("login-sink-connector", {"users": 1})
    flow.connect.resume("login-sink-connector")
    flow.connect.settle()
    assert flow.rows("login_db", "users") == []
    for name in ("signupconnector", "login-sink-connector"):
        flow.connect.stop_connector(name)
        flow.connect.set_offsets(name, None)
        flow.connect.resume(name)
        flow.connect.settle()
    assert flow.log.end_offset("users") == 2
    assert len(flow.rows("login_db", "users")) == 1
    (offset,) = flow.connect.offsets("login-sink-connector")
    assert offset == {
        "partition": {"kafka_partition": 0, "kafka_topic": "users"},
        "offset": {"kafka_offset": 2},
    }
    (offset,) = flow.connect.offsets("signupconnector")
    assert offset["partition"] == {"server": "smartdevdbserver1"}


def test_a_connector_that_is_made_again_goes_on_where_it_was(flow: Flow) -> None:
    """Its offsets outlive it, as in Kafka."""
    flow.add("signupconnector")
    flow.write("signup_db", SIGN_UP, "a@example.org")
    flow.connect.delete("signupconnector")
    with pytest.raises(ConnectorUnknown):
        flow.connect.status("signupconnector")
    flow.write("signup_db", SIGN_UP, "b@example.org")
    flow.add("signupconnector")
    flow.connect.settle()
    assert flow.log.end_offset("users") == 2


def test_another_configuration_is_taken_at_once(flow: Flow) -> None:
    flow.add("signupconnector")
    flow.write("signup_db", SIGN_UP, "a@example.org")
    flow.add("signupconnector", column__exclude__list="signup_db.users.(auth_token|password)")
    flow.write("signup_db", SIGN_UP, "b@example.org")
    payloads = [json.loads(record.value or "")["payload"] for record in flow.records("users")]
    assert ["password" in payload for payload in payloads] == [True, False]


def test_what_cannot_run_is_refused(flow: Flow) -> None:
    """And what ran before goes on running."""
    flow.add()
    with pytest.raises(ConnectorExists):
        flow.connect.add("signupconnector", CONFIGS["signupconnector"])
    with pytest.raises(ConfigInvalid, match=r"insert\.mode"):
        flow.add("login-sink-connector", insert__mode="upsrt")
    with pytest.raises(
        ConfigInvalid, match=r"database\.server\.id: 184055 is that of signupconnector already"
    ):
        flow.add("loginconnector", database__server__id="184055")
    assert {flow.state(name) for name in flow.connect.names()} == {"RUNNING"}
    assert flow.connect.config("login-sink-connector")["insert.mode"] == "upsert"


def test_a_saved_configuration_that_cannot_run_any_more_is_told(flow: Flow) -> None:
    """The others run."""
    flow.add()
    config, target = flow.log.connectors()["login-sink-connector"]
    flow.log.save_connector("login-sink-connector", {**config, "new.option": "x"}, target)
    flow.close()
    flow.open()
    status = flow.connect.status("login-sink-connector")
    assert status["tasks"][0]["state"] == "FAILED"
    assert "new.option: is not known" in status["cause"]
    assert flow.state("signupconnector") == "RUNNING"


def test_a_restart_mends_what_a_person_has_mended(flow: Flow) -> None:
    flow.add()
    flow.write_only("login_db", "ALTER TABLE users RENAME TO gone")
    flow.connect.restart("login-sink-connector")
    flow.write_only("signup_db", SIGN_UP, "a@example.org")
    flow.connect.wake("signup_db")
    for _ in range(200):
        if flow.state("login-sink-connector") == "FAILED":
            break
    assert flow.state("login-sink-connector") == "FAILED"
    flow.write_only("login_db", "ALTER TABLE gone RENAME TO users")
    flow.connect.restart("login-sink-connector", only_failed=True)
    flow.connect.settle()
    assert flow.state("login-sink-connector") == "RUNNING"
    assert len(flow.rows("login_db", "users")) == 1
