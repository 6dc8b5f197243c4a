"""Connector configurations: every option known, every value sound, and every problem told at once."""

import json
import re
from pathlib import Path

import pytest

from containers.connector_files.config import ClassUnknown, ConfigInvalid, as_texts, read_folder
from containers.connector_files.options import OPTIONS, TRANSFORMS
from containers.connector_files.settings import (
    Settings,
    SinkSettings,
    SourceSettings,
    read_settings,
)
from containers.embedded.tests.flow import CONFIGS, DATABASES, ENVIRON

SINK, SOURCE, MONGO = "login-sink-connector", "signupconnector", "mongonewuserconnector"


def read(name: str, changes: dict[str, str | None] | None = None) -> Settings:
    config = {**CONFIGS[name], **(changes or {})}
    kept = {option: value for option, value in config.items() if value is not None}
    return read_settings(name, kept, environ=ENVIRON, databases=DATABASES)


def problems(name: str, changes: dict[str, str | None]) -> dict[str, str]:
    with pytest.raises(ConfigInvalid) as caught:
        read(name, changes)
    assert str(caught.value).startswith(f"{name}: ")
    return {problem.option: problem.reason for problem in caught.value.problems}


@pytest.mark.parametrize("name", CONFIGS)
def test_the_shipped_files_are_sound(name: str) -> None:
    """They hold nothing secret and no host: every such value is one placeholder."""
    read(name)
    for option, value in CONFIGS[name].items():
        if re.search(r"host|port$|user|password|bootstrap|string|url", option):
            assert "${env:QUARTET_" in value, option


def test_every_option_of_the_shipped_files_is_described() -> None:
    """In the folder's README, with what it means on the embedded tier."""
    readme = (Path(__file__).parents[2] / "connect-configs" / "README.md").read_text(encoding="utf-8")
    options = {option for config in CONFIGS.values() for option in config}
    named = {re.sub(r"^transforms\.\w+\.", "", option) for option in options}
    assert [option for option in named if f"`{option}`" not in readme] == []


def test_what_the_files_ask_for() -> None:
    """The wiring, read off the settings."""
    wiring = {}
    for name in CONFIGS:
        settings = read(name)
        if isinstance(settings, SinkSettings):
            wiring[name] = (settings.topics, f"{settings.database}.{settings.table(settings.topics[0])}")
        else:
            tables = ("users", "suspended_users", "active_users", "outbox")
            captured = [table for table in tables if settings.captures(table)]
            wiring[name] = (tuple(map(settings.topic, captured)), settings.database)
    assert wiring == {
        "signupconnector": (("users",), "signup_db"),
        "login-sink-connector": (("users",), "login_db.users"),
        "mongonewuserconnector": (
            ("mongoserver1.activate_user_reg_db.active_users",),
            "activate_user_reg_db",
        ),
        "loginconnector": (("login_db.users", "login_db.suspended_users"), "login_db"),
        "resetpassword-sink-connector": (("login_db.users",), "rpwd_db.users"),
        "signup-sink-connector": (("login_db.suspended_users",), "signup_db.suspended_users"),
        "resetpasswordconnector": (("rpwd_db.users",), "rpwd_db"),
    }


@pytest.mark.parametrize(
    ("name", "option", "value", "reason"),
    [
        (SINK, "insert.mdoe", "upsert", "is not known: misspelt"),
        (SINK, "insert.mode", "upsrt", "'upsrt' is not one of insert, upsert, update"),
        (SINK, "tasks.max", "one", "'one' is not a whole number above 0"),
        (SINK, "tasks.max", "0", "'0' is not a whole number above 0"),
        (SINK, "batch.size", "-1", "'-1' is not a whole number"),
        (SOURCE, "max.batch.size", "0", "'0' is not a whole number above 0"),
        (SOURCE, "max.queue.size", "2048", "must be larger than max.batch.size"),
        (SOURCE, "database.server.id", "0", "'0' is not a whole number above 0"),
        (SOURCE, "topic.prefix", "a b/c", "'a b/c' holds other signs than letters"),
        (MONGO, "mongodb.connection.string", "x", "does not begin with mongodb://"),
        (SINK, "delete.enabled", "yes", "'yes' is neither true nor false"),
        (SINK, "schema.evolution", "basic", "'basic' is refused: the embedded engine never changes a table"),
        (SINK, "primary.key.mode", "kafka", "'kafka' is refused: the embedded engine knows record_key only"),
        (SINK, "connection.url", "jdbc:mysql://h:1/elsewhere", "names 0 of the databases"),
        (SINK, "connection.url", "mysql://h/login_db", "is not of the form jdbc:mysql://host:port/database"),
        (SINK, "connection.password", "${env:NOT_SET}", "NOT_SET is not set in the environment"),
        (SINK, "connection.password", "${file:/etc/x:y}", "is not of the form ${env:NAME}"),
        (SINK, "topics", None, "is missing"),
        (SINK, "value.converter.schemas.enable", "false", "must be true"),
        (SINK, "value.converter", "io.confluent.connect.avro.AvroConverter", "is not one of org.apache"),
        (SOURCE, "table.include.list", "signup_db.(users", "is not a regular expression"),
        (SOURCE, "database.include.list", "nothing", "names 0 of the databases"),
        (SOURCE, "database.include.list", ".*_db", "names 4 of the databases"),
        (SOURCE, "snapshot.mode", "never", "it was removed in Debezium 3: write no_data"),
        (SOURCE, "skipped.operations", "c,x", "'x' is not one of c, u, d, t, none"),
        (SOURCE, "transforms.other.type", "x", "belongs to a transform that `transforms` does not list"),
        (SOURCE, "transforms.unwrap.add.fields", "op,gtid", "'gtid' is not one of op, source.ts_ms"),
        (SOURCE, "transforms.dropTopicPrefix.replacement", "$7", "does not fit the pattern"),
        (SOURCE, "transforms.unwrap.type", "com.example.Unwrap", "is not one of io.debezium"),
        (SOURCE, "database.server.name", "x", "no longer exists: write topic.prefix"),
        (SOURCE, "database.history.kafka.topic", "x", "write schema.history.internal.kafka.topic"),
        (
            SOURCE,
            "transforms.unwrap.drop.tombstones",
            "false",
            "no longer exists: write transforms.unwrap.delete.tombstone.handling.mode",
        ),
        (
            SOURCE,
            "transforms.unwrap.delete.handling\u200b.mode",
            "none",
            "holds U+200B, so that nothing reads it: write transforms.unwrap.delete.tombstone.handling.mode",
        ),
        (MONGO, "mongodb.hosts", "rs0/mongo1:27017", "no longer exists: write mongodb.connection.string"),
        (MONGO, "mongodb.name", "x", "no longer exists: write topic.prefix"),
        (MONGO, "capture.target", "active_users", "is not of the form database.collection"),
        (MONGO, "collection.include.list", "activate_user_reg_db.others", "leaves out"),
        (MONGO, "capture.scope", "database", "the embedded engine captures one collection"),
    ],
)
def test_what_is_wrong_is_told(name: str, option: str, value: str | None, reason: str) -> None:
    """By the option's name, with the reason and, where there is one, the replacement."""
    told = problems(name, {option: value})
    assert reason in told[option]


