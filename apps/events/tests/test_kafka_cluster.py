"""The Kafka door on a real cluster: `QUARTET_TEST_KAFKA=host:port` names one; its topics are fresh ones."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from apps.events.kafka import KafkaTopics, kafka_source
from apps.events.tests import contract
from apps.events.tests.contract import KEY

CLUSTER = os.environ.get("QUARTET_TEST_KAFKA", "")  # noqa: TID251 - it names the engine of a run

pytestmark = [
    pytest.mark.containers,
    pytest.mark.skipif(not CLUSTER, reason="QUARTET_TEST_KAFKA names no Kafka cluster"),
]


class Cluster:
    """The stage of the contract; the topics of a rule are there before anybody writes."""

    def __init__(self, topics: KafkaTopics) -> None:
        self._topics = topics
        self.open_source = kafka_source(CLUSTER)
        self.append, self.records = topics.append, topics.records


@asynccontextmanager
async def cluster() -> AsyncIterator[Cluster]:
    topics = KafkaTopics(CLUSTER)
    try:
        yield Cluster(topics)
    finally:
        await topics.close()


@pytest.mark.parametrize("rule", contract.RULES, ids=contract.name_of)
def test_contract(rule: contract.Rule) -> None:
    """What every EventSource must do."""
    contract.check(rule, cluster)


def on_topics(act: Callable[[KafkaTopics, str], Awaitable[None]]) -> None:
    async def run() -> None:
        topics = KafkaTopics(CLUSTER)
        try:
            await act(topics, f"topics.{secrets.token_hex(6)}")
        finally:
            await topics.close()

    asyncio.run(run())


def test_a_topic_is_read_from_any_offset() -> None:
    """Whole, from an offset on, and so many at most; of an unknown one nothing."""

    async def act(topics: KafkaTopics, name: str) -> None:
        assert await topics.records(name) == []
        await topics.create(changes=[name], dead_letters=[])
        assert await topics.records(name) == []
        for number in range(700):
            assert await topics.append(name, KEY, b"%d" % number, [("h", b"1")]) == number
        found = await topics.records(name)
        assert [record.value for record in found] == [b"%d" % number for number in range(700)]
        assert found[3].headers == (("h", b"1"),)
        assert [record.offset for record in await topics.records(name, first=690)] == [*range(690, 700)]
        assert [record.offset for record in await topics.records(name, first=5, most=2)] == [5, 6]
        assert await topics.records(name, first=700) == []

    on_topics(act)


def test_ends_and_commits_are_told() -> None:
    """What lag is made of; unknown topics and groups have none."""

    async def act(topics: KafkaTopics, name: str) -> None:
        await topics.create(changes=[name], dead_letters=[])
        for _ in range(3):
            await topics.append(name, KEY, b"x")
        source = kafka_source(CLUSTER)(name, [name])
        await source.start()
        await source.commit(await source.next())
        await source.close()
        assert await topics.end_offsets([name, f"{name}.none"]) == {name: 3}
        assert await topics.committed(name) == {name: 1}
        assert await topics.committed(f"{name}.none") == {}

    on_topics(act)


def test_making_a_topic_twice_changes_nothing() -> None:
    """Two platforms may start on one cluster."""

    async def act(topics: KafkaTopics, name: str) -> None:
        await topics.create(changes=[name], dead_letters=[f"dlq.{name}"])
        await topics.append(name, KEY, b"kept")
        await topics.create(changes=[name], dead_letters=[f"dlq.{name}"])
        assert [record.value for record in await topics.records(name)] == [b"kept"]

    on_topics(act)


def test_a_record_without_anything_can_be_a_dead_letter() -> None:
    """Kafka takes none without key and value, so it gets an empty value."""

    async def act(topics: KafkaTopics, name: str) -> None:
        await topics.create(changes=[], dead_letters=[name])
        await topics.append(name, None, None)
        assert [(record.key, record.value) for record in await topics.records(name)] == [(None, b"")]

    on_topics(act)
