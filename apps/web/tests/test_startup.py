"""How a service comes up, and the rounds it makes by itself."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from apps.storage.errors import StorageUnavailable
from apps.web import startup as startup_module
from apps.web.rounds import repeat
from apps.web.startup import Startup
from apps.web.tasks import Background


class Ctx:
    """The part of an app that a start-up uses."""

    def __init__(self) -> None:
        self.background = Background("test")
        self.ctx = self
        self.spawn = self.background.spawn


def failing(times: int) -> Callable[[], Awaitable[None]]:
    """A database that is away for so many questions."""
    left = iter(range(times))

    async def prepare() -> None:
        if next(left, None) is not None:
            raise StorageUnavailable

    return prepare


async def start(startup: Startup) -> Any:
    app: Any = Ctx()
    await startup.start(app)
    return app


def test_a_database_that_is_there() -> None:
    """The schema is brought up to date first, then the work begins, once."""

    async def story() -> None:
        begun: list[Any] = []
        startup = Startup(failing(0), begun.append)
        with pytest.raises(StorageUnavailable):
            await startup.check()
        app = await start(startup)
        assert begun == [app]
        await startup.check()

    asyncio.run(story())


def test_a_database_that_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service is up and not ready meanwhile, and begins by itself."""
    monkeypatch.setattr(startup_module, "RETRY_SECONDS", 0.001)

    async def story() -> None:
        begun = asyncio.Event()
        startup = Startup(failing(3), lambda _: begun.set())
        await start(startup)
        assert not begun.is_set()
        with pytest.raises(StorageUnavailable):
            await startup.check()
        async with asyncio.timeout(5):
            await begun.wait()
        await startup.check()

    asyncio.run(story())


def test_an_error_while_the_database_is_awaited_is_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be an outage that nobody knows as one yet."""
    monkeypatch.setattr(startup_module, "RETRY_SECONDS", 0.001)
    outcomes = iter([StorageUnavailable(), ValueError("strange"), None])

    async def prepare() -> None:
        if outcome := next(outcomes):
            raise outcome

    async def story() -> None:
        begun = asyncio.Event()
        await start(Startup(prepare, lambda _: begun.set()))
        async with asyncio.timeout(5):
            await begun.wait()

    asyncio.run(story())


def test_a_schema_that_is_wrong_stops_the_start() -> None:
    """Only an absent database is waited for."""

    async def prepare() -> None:
        raise ValueError("no such revision")

    with pytest.raises(ValueError, match="no such revision"):
        asyncio.run(start(Startup(prepare, lambda _: None)))


class Enough(Exception):
    """Ends a loop that has no end."""


def rounds_made(outcomes: list[Exception | None]) -> list[float]:
    """The pauses before rounds that come out so."""
    asked: list[float] = []

    async def sleep(seconds: float) -> None:
        if len(asked) == len(outcomes):
            raise Enough
        asked.append(seconds)

    async def work() -> None:
        await asyncio.sleep(0.05)  # a round that waits long for the machine
        if outcome := outcomes[len(asked) - 1]:
            raise outcome

    with pytest.raises(Enough):
        asyncio.run(repeat(work, every_seconds=0.1, sleep=sleep))
    return asked


def test_a_slow_round_does_not_put_off_the_next() -> None:
    """A busy machine makes rounds slow, and a suspension has to end there too."""
    assert rounds_made([None, None, None]) == [0.1, 0.1, 0.1]


def test_rounds_wait_out_an_absent_database() -> None:
    """The next one comes all the same."""
    assert rounds_made([StorageUnavailable(), StorageUnavailable(), None]) == [0.1, 0.1, 0.1]


def test_a_round_that_fails_is_not_the_last() -> None:
    """Whatever it was: suspensions have to end tomorrow, too."""
    assert rounds_made([ValueError("strange"), None]) == [0.1, 0.1]
