"""The Kafka door asks the client for what the consumer loop was promised."""

import asyncio
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from aiokafka import TopicPartition  # noqa: TID251 - the door is under test
from aiokafka.errors import KafkaConnectionError  # noqa: TID251

from apps.events import kafka
from apps.events.consumer import Consumer
from apps.events.records import ChangeEvent, PoisonRecord
from apps.events.tests.fakes import record


class FakeKafka:
    """The few methods of aiokafka's three clients that the door uses; `calls` keeps their order."""

    def __init__(self, *messages: SimpleNamespace, topics: list[str] | None = None) -> None:
        self.messages = list(messages)
        self.topics = topics or []
        self.calls: list[tuple[Any, ...]] = []
        self.options: dict[str, dict[str, Any]] = {}
        self.is_drained = asyncio.Event()
        self.polled_at: float | None = None

    def client(self, name: str) -> Any:
        def make(*arguments: Any, **options: Any) -> Any:
            self.options[name] = {"arguments": arguments, **options}
            return FakeClient(self, name)

        return make


class FakeClient:
    """One client, whichever."""

    def __init__(self, broker: FakeKafka, name: str) -> None:
        self._broker, self._name = broker, name

    async def start(self) -> None:
        self._broker.calls.append((self._name, "start"))

    async def stop(self) -> None:
        self._broker.calls.append((self._name, "stop"))

    async def close(self) -> None:
        self._broker.calls.append((self._name, "close"))

    async def list_topics(self) -> list[str]:
        return self._broker.topics

    async def describe_cluster(self) -> dict[str, Any]:
        return {"brokers": [{"node_id": 1}]}

    async def create_topics(self, topics: list[Any]) -> Any:
        self._broker.calls += [
            (
                topic.name,
                topic.num_partitions,
                topic.replication_factor,
                topic.topic_configs["cleanup.policy"],
            )
            for topic in topics
        ]
        self._broker.topics += [topic.name for topic in topics]
        return SimpleNamespace(topic_errors=[(topic.name, 0, None) for topic in topics])

    async def getone(self) -> SimpleNamespace:
        if self._broker.messages:
            return self._broker.messages.pop(0)
        self._broker.is_drained.set()
        return await asyncio.get_running_loop().create_future()

    def assignment(self) -> set[TopicPartition]:
        return {TopicPartition(topic, 0) for topic in self._broker.topics}

    def last_poll_timestamp(self, partition: TopicPartition) -> float | None:
        return None if self._broker.polled_at is None else self._broker.polled_at * 1000

    async def commit(self, offsets: dict[Any, int]) -> None:
        self._broker.calls.append(("commit", offsets))

    async def send_and_wait(self, topic: str, **message: Any) -> None:
        self._broker.calls.append(("send", topic, message))


def message(offset: int, value: bytes | None = b"{}", key: bytes | None = b'{"id":1}') -> SimpleNamespace:
    return SimpleNamespace(
        topic="users", partition=0, offset=offset, key=key, value=value, headers=(("h", None),), timestamp=9
    )


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Any:
    def plug_in(broker: FakeKafka) -> FakeKafka:
        monkeypatch.setattr(kafka, "AIOKafkaConsumer", broker.client("consumer"))
        monkeypatch.setattr(kafka, "AIOKafkaProducer", broker.client("producer"))
        monkeypatch.setattr(kafka, "AIOKafkaAdminClient", broker.client("admin"))
        return broker

    return plug_in


def test_poison_is_parked_and_only_then_committed(plug: Any):
    """Through the whole loop: handled, parked, handled; each committed by hand as offset plus one."""

    async def run() -> FakeKafka:
        broker = plug(FakeKafka(message(4), message(5), message(6, None, None), topics=["users"]))

        async def handle(event: ChangeEvent) -> None:
            if event.offset == 5:
                raise PoisonRecord("ROW_INVALID", "no id")

        consumer = Consumer(
            name="signup", group="signup", topics={"users": handle}, open_source=kafka.kafka_source("k:9092")
        )
        task = asyncio.create_task(consumer.run())
        async with asyncio.timeout(5):
            await broker.is_drained.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return broker

    broker = asyncio.run(run())
    partition = TopicPartition("users", 0)
    sent = [call for call in broker.calls if call[0] == "send"]
    order = [call[0] if call[0] != "commit" else call[1][partition] for call in broker.calls]
    assert [step for step in order if step == "send" or isinstance(step, int)] == [5, "send", 6, "send", 7]
    assert [(topic, dict(body["headers"])["__quartet.error.reason"]) for _, topic, body in sent] == [
        ("dlq.signup", b"ROW_INVALID"),
        ("dlq.signup", b"KEY_INVALID"),
    ]
    # A broker takes no record without both key and value.
    assert (sent[1][2]["key"], sent[1][2]["value"]) == (None, b"")
    assert ("consumer", "stop") in broker.calls
    assert ("producer", "stop") in broker.calls


