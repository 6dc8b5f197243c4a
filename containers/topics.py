"""The topics of a real Kafka cluster, for callers that are no coroutines."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from apps.events import kafka
from apps.events.records import Record
from containers.engines import EngineAway, TopicRecord

T = TypeVar("T")

TIMEOUT_SECONDS = 30.0


class TopicsUnreachable(EngineAway):
    """Kafka does not answer, or not in time."""


class KafkaTopics:
    """Reads and writes topics over one background loop.

    Raises:
        TopicsUnreachable: from every method.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        # While Kafka is away the client says so several times a second; our own error is enough.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._bootstrap_servers = bootstrap_servers
        self._topics = kafka.KafkaTopics(bootstrap_servers)

    def create(self, *, changes: Sequence[str], dead_letters: Sequence[str]) -> None:
        """Creates the topics that are missing."""
        self._wait(self._topics.create(changes=changes, dead_letters=dead_letters))

    def records(self, topic: str, first: int = 0, most: int | None = None) -> list[TopicRecord]:
        """The records that a topic still holds from an offset on, oldest first; of an unknown topic none."""
        return [_seen(record) for record in self._wait(self._topics.records(topic, first=first, most=most))]

    def record_at(self, topic: str, offset: int) -> Record | None:
        """The record at an offset; where compaction has removed it, the next one; None after the newest."""
        found = self._wait(self._topics.records(topic, first=offset, most=1))
        return found[0] if found else None

    def produce(self, topic: str, key: str | None, value: str | None) -> int:
        """Writes one record and returns its offset."""
        return self.append(topic, _bytes(key), _bytes(value))

    def append(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> int:
        """Writes one record with headers and returns its offset."""
        return self._wait(self._topics.append(topic, key, value, headers))

    def end_offsets(self, topics: Sequence[str]) -> Mapping[str, int]:
        """The offset after the newest record of each topic that exists."""
        return self._wait(self._topics.end_offsets(topics))

    def lags(self, group: str, topics: Sequence[str]) -> Mapping[str, int]:
        """How many records of each of these topics the group has still to read."""
        committed = self._wait(self._topics.committed(group))
        ends = self.end_offsets(topics)
        return {topic: max(0, end - committed.get(topic, 0)) for topic, end in ends.items()}

    def close(self) -> None:
        try:
            self._wait(self._topics.close())
        except TopicsUnreachable:
            pass  # it is over in any case
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(TIMEOUT_SECONDS)
        except Exception as error:
            future.cancel()
            why = type(error).__name__
            raise TopicsUnreachable(f"Kafka at {self._bootstrap_servers} does not answer ({why})") from error


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


def _seen(record: Record) -> TopicRecord:
    """Key and value as text; what is not UTF-8 shows its bytes."""

    def text(raw: bytes | None) -> str | None:
        return None if raw is None else raw.decode(errors="backslashreplace")

    return TopicRecord(
        offset=record.offset,
        key=text(record.key),
        value=text(record.value),
        headers={name: value.decode(errors="backslashreplace") for name, value in record.headers},
        timestamp_ms=record.timestamp_ms,
    )
