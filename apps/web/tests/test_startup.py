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


def test_a_schema_that_is_wrong_stops_the_start() -> None:
    """Only an absent database is waited for."""

    async def prepare() -> None:
        raise ValueError("no such revision")

    with pytest.raises(ValueError, match="no such revision"):
        asyncio.run(start(Startup(prepare, lambda _: None)))


class Enough(Exception):
    """Ends a loop that has no end."""


def pauses(rounds: list[float], *, every_seconds: float) -> list[float]:
    """The pauses before rounds that take so long, in seconds; a negative one meets an absent database."""
    asked: list[float] = []
    now = 0.0

    async def sleep(seconds: float) -> None:
        if len(asked) == len(rounds):
            raise Enough
        asked.append(seconds)

    async def work() -> None:
        nonlocal now
        now += abs(rounds[len(asked) - 1])
        if rounds[len(asked) - 1] < 0:
            raise StorageUnavailable

    with pytest.raises(Enough):
        asyncio.run(repeat(work, every_seconds=every_seconds, sleep=sleep, timer=lambda: now))
    return asked


def test_rounds_are_never_a_load() -> None:
    """A round that takes long is followed by a longer pause, and a short one by the usual again."""
    assert pauses([0.001, 0.1, 0.001, 0.0], every_seconds=1.0) == pytest.approx([1.0, 1.0, 5.0, 1.0])


def test_rounds_wait_out_an_absent_database() -> None:
    """The next one comes all the same."""
    assert pauses([-0.001, -0.1, 0.0], every_seconds=1.0) == pytest.approx([1.0, 1.0, 5.0])
