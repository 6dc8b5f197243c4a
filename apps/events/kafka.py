"""Topics on Kafka; the only import of aiokafka."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

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
_POLL_MS = 200
# An open fetch holds up what is asked on the same connection; 500 ms is the default.
_FETCH_WAIT_MS = 10
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
        self._waits_since: float | None = None

    @property
    def is_connected(self) -> bool:
        """False once the brokers have been silent for as long as a member of a group may be.

        While it waits, each partition is asked for at least twice a second; a broker that is gone makes
        the client neither raise nor return. Who has no partition, because another member has them, waits
        for nothing.
        """
        if self._consumer is None or self._waits_since is None:
            return True
        polled = [self._consumer.last_poll_timestamp(each) or 0 for each in self._consumer.assignment()]
        heard_at = max(self._waits_since, min(polled, default=time.time() * 1000) / 1000)
        return time.time() - heard_at < _SESSION_TIMEOUT_MS / 1000

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
        self._waits_since = time.time()
        try:
            return _record(await self._consumer.getone())
        finally:
            self._waits_since = None

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
            self._producer = _producer(self._bootstrap_servers)
            await self._producer.start()
        return self._producer

    async def _create_missing(self, topics: Sequence[str], configs: dict[str, str]) -> None:
        """Create topics of one partition; where that is not allowed, somebody else has to."""
        async with _admin(self._bootstrap_servers) as admin:
            await _create_missing(admin, dict.fromkeys(topics, configs))


class KafkaTopics:
    """The topics of a Kafka cluster for whoever looks after them: no group, no order of their own.

    One partition per topic, as everywhere in this room.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._reader: AIOKafkaConsumer | None = None
        self._writer: AIOKafkaProducer | None = None
        self._asker: AIOKafkaAdminClient | None = None
        self._reading = asyncio.Lock()

    async def create(self, *, changes: Sequence[str], dead_letters: Sequence[str]) -> None:
        """Create what is missing: compacted topics of change events, and dead-letter topics kept for ever."""
        wanted = {**dict.fromkeys(changes, _CHANGES), **dict.fromkeys(dead_letters, _DEAD_LETTERS)}
        async with _admin(self._bootstrap_servers) as admin:
            await _create_missing(admin, wanted)

    async def records(self, topic: str, *, first: int = 0, most: int | None = None) -> list[Record]:
        """The records from offset `first` on that the topic still holds, oldest first.

        Of a topic that does not exist, none. most: how many at most.
        """
        end = (await self.end_offsets([topic])).get(topic, 0)
        if first >= end:
            return []
        async with self._reading:
            reader = await self._started_reader()
            partition = TopicPartition(topic, 0)
            reader.assign([partition])
            if first > 0:
                reader.seek(partition, first)
            else:
                await reader.seek_to_beginning(partition)
            found: list[Record] = []
            while await reader.position(partition) < end and (most is None or len(found) < most):
                for messages in (await reader.getmany(timeout_ms=_POLL_MS)).values():
                    found += [_record(message) for message in messages]
            reader.unsubscribe()  # or it goes on fetching
        return [record for record in found if record.offset < end][:most]

    async def append(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> int:
        """Append one record and return its offset, once all in-sync replicas have it.

        The timestamp is the broker's; a record without key and value gets an empty value.
        """
        writer = await self._started_writer()
        value = b"" if key is None and value is None else value
        written = await writer.send_and_wait(topic, key=key, value=value, headers=list(headers), partition=0)
        return int(written.offset)

    async def end_offsets(self, topics: Sequence[str]) -> dict[str, int]:
        """The offset after the newest record of each topic that exists."""
        async with self._reading:
            reader = await self._started_reader()
            known = await reader.topics()
            partitions = [TopicPartition(topic, 0) for topic in topics if topic in known]
            ends = await reader.end_offsets(partitions) if partitions else {}
        return {partition.topic: int(end) for partition, end in ends.items()}

    async def committed(self, group: str) -> dict[str, int]:
        """The offset that a consumer group reads next, by topic; of an unknown group none."""
        try:
            found = await (await self._started_asker()).list_consumer_group_offsets(group)
        except BaseException:  # what it knows of the brokers may be what is wrong
            asker, self._asker = self._asker, None
            if asker is not None:
                await asker.close()
            raise
        return {partition.topic: int(at.offset) for partition, at in found.items() if at.offset >= 0}

    async def close(self) -> None:
        """Close every connection, within seconds even if the brokers are silent."""
        clients = [client for client in (self._reader, self._writer) if client is not None]
        closing = [client.stop() for client in clients]
        if self._asker is not None:
            closing.append(self._asker.close())
        self._reader = self._writer = self._asker = None
        async with asyncio.timeout(_CLOSING_SECONDS):
            await asyncio.gather(*closing)

    async def _started_asker(self) -> AIOKafkaAdminClient:
        """Kept: whoever watches asks several times a second, and to connect costs more than to ask."""
        if self._asker is None:
            asker = AIOKafkaAdminClient(
                bootstrap_servers=self._bootstrap_servers, request_timeout_ms=_REQUEST_TIMEOUT_MS
            )
            try:
                await asker.start()
            except BaseException:
                await asker.close()
                raise
            self._asker = asker
        return self._asker

    async def _started_reader(self) -> AIOKafkaConsumer:
        if self._reader is None:
            reader = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap_servers,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                request_timeout_ms=_REQUEST_TIMEOUT_MS,
                fetch_max_wait_ms=_FETCH_WAIT_MS,
            )
            self._reader = await _started(reader)
        return self._reader

    async def _started_writer(self) -> AIOKafkaProducer:
        if self._writer is None:
            self._writer = await _started(_producer(self._bootstrap_servers))
        return self._writer


async def _started(client: Any) -> Any:
    """The client, started; one that cannot start lets go of what it has opened."""
    try:
        await client.start()
    except BaseException:
        await client.stop()
        raise
    return client


@asynccontextmanager
async def _admin(bootstrap_servers: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers, request_timeout_ms=_REQUEST_TIMEOUT_MS)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


async def _create_missing(admin: AIOKafkaAdminClient, wanted: Mapping[str, dict[str, str]]) -> None:
    """Create topics of one partition, by name with their configuration."""
    missing = sorted(wanted.keys() - set(await admin.list_topics()))
    if not missing:
        return
    brokers = (await admin.describe_cluster())["brokers"]
    replicas = min(len(brokers), _MOST_REPLICAS)
    answer = await admin.create_topics(
        [NewTopic(topic, 1, replicas, topic_configs=wanted[topic]) for topic in missing]
    )
    for topic, code, *_ in answer.topic_errors:
        if code not in (0, TopicAlreadyExistsError.errno):
            _log.warning("topic not created", topic=topic, error=for_code(code).__name__)


def _producer(bootstrap_servers: str) -> AIOKafkaProducer:
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers,
        acks="all",
        request_timeout_ms=_REQUEST_TIMEOUT_MS,
        max_request_size=_MAX_REQUEST_BYTES,
    )


def _record(message: Any) -> Record:
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        value=message.value,
        headers=tuple((name, value or b"") for name, value in message.headers),
        timestamp_ms=message.timestamp,
    )
