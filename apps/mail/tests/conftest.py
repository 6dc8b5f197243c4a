"""A courier between a database and a mail server, for the tests of what it does."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from apps.mail import outage
from apps.mail.tests.postroom import Server, database
from apps.storage.database import Database

Scene = Callable[[Database, Server], Coroutine[Any, Any, None]]


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "FIRST_DELAY_SECONDS", 0.01)
    monkeypatch.setattr("apps.mail.delivery.FIRST_DELAY_SECONDS", 0.01)
    monkeypatch.setattr(outage, "LONGEST_DELAY_SECONDS", 0.05)


@pytest.fixture
def play(tmp_path: Path, quick_retries: None) -> Callable[..., None]:
    """Run a scene with a database and a server that is not listening yet."""

    def run(scene: Scene, **replies: str) -> None:
        async def within() -> None:
            async with database(tmp_path) as opened:
                said = {tuple(name.split("_")): reply for name, reply in replies.items()}
                await scene(opened, Server(said))  # type: ignore[arg-type]

        asyncio.run(within())

    return run
