"""Who follows is told everything once, also what happened while it was away; who does not costs nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest

from containers.console.looks import Looker
from containers.console.tests.test_looks import ALL_READY
from containers.console.tests.watched import FLOW, WatchedTier, as_tier
from containers.console.watch import (
    LOOKS_TO_REST,
    RECORDS_AT_ONCE,
    RESTING_LOOK_SECONDS,
    Message,
    Position,
    Watch,
)
from containers.journey import DEAD_LETTERS, TOPICS

NAMES = (*TOPICS, *DEAD_LETTERS)


def watched(monkeypatch: pytest.MonkeyPatch, story: Callable[[WatchedTier, Watch], Awaitable[Any]]) -> Any:
    """The story on a running watch that looks as often as it can."""
    monkeypatch.setattr("containers.console.looks.readiness", lambda *_: ALL_READY)
    monkeypatch.setattr("containers.console.watch.LOOK_SECONDS", 0.0)

    async def tell() -> Any:
        tier = WatchedTier()
        looker = Looker(as_tier(tier), FLOW, NAMES)
        watch = Watch(as_tier(tier), looker, NAMES)
        running = asyncio.ensure_future(watch.run())
        try:
            async with asyncio.timeout(20):
                return await story(tier, watch)
        finally:
            running.cancel()
            looker.close()

    return asyncio.run(tell())


async def next_with_records(stream: AsyncIterator[Message]) -> Message:
    async for message in stream:
        if message.body["records"]:
            return message
    raise AssertionError("the stream has ended")


def test_a_new_record_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what was there before is not told at all."""

    async def story(tier: WatchedTier, watch: Watch) -> list[int]:
        tier.grow("users", {"id": 7})
        offsets = []
        async with aclosing(watch.follow(None)) as stream:
            await anext(stream)
            for _ in range(2):
                tier.grow("users", {"id": 7})
                message = await next_with_records(stream)
                offsets += [record["facts"]["offset"] for record in message.body["records"]]
        return offsets

    assert watched(monkeypatch, story) == [1, 2]


def test_what_was_missed_is_told_to_who_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the position that was told last, over several topics, in the order of time."""

    async def story(tier: WatchedTier, watch: Watch) -> list[str]:
        async with aclosing(watch.follow(None)) as stream:
            position = str((await anext(stream)).position)
        tier.grow("users", {"id": 7})
        tier.grow("login_db.users", {"id": 7})
        tier.grow("users", {"id": 7})
        watch.note("step", title="Sign up")
        async with aclosing(watch.follow(Position.parse(position, NAMES))) as stream:
            notes, records = [], []
            while len(records) < 3:
                message = await anext(stream)
                notes += [note["title"] for note in message.body["notes"]]
                records += [record["topic"] for record in message.body["records"]]
        assert notes == ["Sign up"]
        return records

    assert sorted(watched(monkeypatch, story)) == ["login_db.users", "users", "users"]


def test_a_page_that_outlives_a_restart_is_told_what_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its position is ahead of notes that begin anew, and of topics that were thrown away."""

    async def story(tier: WatchedTier, watch: Watch) -> tuple[list[str], list[int]]:
        before = Position(dict.fromkeys(NAMES, 40), 9)
        notes: list[str] = []
        offsets: list[int] = []
        async with aclosing(watch.follow(before)) as stream:
            await anext(stream)
            watch.note("step", title="Sign up")
            tier.grow("users", {"id": 7})
            tier.grow("users", {"id": 7})
            while not (notes and len(offsets) == 2):
                message = await anext(stream)
                notes += [note["title"] for note in message.body["notes"]]
                offsets += [record["facts"]["offset"] for record in message.body["records"]]
        return notes, offsets

    assert watched(monkeypatch, story) == (["Sign up"], [0, 1])


def test_what_is_too_much_for_one_message_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest of a topic are told, and how many are not."""

    async def story(tier: WatchedTier, watch: Watch) -> tuple[int, int, int]:
        async with aclosing(watch.follow(None)) as stream:
            position = (await anext(stream)).position
        for _ in range(RECORDS_AT_ONCE + 5):
            tier.grow("users", {"id": 7})
        tier.grow("login_db.users", {"id": 7})
        await watch.look()
        async with aclosing(watch.follow(position)) as stream:
            body = (await next_with_records(stream)).body
        offsets = [record["facts"]["offset"] for record in body["records"] if record["topic"] == "users"]
        return len(body["records"]), min(offsets), body["left_out"]

    assert watched(monkeypatch, story) == (RECORDS_AT_ONCE + 1, 5, 5)


def test_a_topic_that_cannot_be_read_is_told_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is skipped because Kafka was away when it was due."""

    async def story(tier: WatchedTier, watch: Watch) -> int:
        async with aclosing(watch.follow(None)) as stream:
            await anext(stream)
            tier.is_kafka_away = True
            tier.grow("users", {"id": 7})
            while "UNKNOWN" not in (await anext(stream)).body["word"]:
                pass
            tier.is_kafka_away = False
            return len((await next_with_records(stream)).body["records"])

    assert watched(monkeypatch, story) == 1


def test_nothing_is_looked_at_without_a_follower(monkeypatch: pytest.MonkeyPatch) -> None:
    """The console of a platform that nobody watches costs nothing."""

    async def story(tier: WatchedTier, watch: Watch) -> list[bool]:
        seen = [watch.is_followed]
        async with aclosing(watch.follow(None)) as first, aclosing(watch.follow(None)) as second:
            await anext(first)
            await anext(second)
            await first.aclose()
            seen.append(watch.is_followed)
        return [*seen, watch.is_followed]

    assert watched(monkeypatch, story) == [False, True, False]


def test_a_platform_at_rest_is_looked_at_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until something changes."""

    async def story(tier: WatchedTier, watch: Watch) -> list[float]:
        pauses = []
        for _ in range(LOOKS_TO_REST + 1):
            await watch.look()
        pauses.append(watch.pause_seconds)
        tier.fake.states = {"loginconnector": "PAUSED"}
        await watch.look()
        return [*pauses, watch.pause_seconds]

    assert watched(monkeypatch, story) == [RESTING_LOOK_SECONDS, 0.0]


@pytest.mark.parametrize("text", ["", "1", "a-b", "1-2-3", "-".join(["9" * 20] * 11), "²-" * 10 + "1"])
def test_a_position_that_is_none_is_ignored(text: str) -> None:
    """It comes from a client: whatever it is, the stream begins with now."""
    assert Position.parse(text, NAMES) is None


def test_a_position_survives_its_text() -> None:
    """What is sent as the id of an event comes back as Last-Event-ID."""
    position = Position({topic: index for index, topic in enumerate(NAMES)}, 4)
    assert Position.parse(str(position), NAMES) == position
