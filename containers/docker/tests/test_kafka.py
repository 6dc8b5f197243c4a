"""Kafka and Connect as parts: what they are given, and when they count as ready."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from containers.docker.kafka import PLUGINS, broker_serves, connect_part, kafka_part, worker_serves
from containers.ports import free_ports

CONNECTORS = Path(__file__).parents[3] / "connect-configs"

SECRET = "only-for-this-test"


class Nowhere:
    """A container in which nothing is run: these probes look from outside."""

    def run(self, *command: str) -> tuple[int, str]:
        raise AssertionError(f"{command} was run")


def metadata(*ports: int) -> bytes:
    """Kafka's answer that names the brokers at these ports (Metadata version 1)."""
    brokers = b"".join(
        struct.pack("!ih9sih", number, 9, b"localhost", port, -1) for number, port in enumerate(ports)
    )
    body = struct.pack("!ii", 4711, len(ports)) + brokers + struct.pack("!ii", 1, 0)
    return struct.pack("!i", len(body)) + body


@contextmanager
def server_that_says(answer: Callable[[int], bytes]) -> Iterator[int]:
    """A server on the port it yields; to a whole request it gives one answer, made from that port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]

        def serve() -> None:
            connection, _ = listening.accept()
            with connection, connection.makefile("rb") as request:
                request.read(struct.unpack("!i", request.read(4))[0])
                connection.sendall(answer(port))

        thread = threading.Thread(target=serve)
        thread.start()
        yield port
        thread.join()


@contextmanager
def connect_that_answers(answers: Mapping[str, tuple[int, object]]) -> Iterator[int]:
    """A REST interface with a status and a body (JSON, or text) for each path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.get(self.path, (404, "no such page"))
            content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *values: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_the_broker_is_ready_when_it_lists_itself() -> None:
    """It names the port under which this machine reaches it."""
    with server_that_says(lambda port: metadata(1, port)) as port:
        assert broker_serves(port)(Nowhere()) is None


def test_a_broker_that_lists_nobody_is_not_ready() -> None:
    """Its listener is open before the controller lets it serve."""
    with server_that_says(lambda port: metadata()) as port:
        assert broker_serves(port)(Nowhere()) == "the broker has not taken up its service"


def test_a_broker_with_another_address_is_not_ready() -> None:
    """A client would be led to a port where nobody is."""
    with server_that_says(lambda port: metadata(port + 1)) as port:
        assert broker_serves(port)(Nowhere()) is not None


@pytest.mark.parametrize(
    "answer",
    [b"", b"\0", b"HTTP/1.1 400 Bad Request\r\n\r\n", metadata(9)[:-20], struct.pack("!iii", 8, 4711, -1)],
)
def test_what_is_no_answer_of_kafka_is_reported(answer: bytes) -> None:
    """A connection that Docker's forwarder accepts, or another server, is not a broker."""
    with server_that_says(lambda port: answer) as port:
        assert f"the broker on port {port} does not answer" in (broker_serves(port)(Nowhere()) or "")


def test_nobody_on_the_port_is_reported() -> None:
    """Neither probe raises while its part is not there."""
    (port,) = free_ports(1)
    assert f"port {port} does not answer" in (broker_serves(port)(Nowhere()) or "")
    assert f"port {port} does not answer" in (worker_serves(port)(Nowhere()) or "")


def plugins(*names: str) -> tuple[int, object]:
    return 200, [{"class": name, "type": "source", "version": "1"} for name in names]


HEALTHY = (
    200,
    {"status": "healthy", "message": "Worker has completed startup and is ready to handle requests."},
)


def test_connect_is_ready_when_healthy_with_its_plugins() -> None:
    """Other plugins beside them do no harm."""
    with connect_that_answers({"/health": HEALTHY, "/connector-plugins": plugins("other", *PLUGINS)}) as port:
        assert worker_serves(port)(Nowhere()) is None


def test_a_missing_plugin_is_named() -> None:
    """A worker without a plugin answers all the same."""
    with connect_that_answers({"/health": HEALTHY, "/connector-plugins": plugins(*PLUGINS[1:])}) as port:
        assert worker_serves(port)(Nowhere()) == f"Connect lacks the plugin {PLUGINS[0]}"


@pytest.mark.parametrize(
    ("health", "told"),
    [
        ((503, {"status": "starting", "message": "Worker is starting."}), "Connect: Worker is starting."),
        ((404, "not yet"), "Connect answers 404"),
        ((500, ["strange"]), "Connect answers 500"),
    ],
)
def test_connect_that_is_not_healthy_says_why(health: tuple[int, object], told: str) -> None:
    """It answers 404 for a while, and 503 as long as it has not joined its group."""
    with connect_that_answers({"/health": health, "/connector-plugins": plugins(*PLUGINS)}) as port:
        assert worker_serves(port)(Nowhere()) == told


@pytest.mark.parametrize("answer", [(500, {"message": "no"}), (200, "no JSON")])
def test_a_list_of_plugins_that_cannot_be_read_is_reported(answer: tuple[int, object]) -> None:
    """Healthy is not enough."""
    with connect_that_answers({"/health": HEALTHY, "/connector-plugins": answer}) as port:
        assert f"Connect on port {port} does not answer" in (worker_serves(port)(Nowhere()) or "")


def test_the_broker_is_told_the_port_of_this_machine() -> None:
    """It sends clients on this machine back to that port."""
    part = kafka_part(host_port=29092)
    assert part.environment == {"QUARTET_KAFKA_PORT": "29092"}
    assert list(part.ports.values()) == [29092]


def test_connect_gets_secrets_as_files() -> None:
    """`docker inspect` shows the environment of a container."""
    environment = {
        "QUARTET_SINK_USER": "sink",
        "QUARTET_SINK_PASSWORD": SECRET,
        "QUARTET_MONGO_URI": f"mongodb://capture:{SECRET}@mongodb1",
    }
    part = connect_part(host_port=8083, environment=environment)
    assert SECRET not in str(dict(part.environment))
    assert part.environment["QUARTET_SINK_USER"] == "sink"
    assert part.files[part.environment["QUARTET_SINK_PASSWORD_FILE"]] == SECRET
    assert part.files[part.environment["QUARTET_MONGO_URI_FILE"]] == environment["QUARTET_MONGO_URI"]


def test_the_plugins_are_those_of_the_connector_files() -> None:
    """A class that a file names and the probe does not ask for would be missed only when it is posted."""
    named = {json.loads(file.read_text())["config"]["connector.class"] for file in CONNECTORS.glob("*.json")}
    assert named == set(PLUGINS)
