"""Topics for callers that are no coroutines: text as text, one loop behind, and every failure of one kind."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from apps.events.records import Record
from containers import topics as module
from containers.engines import TopicRecord
from containers.topics import KafkaTopics, TopicsUnreachable


class FakeTopics:
    """Stands in for the door; notes in which thread it is called."""

    def __init__(self, bootstrap_servers: str) -> None:
        self.kept: list[Record] = []
        self.committed_by = {"group": {"users": 1}}
        self.error: Exception | None = None
        self.is_closed = False
        self.threads: set[int] = set()

    async def records(self, topic: str, *, first: int = 0, most: int | None = None) -> list[Record]:
        await self._answer()
        return [record for record in self.kept if record.topic == topic and record.offset >= first][:most]

    async def append(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]] = ()
    ) -> int:
        await self._answer()
        self.kept.append(Record(topic, 0, len(self.kept), key, value, tuple(headers), 9))
        return len(self.kept) - 1

    async def end_offsets(self, topics: Sequence[str]) -> dict[str, int]:
        await self._answer()
        return {topic: len(self.kept) for topic in topics if any(r.topic == topic for r in self.kept)}

    async def committed(self, group: str) -> dict[str, int]:
        await self._answer()
        return self.committed_by.get(group, {})

    async def close(self) -> None:
        self.is_closed = True
        await self._answer()

    async def _answer(self) -> None:
        self.threads.add(threading.get_ident())
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error


@pytest.fixture
def topics(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(module.kafka, "KafkaTopics", FakeTopics)
    topics = KafkaTopics("k:9092")
    yield topics
    topics.close()


def test_what_is_produced_is_read_as_text(topics: Any) -> None:
    """None stays None, an empty text stays one, and bytes that are no text can still be seen."""
    assert topics.produce("users", '{"id":1}', "zoë") == 0
    assert topics.produce("users", "", None) == 1
    assert topics.append("users", None, b"\xff", [("h", b"\xfe"), ("reason", b"BAD")]) == 2
    assert topics.records("users") == [
        TopicRecord(0, '{"id":1}', "zoë", {}, 9),
        TopicRecord(1, "", None, {}, 9),
        TopicRecord(2, None, "\\xff", {"h": "\\xfe", "reason": "BAD"}, 9),
    ]
    assert topics.records("nothing") == []


def test_one_record_is_read_at_its_offset(topics: Any) -> None:
    """Where it has been compacted away, the next one; after the newest none."""
    topics.produce("users", "a", "0")
    topics.produce("other", "b", "1")
    topics.produce("users", "c", "2")
    assert topics.record_at("users", 0).value == b"0"
    assert topics.record_at("users", 1).offset == 2
    assert topics.record_at("users", 3) is None


def test_lag_is_what_a_group_has_still_to_read(topics: Any) -> None:
    """A group that has committed nothing has everything to read."""
    for _ in range(3):
        topics.produce("users", "a", "x")
    assert topics.lags("group", ["users", "nothing"]) == {"users": 2}
    assert topics.lags("unheard of", ["users"]) == {"users": 3}


def test_everything_happens_in_one_thread_behind(topics: Any) -> None:
    """Whoever calls: the connections belong to one loop."""
    callers = [threading.Thread(target=topics.records, args=("users",)) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    topics.records("users")
    assert len(topics._topics.threads) == 1
    assert threading.get_ident() not in topics._topics.threads


def test_a_failure_is_told_as_silence_of_kafka(topics: Any) -> None:
    """Callers know one error, whatever the client raises."""
    topics._topics.error = OSError("no route")
    with pytest.raises(TopicsUnreachable, match=r"Kafka at .* does not answer \(OSError\)"):
        topics.records("users")


def test_an_answer_is_not_waited_for_for_ever(topics: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that was killed is silent."""
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.01)

    async def silent(topic: str, *, first: int, most: int | None) -> None:
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(topics._topics, "records", silent)
    with pytest.raises(TopicsUnreachable, match="TimeoutError"):
        topics.records("users")


def test_closing_ends_the_thread_even_if_kafka_is_away(topics: Any) -> None:
    """Nothing of it is left behind."""
    topics._topics.error = OSError("no route")
    other = KafkaTopics("k:9092")
    other._topics.error = OSError("no route")  # type: ignore[attr-defined]
    other.close()
    assert other._topics.is_closed  # type: ignore[attr-defined]
    assert not other._thread.is_alive()


def test_a_cluster_that_is_away_leaves_nothing_open(caplog: pytest.LogCaptureFixture) -> None:
    """With the real client and a closed port: unclosed sockets would be warnings, and so failures.

    The client itself says nothing: it would fill the terminal of `quartet up` until Kafka is back.
    """
    topics = KafkaTopics("127.0.0.1:1")
    with pytest.raises(TopicsUnreachable, match="KafkaConnectionError"):
        topics.records("users")
    topics.close()
    assert caplog.records == []
