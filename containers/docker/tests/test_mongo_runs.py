"""The stand-in for MongoDB in its container: killed, started again, and read by Debezium."""

import asyncio
import base64
import json
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bson
import pymongo
import pytest
from pymongo.errors import PyMongoError

from apps.activation import store
from apps.activation.domain import Link
from apps.storage.mongo import MongoDocuments
from containers.connectors import ConnectClient
from containers.docker import images
from containers.docker.engine import PlatformOnDocker, RunningPart
from containers.docker.image_names import MONGO_STANDIN
from containers.docker.kafka import connect_part, kafka_part
from containers.docker.mongo import capture_url, mongo_parts, observer_url
from containers.docker.parts import Part
from containers.engines import TopicRecord
from containers.polling import poll
from containers.ports import free_ports
from containers.topics import KafkaTopics

pytestmark = pytest.mark.containers

READY_SECONDS = 90
CONNECTOR = "mongonewuserconnector"
TOPIC = "mongoserver1.activate_user_reg_db.active_users"
CONFIGS = Path(__file__).parents[3] / "connect-configs"
GOLDEN = Path(__file__).parents[2] / "embedded/tests/golden"
NOON = datetime(2026, 11, 24, 12, 0, 0, 123000, tzinfo=UTC)


@pytest.fixture(scope="module")
def platform() -> Iterator[PlatformOnDocker]:
    client = images.connect_to_docker()
    images.Images(client).build_mongo_standin()
    platform = PlatformOnDocker(client, f"test-mongo-{secrets.token_hex(4)}")
    platform.create_network()
    yield platform
    platform.remove(with_volumes=True)
    client.close()


@pytest.fixture(scope="module")
def standin(platform: PlatformOnDocker) -> RunningPart:
    (port,) = free_ports(1)
    (part,) = mongo_parts(MONGO_STANDIN, {}, host_port=port)
    return started(platform, part)


@pytest.fixture
def users(standin: RunningPart) -> Iterator[Any]:
    """A collection of its own."""
    with client_of(standin) as client:
        yield client.activate_user_reg_db[f"users_{secrets.token_hex(4)}"]


def started(platform: PlatformOnDocker, part: Part) -> RunningPart:
    running = platform.start(part)
    wait_until_ready(running)
    return running


def wait_until_ready(running: RunningPart) -> None:
    def ready() -> bool | None:
        assert running.problem() is None
        return True if running.part.probe(running) is None else None

    poll(ready, within_seconds=READY_SECONDS, what=f"{running.part.name} being ready")


def kill_and_start(running: RunningPart) -> None:
    running.kill()
    assert running.part.probe(running) is not None
    running.start()
    wait_until_ready(running)


def url_of(standin: RunningPart) -> str:
    (port,) = standin.part.ports.values()
    return observer_url(MONGO_STANDIN, {}, port)


def client_of(standin: RunningPart) -> pymongo.MongoClient[dict[str, Any]]:
    return pymongo.MongoClient(url_of(standin), w="majority", serverSelectionTimeoutMS=10_000)


class Writer(threading.Thread):
    """Inserts 0, 1, 2, … until it is told to stop; `acknowledged` are those that the server has confirmed."""

    def __init__(self, collection: Any) -> None:
        super().__init__(daemon=True)
        self._collection, self._stopped = collection, threading.Event()
        self.acknowledged: list[int] = []

    def run(self) -> None:
        number = 0
        while not self._stopped.is_set():
            try:
                self._collection.insert_one({"_id": number})
            except PyMongoError:
                pass  # it may be there or not: nobody was promised anything
            else:
                self.acknowledged.append(number)
            number += 1

    def stop(self) -> None:
        self._stopped.set()
        self.join()

    def wait_for(self, more: int) -> None:
        least = len(self.acknowledged) + more
        poll(
            lambda: True if len(self.acknowledged) >= least else None,
            within_seconds=60,
            what=f"{more} more writes being acknowledged",
        )


def test_it_says_what_it_is(standin: RunningPart) -> None:
    """To every client, and at the top of what its container says."""
    with client_of(standin) as client:
        hello = client.admin.command("hello")
    assert (hello["isWritablePrimary"], hello["setName"]) == (True, "rs0")
    assert hello["me"] == "mongodb1:27017"
    assert hello["standin"] == "mongo-java-server"
    assert "This is NOT MongoDB" in standin.last_lines()


def test_it_does_not_run_as_root(standin: RunningPart) -> None:
    """In its container process 1 is Java itself, and belongs to an account without rights."""
    assert standin.run("sh", "-c", "id -u && cat /proc/1/comm") == (0, "10001\njava\n")


def test_it_starts_from_its_archive(standin: RunningPart) -> None:
    """An archive that does not fit is passed over in silence, and only makes the start slow."""
    code, maps = standin.run("grep", "-c", "classes.jsa", "/proc/1/maps")
    assert (code, int(maps) > 0) == (0, True)


def test_nothing_acknowledged_is_lost_by_kills(standin: RunningPart, users: Any) -> None:
    """Each write that was confirmed is there after the server was killed under writes, three times."""
    writer = Writer(users)
    writer.start()
    for _ in range(3):
        writer.wait_for(50)
        kill_and_start(standin)
    writer.wait_for(50)
    writer.stop()
    there = {document["_id"] for document in users.find()}
    assert set(writer.acknowledged) <= there
    print(f"{len(writer.acknowledged)} acknowledged, {len(there)} there")


