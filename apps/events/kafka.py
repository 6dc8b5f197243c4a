"""Topics on Kafka; the only import of aiokafka."""

import asyncio
from collections.abc import Sequence

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from apps.events.records import Record
from apps.events.source import EventSource, OpenSource, dead_letter_headers

# A consumer that was killed keeps its partition for so long; 6 s is the least that brokers allow.
_SESSION_TIMEOUT_MS = 6000
_HEARTBEAT_INTERVAL_MS = 2000
_REQUEST_TIMEOUT_MS = 15_000
_METADATA_MAX_AGE_MS = 10_000
_CLOSING_SECONDS = 2.0
_MOST_REPLICAS = 3
# What a broker takes at most by default (1 MiB), and room for the headers of a parked record.
_MAX_REQUEST_BYTES = 2 * 1024 * 1024
_CHANGES = {"cleanup.policy": "compact"}
_DEAD_LETTERS = {"cleanup.policy": "delete", "retention.ms": "-1"}

_log = structlog.get_logger()


def kafka_source(bootstrap_servers: str) -> OpenSource:
    """Make sources that read from the Kafka cluster at `bootstrap_servers` ("host:port,host:port")."""

    def open_source(group: str, topics: Sequence[str]) -> EventSource:
        return KafkaSource(bootstrap_servers, group, topics)

    return open_source


class KafkaSource:
    """Some topics of a Kafka cluster as one consumer group; offsets are committed by hand only."""

    def __init__(self, bootstrap_servers: str, group: str, topics: Sequence[str]) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._group = group
        self._topics = tuple(topics)
        self._consumer: AIOKafkaConsumer | None = None
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Join the group, at the first record that it has not committed.

        Topics that do not exist yet are created first: a consumer can wait for its first event, which
        may be weeks away, but not for a topic.
        """
        await self._create_missing(self._topics, _CHANGES)
        self._consumer = AIOKafkaConsumer(
            *self._topics,
            bootstrap_servers=self._bootstrap_servers,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=_SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=_HEARTBEAT_INTERVAL_MS,
            request_timeout_ms=_REQUEST_TIMEOUT_MS,
            metadata_max_age_ms=_METADATA_MAX_AGE_MS,
        )
        await self._consumer.start()

    async def next(self) -> Record:
        """Wait for the next record."""
        assert self._consumer is not None, "start() comes first"
        message = await self._consumer.getone()
        return Record(
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            key=message.key,
            value=message.value,
            headers=tuple((name, value or b"") for name, value in message.headers),
            timestamp_ms=message.timestamp,
        )

    async def commit(self, record: Record) -> None:
        """Commit the offset after `record`; fails when the partition went to another member meanwhile."""
        assert self._consumer is not None, "start() comes first"
        partition = TopicPartition(record.topic, record.partition)
        await self._consumer.commit({partition: record.offset + 1})

    async def park(self, record: Record, *, dead_letter_topic: str, reason: str, detail: str) -> None:
        """Append `record` to a dead-letter topic; returns once all in-sync replicas have it."""
        producer = await self._started_producer(dead_letter_topic)
        nothing = record.key is None and record.value is None
        await producer.send_and_wait(
            dead_letter_topic,
            key=record.key,
            value=b"" if nothing else record.value,
            headers=list(dead_letter_headers(record, reason=reason, detail=detail)),
        )

    async def close(self) -> None:
        """Leave the group and close every connection, within seconds even if the brokers are silent."""
        clients = [client for client in (self._consumer, self._producer) if client is not None]
        self._consumer = self._producer = None
        async with asyncio.timeout(_CLOSING_SECONDS):
            await asyncio.gather(*(client.stop() for client in clients))

    async def _started_producer(self, dead_letter_topic: str) -> AIOKafkaProducer:
        if self._producer is None:
            await self._create_missing([dead_letter_topic], _DEAD_LETTERS)
            self._producer = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap_servers,
                acks="all",
                request_timeout_ms=_REQUEST_TIMEOUT_MS,
                max_request_size=_MAX_REQUEST_BYTES,
            )
            await self._producer.start()
        return self._producer

    async def _create_missing(self, topics: Sequence[str], configs: dict[str, str]) -> None:
        """Create topics of one partition; where that is not allowed, somebody else has to."""
        admin = AIOKafkaAdminClient(
            bootstrap_servers=self._bootstrap_servers, request_timeout_ms=_REQUEST_TIMEOUT_MS
        )
        try:
            await admin.start()
            missing = sorted(set(topics) - set(await admin.list_topics()))
            if missing:
                brokers = (await admin.describe_cluster())["brokers"]
                replicas = min(len(brokers), _MOST_REPLICAS)
                wanted = [NewTopic(topic, 1, replicas, topic_configs=configs) for topic in missing]
                answer = await admin.create_topics(wanted)
                for topic, code, *_ in answer.topic_errors:
                    if code not in (0, TopicAlreadyExistsError.errno):
                        _log.warning("topic not created", topic=topic, error=for_code(code).__name__)
        finally:
            await admin.close()
