"""What every EventSource must do, as functions that any implementation's tests can run.

    @pytest.mark.parametrize("rule", contract.RULES, ids=contract.name_of)
    def test_contract(rule, log):
        contract.check(rule, log_stage(log))

Each rule works on topics and groups of fresh names, so that a shared cluster serves as well as an empty log.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

from apps.events.records import Record
from apps.events.source import REASON_HEADER, EventSource, OpenSource

Headers = Sequence[tuple[str, bytes]]

KEY = b'{"id": 11}'
PATIENCE_SECONDS = 20


class Stage(Protocol):
    """The log under test, as others than its sources see it."""

    @property
    def open_source(self) -> OpenSource: ...

    async def append(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> int: ...

    async def records(self, topic: str) -> Sequence[Record]: ...


OpenStage = Callable[[], AbstractAsyncContextManager[Stage]]
Rule = Callable[[Stage, str], Awaitable[None]]
RULES: list[Rule] = []


def check(rule: Rule, open_stage: OpenStage) -> None:
    """Run one rule in a loop of its own."""

    async def run() -> None:
        async with open_stage() as stage, asyncio.timeout(PATIENCE_SECONDS):
            await rule(stage, f"contract.{secrets.token_hex(6)}")

    asyncio.run(run())


def name_of(rule: Rule) -> str:
    """Return the name of a rule, for the ids of parametrized tests."""
    return rule.__name__


def rule(function: Rule) -> Rule:
    RULES.append(function)
    return function


@asynccontextmanager
async def started(stage: Stage, group: str, *topics: str) -> AsyncIterator[EventSource]:
    source = stage.open_source(group, topics)
    try:
        await source.start()
        yield source
    finally:
        await source.close()


async def values(source: EventSource, number: int) -> list[bytes | None]:
    return [(await source.next()).value for _ in range(number)]


@rule
async def a_topic_need_not_exist(stage: Stage, name: str) -> None:
    """Who starts first waits; what is written then arrives."""
    async with started(stage, name, name) as source:
        waiting = asyncio.create_task(source.next())
        await asyncio.sleep(0)
        await stage.append(name, KEY, b"first")
        assert (await waiting).value == b"first"


@rule
async def a_record_comes_whole(stage: Stage, name: str) -> None:
    """Byte for byte, a header's name more than once, a tombstone as None, with its place and time."""
    headers = (("a", b"\xff\x00"), ("a", b"twice"), ("b", b""))
    async with started(stage, name, name) as source:
        await stage.append(name, KEY, b"\xff not UTF-8", headers)
        await stage.append(name, KEY, None)
        first, second = await source.next(), await source.next()
    assert (first.topic, first.partition, first.offset) == (name, 0, 0)
    assert (first.key, first.value, first.headers) == (KEY, b"\xff not UTF-8", headers)
    assert (second.offset, second.value, second.headers) == (1, None, ())
    assert 1_700_000_000_000 < first.timestamp_ms <= second.timestamp_ms


@rule
async def a_group_starts_at_the_earliest_record_in_order(stage: Stage, name: str) -> None:
    """Also one that is made long after the records."""
    async with started(stage, f"{name}.other", name):
        pass
    for number in range(50):
        await stage.append(name, KEY, b"%d" % number)
    async with started(stage, name, name) as source:
        assert await values(source, 50) == [b"%d" % number for number in range(50)]


@rule
async def what_is_committed_does_not_come_again(stage: Stage, name: str) -> None:
    """And what is not, does: a handler may see an event twice, never not at all."""
    async with started(stage, name, name) as source:
        for value in (b"0", b"1", b"2"):
            await stage.append(name, KEY, value)
        handled = [await source.next() for _ in range(2)]
        await source.commit(handled[0])
    async with started(stage, name, name) as source:
        assert await values(source, 2) == [b"1", b"2"]


@rule
async def a_commit_covers_all_before_it(stage: Stage, name: str) -> None:
    """The loop may commit the last of several only."""
    async with started(stage, name, name) as source:
        for value in (b"0", b"1", b"2"):
            await stage.append(name, KEY, value)
        await source.next()
        await source.commit(await source.next())
    async with started(stage, name, name) as source:
        assert await values(source, 1) == [b"2"]


@rule
async def groups_and_topics_are_independent(stage: Stage, name: str) -> None:
    """A commit is of one group and one topic."""
    other = f"{name}.other"
    async with started(stage, name, name, other) as source:
        await stage.append(name, KEY, b"here")
        await stage.append(other, KEY, b"there")
        taken = {record.topic: record for record in [await source.next(), await source.next()]}
        await source.commit(taken[name])
    async with started(stage, name, name, other) as source:
        assert await values(source, 1) == [b"there"]
    async with started(stage, f"{name}.second", name) as source:
        assert await values(source, 1) == [b"here"]


@rule
async def a_parked_record_says_where_it_came_from(stage: Stage, name: str) -> None:
    """Its own headers first; parking commits nothing, and the topic of dead letters need not exist."""
    dead_letters = f"dlq.{name}"
    async with started(stage, name, name) as source:
        await stage.append(name, KEY, None, [("own", b"1")])
        record = await source.next()
        await source.park(record, dead_letter_topic=dead_letters, reason="ROW_INVALID", detail="no id")
        (letter,) = await stage.records(dead_letters)
    told: dict[str, Any] = dict(letter.headers)
    assert (letter.key, letter.value, letter.headers[0]) == (KEY, None, ("own", b"1"))
    assert (told[REASON_HEADER], told["__quartet.error.detail"]) == (b"ROW_INVALID", b"no id")
    assert (told["__quartet.error.topic"], told["__quartet.error.offset"]) == (name.encode(), b"0")
    async with started(stage, name, name) as source:
        assert await values(source, 1) == [None]


@rule
async def a_source_may_be_closed_before_it_starts(stage: Stage, name: str) -> None:
    """And twice: the loop closes whatever failed."""
    source = stage.open_source(name, [name])
    await source.close()
    await source.close()