def test_nothing_is_committed_by_a_timer_and_nothing_is_skipped(plug: Any):
    """aiokafka's defaults commit every 5 s, handled or not, and start at the newest record."""

    async def run() -> FakeKafka:
        broker = plug(FakeKafka())
        source = kafka.kafka_source("k1:9092,k2:9092")("signup", ["users", "rpwd_db.users"])
        await source.start()
        await source.close()
        return broker

    broker = asyncio.run(run())
    options = broker.options["consumer"]
    assert options["arguments"] == ("users", "rpwd_db.users")
    assert (options["group_id"], options["bootstrap_servers"]) == ("signup", "k1:9092,k2:9092")
    assert options["enable_auto_commit"] is False
    assert options["auto_offset_reset"] == "earliest"


def test_missing_topics_are_created_compacted_with_one_partition(plug: Any):
    """A service is ready on an empty cluster; dead letters are kept, not compacted away."""

    async def run() -> FakeKafka:
        broker = plug(FakeKafka(topics=["users"]))
        source = kafka.kafka_source("k:9092")("signup", ["users", "rpwd_db.users"])
        await source.start()
        await source.park(record({}), dead_letter_topic="dlq.signup", reason="ROW_INVALID", detail="")
        await source.close()
        return broker

    broker = asyncio.run(run())
    assert ("rpwd_db.users", 1, 1, "compact") in broker.calls
    assert ("dlq.signup", 1, 1, "delete") in broker.calls
    assert ("users", 1, 1, "compact") not in broker.calls


def test_a_record_keeps_what_the_message_had(plug: Any):
    """Headers without a value, which Kafka allows, become empty ones."""

    async def run() -> Any:
        plug(FakeKafka(message(4), topics=["users"]))
        source = kafka.kafka_source("k:9092")("signup", ["users"])
        await source.start()
        taken = await source.next()
        await source.close()
        return taken

    taken = asyncio.run(run())
    assert (taken.topic, taken.offset, taken.key, taken.value) == ("users", 4, b'{"id":1}', b"{}")
    assert (taken.headers, taken.timestamp_ms) == ((("h", b""),), 9)


@pytest.mark.parametrize(
    ("topics", "polled_at", "waits", "is_connected"),
    [
        (["users"], 1000.0, True, True),
        (["users"], 993.0, True, False),
        (["users"], None, True, False),
        (["users"], 993.0, False, True),
        ([], None, True, True),
    ],
    ids=["polled", "not-polled", "never-polled", "busy", "no-partition"],
)
def test_brokers_that_are_silent_are_noticed(
    plug: Any,
    monkeypatch: pytest.MonkeyPatch,
    topics: list[str],
    polled_at: float | None,
    waits: bool,
    is_connected: bool,
):
    """The client waits for ever when its broker is gone; who is busy or has no partition waits for none."""

    async def run() -> bool:
        broker = plug(FakeKafka(topics=topics))
        source = kafka.kafka_source("k:9092")("signup", ["users"])
        await source.start()
        broker.topics, broker.polled_at = topics, polled_at
        monkeypatch.setattr(kafka, "time", Mock(time=lambda: 990.0))
        waiting = asyncio.create_task(source.next())
        await broker.is_drained.wait()
        if not waits:
            waiting.cancel()
            await asyncio.wait([waiting])
        monkeypatch.setattr(kafka, "time", Mock(time=lambda: 1000.0))
        found = source.is_connected
        waiting.cancel()
        await asyncio.wait([waiting])
        await source.close()
        return found

    assert asyncio.run(run()) is is_connected


def test_a_cluster_that_is_away_is_an_error_and_leaves_nothing_open():
    """With the real client and a closed port: unclosed sockets would be warnings, and so failures."""

    async def run() -> None:
        source = kafka.kafka_source("127.0.0.1:1")("signup", ["users"])
        with pytest.raises(KafkaConnectionError):
            await source.start()
        await source.close()

    asyncio.run(run())
