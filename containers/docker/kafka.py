"""Kafka and Kafka Connect as parts of the platform: one image, two containers."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Mapping
from typing import BinaryIO

import httpx

from containers.docker.image_names import KAFKA
from containers.docker.parts import Inside, Part, Probe
from containers.docker.probes import TIMEOUT_SECONDS
from containers.settings import LOCALHOST

PLUGINS = (
    "io.debezium.connector.mysql.MySqlConnector",
    "io.debezium.connector.mongodb.MongoDbConnector",
    "io.debezium.connector.jdbc.JdbcSinkConnector",
)
"""The connector classes that connect-configs/ names."""

OUTSIDE_PORT = 9094
"""The broker's port for clients outside of the network; those within use 9092."""

REST_PORT = 8083

SECRETS_FOLDER = "/run/secrets"
_SECRET_ENDINGS = ("_PASSWORD", "_URI")

_METADATA, _VERSION, _CORRELATION = 3, 1, 4711
_NO_CLIENT, _NO_TOPICS = -1, 0


def kafka_part(*, host_port: int) -> Part:
    """The broker: `kafka:9092` for the other parts, `localhost:<host_port>` for this machine."""
    return Part(
        name="kafka",
        image=KAFKA,
        command=("broker",),
        environment={"QUARTET_KAFKA_PORT": str(host_port)},
        ports={OUTSIDE_PORT: host_port},
        volumes={"kafka": "/var/lib/kafka"},
        probe=broker_serves(host_port),
        memory_mib=768,
    )


def connect_part(*, host_port: int, environment: Mapping[str, str]) -> Part:
    """Kafka Connect with Debezium's plugins and no connector yet; its REST interface is on `host_port`.

    environment: what the placeholders of the connector files stand for; passwords and addresses with one
        inside are handed over as files.
    """
    secret = {name: text for name, text in environment.items() if name.endswith(_SECRET_ENDINGS)}
    plain = {name: text for name, text in environment.items() if name not in secret}
    return Part(
        name="connect",
        image=KAFKA,
        command=("connect",),
        environment={**plain, **{f"{name}_FILE": f"{SECRETS_FOLDER}/{name}" for name in secret}},
        files={f"{SECRETS_FOLDER}/{name}": text for name, text in secret.items()},
        ports={REST_PORT: host_port},
        needs=("kafka",),
        probe=worker_serves(host_port),
        memory_mib=896,
    )


def broker_serves(port: int) -> Probe:
    """Ready when the broker behind this port names itself, under this port, among those that serve.

    It is listed only once it takes requests: neither a connection nor an open listener says as much.
    """

    def probe(inside: Inside) -> str | None:
        try:
            brokers = _brokers_listed_by(port)
        except (OSError, struct.error, ValueError) as error:
            return f"the broker on port {port} does not answer ({type(error).__name__})"
        return None if port in brokers else "the broker has not taken up its service"

    return probe


def worker_serves(port: int) -> Probe:
    """Ready when the worker is in its group, has read its topics and has found every plugin."""

    def probe(inside: Inside) -> str | None:
        rest = f"http://{LOCALHOST}:{port}"
        try:
            with httpx.Client(base_url=rest, timeout=TIMEOUT_SECONDS, trust_env=False) as client:
                health = client.get("/health")
                if health.status_code != httpx.codes.OK:
                    return _cause(health)
                plugins = client.get("/connector-plugins").raise_for_status().json()
        except (httpx.HTTPError, json.JSONDecodeError) as error:
            return f"Connect on port {port} does not answer ({type(error).__name__})"
        missing = sorted(set(PLUGINS) - {plugin["class"] for plugin in plugins})
        return f"Connect lacks the plugin {', '.join(missing)}" if missing else None

    return probe


def _cause(health: httpx.Response) -> str:
    try:
        return f"Connect: {health.json()['message']}"
    except (json.JSONDecodeError, KeyError, TypeError):
        return f"Connect answers {health.status_code}"


def _brokers_listed_by(port: int) -> list[int]:
    """The ports of the brokers that serve, as the one behind this port tells.

    By hand (Kafka protocol guide, Metadata version 1), as a client library needs an event loop and seconds of
    retries to find out that nobody is there yet.
    """
    request = struct.pack("!hhihi", _METADATA, _VERSION, _CORRELATION, _NO_CLIENT, _NO_TOPICS)
    with (
        socket.create_connection((LOCALHOST, port), timeout=TIMEOUT_SECONDS) as connection,
        connection.makefile("rb") as answer,
    ):
        connection.sendall(struct.pack("!i", len(request)) + request)
        size, correlation, count = struct.unpack("!iii", answer.read(12))
        if correlation != _CORRELATION or not 0 <= count <= size:
            raise ValueError("this is not an answer of Kafka")
        return [_broker_port(answer) for _ in range(count)]


def _broker_port(answer: BinaryIO) -> int:
    answer.read(4)  # its id
    _skip_text(answer)  # its host
    (port,) = struct.unpack("!i", answer.read(4))
    _skip_text(answer)  # its rack
    return int(port)


def _skip_text(answer: BinaryIO) -> None:
    (length,) = struct.unpack("!h", answer.read(2))
    answer.read(max(length, 0))