def test_envelopes_are_not_made() -> None:
    """A source has to flatten its records: what else would come out is not what real Connect writes."""
    transforms = dict.fromkeys(option for option in CONFIGS[SOURCE] if option.startswith("transforms"))
    assert "must hold one unwrap transform" in problems(SOURCE, transforms)["transforms"]


def test_every_problem_is_told_at_once() -> None:
    assert problems(SINK, {"topics": None, "insert.mode": "x", "nonsense": "1"}).keys() == {
        "topics",
        "insert.mode",
        "nonsense",
    }


def test_secrets_are_not_told() -> None:
    """A value that stands for a password is in no message."""
    environ = {**ENVIRON, "SECRET": "hunter2"}
    config = {**CONFIGS[SINK], "connection.password": "${env:SECRET}", "insert.mode": "x"}
    with pytest.raises(ConfigInvalid) as caught:
        read_settings(SINK, config, environ=environ, databases=DATABASES)
    assert "hunter2" not in str(caught.value)


def test_an_unknown_class_is_told() -> None:
    with pytest.raises(ClassUnknown, match=r"'no\.such\.Class' is none of io\.debezium"):
        read(SINK, {"connector.class": "no.such.Class"})


def test_other_jdbc_sinks_are_read_as_debezium_s() -> None:
    """The original's option names, under its own classes only."""
    config = {
        "connector.class": "io.confluent.connect.jdbc.JdbcSinkConnector",
        "topics": "users",
        "connection.url": "jdbc:mysql://h:1/login_db",
        "connection.user": "x",
        "insert.mode": "upsert",
        "pk.mode": "record_key",
        "pk.fields": "id",
        "table.name.format": "users",
        "fields.whitelist": "id,email",
        "auto.create": "false",
    }
    settings = read_settings("old", config, environ=ENVIRON, databases=DATABASES)
    assert isinstance(settings, SinkSettings)
    assert (settings.key_fields, settings.table("users")) == (("id",), "users")
    assert settings.included == {"id", "email"}
    assert "write primary.key.mode" in problems(SINK, {"pk.mode": "record_key"})["pk.mode"]
    with pytest.raises(ConfigInvalid, match=r"schema\.evolution"):
        read_settings("old", {**config, "auto.create": "true"}, environ=ENVIRON, databases=DATABASES)


def test_lists_are_anchored_and_know_no_case() -> None:
    """Debezium's lists match whole names, upper and lower case alike, and are trimmed."""
    settings = read(SOURCE, {"table.include.list": " signup_db.USERS , signup_db\\.au.*"})
    assert isinstance(settings, SourceSettings)
    captured = [table for table in ("users", "users2", "audit", "outbox") if settings.captures(table)]
    assert captured == ["users", "audit"]


def test_a_file_has_to_be_the_connector_it_is_named_after(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"name": "other", "config": {}}))
    with pytest.raises(ConfigInvalid, match="mine: name: is not 'mine'"):
        read_folder(tmp_path)
    path.write_text("{")
    with pytest.raises(ConfigInvalid, match=r"mine: mine\.json: is not .* in JSON"):
        read_folder(tmp_path)
    path.write_text(json.dumps({"name": "mine", "config": {"a": 1, "b": True, "c": "d"}}))
    assert read_folder(tmp_path) == {"mine": {"a": "1", "b": "true", "c": "d"}}
    with pytest.raises(TypeError):
        as_texts({"a": None})


def test_options_are_consistent() -> None:
    """A default is a value that the option itself would take."""
    for options in (*OPTIONS.values(), *TRANSFORMS.values()):
        for name, option in options.items():
            assert not (option.required and option.default is not None), name
            if option.kind == "choice" and option.default is not None:
                assert option.default in option.choices, name