def test_a_change_stream_goes_on_after_a_kill(standin: RunningPart, users: Any) -> None:
    """Every document that is there was told of once, in the order of its writing."""
    with users.watch(max_await_time_ms=200) as stream:
        assert stream.try_next() is None
        writer = Writer(users)
        writer.start()
        writer.wait_for(50)
        kill_and_start(standin)
        writer.wait_for(50)
        writer.stop()
        expected = [document["_id"] for document in users.find(sort=[("_id", 1)])]
        told = [stream.next()["documentKey"]["_id"] for _ in expected]
        assert told == expected
        assert stream.try_next() is None


def test_it_stops_at_once_when_asked(standin: RunningPart, users: Any) -> None:
    """By itself, before the engine's patience is over, and with everything in its file."""
    users.insert_one({"_id": 1})
    standin.stop()
    assert "exit code 143" in (standin.problem() or "")
    standin.start()
    wait_until_ready(standin)
    assert users.count_documents({}) == 1


def test_debezium_reads_it(platform: PlatformOnDocker, standin: RunningPart) -> None:
    """With the connector file as it is: what the store of activation writes, over a kill of both.

    The kill comes when Connect has kept the place of the last record. A little earlier, and it would repeat
    what followed: consumers bear that, but here it could not be told from a place that the server lost.
    """
    broker_port, worker_port = free_ports(2)
    started(platform, kafka_part(host_port=broker_port))
    environment = {"QUARTET_MONGO_URI": capture_url(MONGO_STANDIN, {})}
    worker = started(platform, connect_part(host_port=worker_port, environment=environment))
    config = json.loads((CONFIGS / f"{CONNECTOR}.json").read_text(encoding="utf-8"))["config"]
    with (
        closing(KafkaTopics(f"localhost:{broker_port}")) as topics,
        closing(ConnectClient(f"http://127.0.0.1:{worker_port}")) as connect,
    ):
        topics.create(changes=[TOPIC], dead_letters=[])
        write(standin, [(1, "expired")])  # before there is a connector: it comes by the snapshot
        connect.put(CONNECTOR, config)
        wait_for(topics, 1)
        with client_of(standin) as client, client.activate_user_reg_db.active_users.watch() as stream:
            write(standin, [(1, "active"), (2, "active"), (2, "active")])
            places = [stream.next()["_id"]["_data"] for _ in range(2)]
        wait_for(topics, 3)
        wait_until_kept(connect, places[-1])
        worker.kill()
        standin.kill()
        standin.start()
        wait_until_ready(standin)
        write(standin, [(3, "active")])
        worker.start()
        wait_until_ready(worker)
        write(standin, [(4, "active")])
        with client_of(standin) as client:
            client.activate_user_reg_db.active_users.delete_one({"_id": 4})
        records = wait_for(topics, 6)
    assert [(record.key, dict(record.headers)["__op"]) for record in records] == [
        ('{"id":1}', "r"),
        ('{"id":1}', "u"),
        ('{"id":2}', "c"),
        ('{"id":3}', "c"),
        ('{"id":4}', "c"),
        ('{"id":4}', "d"),
    ]
    (golden, *_) = json.loads((GOLDEN / f"{TOPIC}.json").read_text(encoding="utf-8"))
    assert {tuple(record.headers) for record in records} == {tuple(golden["headers"])}
    at = int(NOON.timestamp() * 1000)
    assert json.loads(records[0].value or "") == {
        "_id": 1,
        "active_versions": [],
        "activated_at": None,
        "email": "ada@example.org",
        "pw_version": 1,
        "reason": "LINK_EXPIRED",
        "status": "INACTIVE",
        "updated_at": at,
    }
    assert json.loads(records[1].value or "") == {
        "_id": 1,
        "active_versions": [1],
        "activated_at": at,
        "email": "ada@example.org",
        "pw_version": 1,
        "reason": None,
        "status": "ACTIVE",
        "updated_at": at,
    }
    assert records[5].value is None


def write(standin: RunningPart, uses: Sequence[tuple[int, str]]) -> None:
    async def story() -> None:
        documents = MongoDocuments(url_of(standin))
        try:
            for user_id, kind in uses:
                link = Link(user_id=user_id, email="ada@example.org", pw_version=1, expires_at=NOON)
                save = store.save_active if kind == "active" else store.save_expired
                await save(documents, link, now=NOON)
        finally:
            await documents.close()

    asyncio.run(story())


def wait_until_kept(connect: ConnectClient, place: str) -> None:
    def is_kept() -> bool | None:
        tokens = [offset["offset"]["resume_token"] for offset in connect.offsets(CONNECTOR)]
        return True if place in [bson.decode(base64.b64decode(token))["_data"] for token in tokens] else None

    poll(is_kept, within_seconds=60, what="Connect keeping the place of the last record")


def wait_for(topics: KafkaTopics, number: int) -> list[TopicRecord]:
    def enough() -> list[TopicRecord] | None:
        found = topics.records(TOPIC)
        return found if len(found) >= number else None

    return poll(enough, within_seconds=60, what=f"{number} records in {TOPIC}")
