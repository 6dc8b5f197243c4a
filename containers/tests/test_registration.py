"""Registration: only sound files reach Connect, each once, and ready means that something has passed."""

import json
from collections.abc import Sequence
from typing import Any, cast

import pytest

from containers import registration
from containers.connect_configs import Configs
from containers.connectors import ConnectClient, ConnectorView, ConnectRefused, ConnectUnreachable, TaskView
from containers.engines import PlatformRefused
from containers.registration import (
    register,
    wait_until_carrying,
    wait_until_running,
)
from containers.topics import KafkaTopics

SINK, SOURCE = "login-sink-connector", "loginconnector"
CONFIGS = {SINK: {"topics": "users"}, SOURCE: {"topic.prefix": "logindbserver1"}}
HEARTBEATS = "__debezium-heartbeat.logindbserver1"


class FakeConnect:
    """Keeps configurations; `refusals` are raised first, `states` are the states of later looks."""

    def __init__(self, configs: dict[str, dict[str, str]] | None = None) -> None:
        self.configs = configs or {}
        self.refusals: list[Exception] = []
        self.states: list[str] = []
        self.asked: list[str] = []

    def list(self) -> Sequence[str]:
        return sorted(self.configs)

    def config(self, name: str) -> dict[str, str]:
        return {**self.configs[name], "name": name}

    def put(self, name: str, config: dict[str, str]) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        self.configs[name] = dict(config)
        self.asked.append(f"put {name}")

    def resume(self, name: str) -> None:
        self.asked.append(f"resume {name}")

    def overview(self) -> Sequence[ConnectorView]:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        cause = "Access denied" if state == "FAILED" else None
        tasks = (TaskView(0, state),)
        return [
            ConnectorView(name, "sink", state, tasks, lag=None, restarts=0, parked=0, cause=cause)
            for name in self.configs
        ]


class FakeTopics:
    """`carries`: whether sinks commit what is produced; `beats`: how often a heartbeat is seen anew."""

    def __init__(self, *, carries: bool = True, beats: int = 1) -> None:
        self.carries, self.beats, self.end = carries, beats, 7
        self.produced: list[tuple[str, Any, Any]] = []

    def append(self, topic: str, key: bytes | None, value: bytes | None, headers: object = ()) -> int:
        self.produced.append((topic, json.loads(key or b"null"), value))
        return 0

    def end_offsets(self, topics: Sequence[str]) -> dict[str, int]:
        self.end += self.beats
        return dict.fromkeys(topics, self.end)

    def lags(self, group: str, topics: Sequence[str]) -> dict[str, int]:
        has_read = self.carries and group == f"connect-{SINK}" and self.produced
        return dict.fromkeys(topics, 0 if has_read else 1)


def put(connect: FakeConnect, configs: Configs = CONFIGS) -> None:
    register(cast(ConnectClient, connect), configs)


def test_only_what_differs_is_put() -> None:
    """A connector that runs with its configuration is not disturbed; all are resumed."""
    connect = FakeConnect({SINK: {"topics": "users"}, SOURCE: {"topic.prefix": "old"}})
    put(connect)
    assert connect.asked == [f"resume {SINK}", f"put {SOURCE}", f"resume {SOURCE}"]


def test_a_worker_that_is_busy_is_asked_again() -> None:
    """409 while it shares out its tasks, 404 while it starts."""
    connect = FakeConnect()
    connect.refusals = [ConnectRefused(409, "stale"), ConnectRefused(404, "HTTP 404")]
    put(connect)
    assert sorted(connect.configs) == sorted(CONFIGS)


def test_a_worker_that_stays_busy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while it is a fault."""
    monkeypatch.setattr(registration, "ACCEPTED_SECONDS", 0.0)
    connect = FakeConnect()
    connect.refusals = [ConnectRefused(409, "a rebalance goes on")]
    with pytest.raises(PlatformRefused, match=f"refuses {SINK} for 0 s: a rebalance goes on"):
        put(connect)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ConnectRefused(400, "no such class"), f"Connect refuses {SINK}: no such class."),
        (ConnectRefused(500, "null"), f"Connect refuses {SINK}: null; where a database does not answer"),
        (ConnectUnreachable("Nothing answers at http://connect"), "Nothing answers at http://connect."),
    ],
)
def test_a_refusal_is_one_sentence(error: Exception, told: str) -> None:
    """Named after the connector that it is about."""
    connect = FakeConnect()
    connect.refusals = [error]
    with pytest.raises(PlatformRefused) as refused:
        put(connect)
    assert told in str(refused.value)


def test_running_is_waited_for() -> None:
    """Tasks come up one after the other."""
    connect = FakeConnect(dict(CONFIGS))
    connect.states = ["UNASSIGNED", "FAILED", "RUNNING"]
    wait_until_running(cast(ConnectClient, connect), CONFIGS)


def test_what_does_not_run_in_time_is_told_with_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a connector that is not there."""
    monkeypatch.setattr(registration, "RUNNING_SECONDS", 0.0)
    connect = FakeConnect({SINK: {}})
    connect.states = ["FAILED"]
    with pytest.raises(PlatformRefused) as refused:
        wait_until_running(cast(ConnectClient, connect), CONFIGS)
    assert f"{SINK} is FAILED (Access denied); {SOURCE} is missing" in str(refused.value)


def test_ready_means_that_something_has_passed() -> None:
    """A stale RUNNING after a kill counts for nothing: each sink handles a tombstone of nobody's row."""
    topics = FakeTopics()
    wait_until_carrying(cast(KafkaTopics, topics), CONFIGS, {HEARTBEATS: 7})
    ((topic, key, value),) = topics.produced
    assert (topic, key["payload"], value) == ("users", {"id": -1}, None)


@pytest.mark.parametrize(
    ("topics", "late"), [(FakeTopics(carries=False), SINK), (FakeTopics(beats=0), SOURCE)]
)
def test_who_carries_nothing_is_named(monkeypatch: pytest.MonkeyPatch, topics: FakeTopics, late: str) -> None:
    """RUNNING in the status, and dead."""
    monkeypatch.setattr(registration, "CARRYING_SECONDS", 0.05)
    with pytest.raises(PlatformRefused, match=f"^{late} run, and have carried nothing"):
        wait_until_carrying(cast(KafkaTopics, topics), CONFIGS, {HEARTBEATS: 7})
