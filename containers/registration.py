"""Gives a real Kafka Connect the seven connectors, and sees each of them carry something."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from containers.connect_configs import Configs
from containers.connectors import ConnectClient, ConnectRefused, ConnectUnreachable
from containers.engines import PlatformRefused
from containers.journey import DEAD_LETTERS, TOPICS
from containers.polling import DeadlinePassed, poll
from containers.topics import KafkaTopics, TopicsUnreachable

ACCEPTED_SECONDS = 30.0
"""For one request: a worker that has just started, or shares its tasks out anew, answers 404, 409 or 503."""
_PASSING = (404, 409, 503)

RUNNING_SECONDS = 90.0
CARRYING_SECONDS = 60.0

T = TypeVar("T")


def create_topics(topics: KafkaTopics) -> None:
    """Makes the topics that are missing: a sink on a topic that is not there looks for it once a second."""
    topics.create(changes=TOPICS, dead_letters=DEAD_LETTERS)


def register(connect: ConnectClient, configs: Configs) -> None:
    """Gives Connect each connector that it does not have in this configuration, and lets all of them run.

    Raises:
        PlatformRefused: Connect refuses one, or does not answer.
    """
    try:
        known = set(_accepted(connect.list, "its connectors"))
        for name, config in configs.items():
            if name not in known or connect.config(name) != {**config, "name": name}:
                _accepted(partial(connect.put, name, config), name)
            _accepted(partial(connect.resume, name), name)
    except ConnectUnreachable as error:
        raise PlatformRefused(f"{error}.") from error


def _accepted(request: Callable[[], T], what: str) -> T:
    """What Connect answers, once it takes the request.

    Raises:
        PlatformRefused: it refuses for good, or for too long.
    """
    refusals: list[ConnectRefused] = []

    def ask() -> tuple[T] | None:
        try:
            return (request(),)
        except ConnectRefused as refused:
            if refused.status not in _PASSING:
                raise
            refusals.append(refused)
            return None

    try:
        return poll(ask, within_seconds=ACCEPTED_SECONDS, what=what)[0]
    except ConnectRefused as refused:
        hint = "; where a database does not answer, only its log says so" if refused.status == 500 else ""
        raise PlatformRefused(f"Connect refuses {what}: {refused}{hint}.") from refused
    except DeadlinePassed as error:
        raise PlatformRefused(
            f"Connect refuses {what} for {ACCEPTED_SECONDS:g} s: {refusals[-1]}."
        ) from error


def wait_until_running(connect: ConnectClient, configs: Configs) -> None:
    """Returns when every task is RUNNING; the watchdog meanwhile starts again what fails.

    Raises:
        PlatformRefused: one is not in time, with its cause.
    """
    late: list[str] = []

    def running() -> bool | None:
        late[:] = _not_running(connect, configs)
        return None if late else True

    try:
        poll(running, within_seconds=RUNNING_SECONDS, what="running")
    except DeadlinePassed as error:
        raise PlatformRefused(f"Not running within {RUNNING_SECONDS:g} s: {'; '.join(late)}.") from error


def wait_until_carrying(topics: KafkaTopics, configs: Configs, since: Mapping[str, int]) -> None:
    """Returns when each connector has carried something: Connect shows RUNNING for what is dead, too.

    A source has sent a heartbeat; a sink has deleted a row that nobody has, which is what it does with a
    tombstone, and has committed it.

    since: end_of_heartbeats() before the connectors were registered.

    Raises:
        PlatformRefused: one has not in time.
    """
    sinks = {name: config["topics"] for name, config in configs.items() if "topics" in config}
    late: list[str] = []

    def carrying() -> bool | None:
        ends = topics.end_offsets([heartbeats(configs[name]) for name in configs if name not in sinks])
        silent = [
            name
            for name in configs
            if name not in sinks
            and ends.get(heartbeats(configs[name]), 0) <= since.get(heartbeats(configs[name]), 0)
        ]
        idle = [name for name, topic in sinks.items() if topics.lags(f"connect-{name}", [topic]).get(topic)]
        late[:] = [*silent, *idle]
        return None if late else True

    try:
        for topic in sorted(set(sinks.values())):
            topics.append(topic, NOBODY, None)
        poll(carrying, within_seconds=CARRYING_SECONDS, what="carrying")
    except DeadlinePassed as error:
        raise PlatformRefused(
            f"{', '.join(late)} run, and have carried nothing within {CARRYING_SECONDS:g} s."
        ) from error
    except TopicsUnreachable as error:
        raise PlatformRefused(f"{error}.") from error


def end_of_heartbeats(topics: KafkaTopics, configs: Configs) -> Mapping[str, int]:
    """How far the heartbeats of each source have come."""
    return topics.end_offsets([heartbeats(config) for config in configs.values() if "topics" not in config])


def heartbeats(config: Mapping[str, str]) -> str:
    """The topic of a source's heartbeats (Debezium: heartbeat.interval.ms)."""
    return f"__debezium-heartbeat.{config.get('topic.prefix')}"


def _not_running(connect: ConnectClient, configs: Configs) -> Sequence[str]:
    try:
        views = {view.name: view for view in connect.overview()}
    except (ConnectRefused, ConnectUnreachable) as error:
        return [str(error)]
    return [
        f"{name} is {views[name].state if name in views else 'missing'}"
        + (f" ({views[name].cause})" if name in views and views[name].cause else "")
        for name in configs
        if name not in views or views[name].state != "RUNNING"
    ]


_ID = {"type": "int64", "optional": False, "field": "id"}
NOBODY = json.dumps(
    {"schema": {"type": "struct", "fields": [_ID], "optional": False}, "payload": {"id": -1}}
).encode()
"""The key of a row that no table holds: ids begin at 1."""
