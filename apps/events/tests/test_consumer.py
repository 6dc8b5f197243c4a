"""The loop commits after the handler, parks poison, tries again what may pass, and never ends."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from apps.events import consumer as consumer_module
from apps.events.consumer import Consumer
from apps.events.records import ChangeEvent, PoisonRecord, Record
from apps.events.source import dead_letter_headers
from apps.events.tests.fakes import MemorySource, record

Handler = Callable[[ChangeEvent], Awaitable[None]]


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_module, "FIRST_DELAY_SECONDS", 0.0001)


def consume(handler: Handler, *scripts: Callable[[], MemorySource]) -> tuple[Consumer, list[MemorySource]]:
    """Run a consumer over the sources that `scripts` make, until the last of them has nothing more."""
    opened: list[MemorySource] = []

    async def run() -> Consumer:
        is_last_open = asyncio.Event()

        def open_source(group: str, topics: Sequence[str]) -> MemorySource:
            assert (group, list(topics)) == ("signup", ["users"])
            opened.append(scripts[len(opened)]())
            if len(opened) == len(scripts):
                is_last_open.set()
            return opened[-1]

        consumer = Consumer(name="signup", group="signup", topics={"users": handler}, open_source=open_source)
        task = asyncio.create_task(consumer.run())
        async with asyncio.timeout(5):
            await is_last_open.wait()
            await opened[-1].is_drained.wait()
        assert consumer.is_ready
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert not consumer.is_ready
        return consumer

    return asyncio.run(run()), opened


def rows(*numbers: int) -> list[Record]:
    return [record({"id": number}, offset=number) for number in numbers]


def test_a_record_is_committed_after_its_handler():
    """A crash in between means the event again, never a loss."""
    acts: list[object] = []
    source: MemorySource

    async def handle(event: ChangeEvent) -> None:
        acts.append(("handle", event.offset, [act for act in source.acts if act[0] == "commit"]))

    def script() -> MemorySource:
        nonlocal source
        source = MemorySource(rows(1, 2))
        return source

    consumer, _ = consume(handle, script)
    assert acts == [("handle", 1, []), ("handle", 2, [("commit", 1)])]
    assert source.acts == [("start",), ("commit", 1), ("commit", 2), ("close",)]
    assert consumer.counts == {"handled": 2, "parked": 0, "failed": 0}


def test_poison_is_parked_then_committed_and_the_rest_goes_on():
    """What cannot be read and what a service refuses end up in the group's dead letters."""

    async def handle(event: ChangeEvent) -> None:
        if event.offset == 2:
            raise PoisonRecord("USER_UNKNOWN")

    consumer, [source] = consume(handle, lambda: MemorySource([record(b"{not json", offset=1), *rows(2, 3)]))
    assert source.acts[1:-1] == [
        ("park", 1, "dlq.signup", "VALUE_INVALID"),
        ("commit", 1),
        ("park", 2, "dlq.signup", "USER_UNKNOWN"),
        ("commit", 2),
        ("commit", 3),
    ]
    assert consumer.counts == {"handled": 1, "parked": 2, "failed": 0}


def test_a_handler_that_fails_gets_the_same_event_again():
    """The next record must not overtake one that a database could not take."""
    seen: list[int] = []

    async def handle(event: ChangeEvent) -> None:
        seen.append(event.offset)
        if len(seen) < 9:
            raise ConnectionError("the database is away")

    consumer, [source] = consume(handle, lambda: MemorySource(rows(1, 2)))
    assert seen == [1] * 9 + [2]
    assert source.acts[1:-1] == [("commit", 1), ("commit", 2)]
    assert consumer.counts == {"handled": 2, "parked": 0, "failed": 8}


def test_an_event_that_always_breaks_its_handler_is_parked():
    """One row that a handler cannot digest may not stop all others for ever."""

    async def handle(event: ChangeEvent) -> None:
        if event.offset == 1:
            raise KeyError("pw_version")

    consumer, [source] = consume(handle, lambda: MemorySource(rows(1, 2)))
    assert source.acts[1:-1] == [("park", 1, "dlq.signup", "HANDLER_FAILED"), ("commit", 1), ("commit", 2)]
    assert consumer.counts == {"handled": 1, "parked": 1, "failed": 5}


@pytest.mark.parametrize("broken", ["start", "next", "commit"])
def test_a_source_that_fails_is_closed_and_opened_anew(broken: str):
    """No manual step is needed after a broker was away."""
    seen: list[int] = []

    async def handle(event: ChangeEvent) -> None:
        seen.append(event.offset)

    _, [first, second] = consume(
        handle, lambda: MemorySource(rows(1), broken=broken), lambda: MemorySource(rows(2))
    )
    assert first.acts[-1] == ("close",)
    assert second.acts == [("start",), ("commit", 2), ("close",)]
    assert seen == ([2] if broken == "start" else [1, 2])


def test_a_record_that_cannot_be_parked_is_not_committed():
    """Poison is never dropped silently."""

    async def handle(event: ChangeEvent) -> None:
        raise PoisonRecord("ROW_INVALID")

    _, [first, second] = consume(
        handle, lambda: MemorySource(rows(1), broken="park"), lambda: MemorySource(rows(1))
    )
    assert ("commit", 1) not in first.acts
    assert ("park", 1, "dlq.signup", "ROW_INVALID") in second.acts


def test_readiness_is_lost_while_a_record_keeps_failing():
    """A consumer that does not get on is not ready."""

    async def run() -> None:
        failures = asyncio.Semaphore(0)
        is_healed = asyncio.Event()

        async def handle(event: ChangeEvent) -> None:
            if not is_healed.is_set():
                failures.release()
                raise ConnectionError("the database is away")

        source = MemorySource(rows(1))
        consumer = Consumer(
            name="x", group="g", topics={"users": handle}, open_source=lambda group, topics: source
        )
        assert not consumer.is_ready
        task = asyncio.create_task(consumer.run())
        async with asyncio.timeout(5):
            for _ in range(4):
                await failures.acquire()
            assert not consumer.is_ready
            is_healed.set()
            await source.is_drained.wait()
        assert consumer.is_ready
        source.is_silent = True
        assert not consumer.is_ready
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())


def test_a_parked_record_says_where_it_came_from_and_why():
    """Its own headers come first, then ours."""
    headers = dict(dead_letter_headers(record({}, offset=7), reason="ROW_INVALID", detail="no id"))
    assert headers == {
        "__debezium.context.taskId": b"0",
        "__quartet.error.reason": b"ROW_INVALID",
        "__quartet.error.detail": b"no id",
        "__quartet.error.topic": b"users",
        "__quartet.error.partition": b"0",
        "__quartet.error.offset": b"7",
    }
