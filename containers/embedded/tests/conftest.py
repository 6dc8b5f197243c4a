"""A data flow for each test, on databases that the services' own migrations have made once."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from apps.storage.database import Database
from apps.storage.migrate import migrate
from containers.embedded.tests.flow import DOCUMENTS, Flow


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")

    async def make() -> None:
        for name, service in (("signup_db", "signup"), ("login_db", "login"), ("rpwd_db", "reset_password")):
            database = Database(f"sqlite+aiosqlite:///{folder / name}.sqlite")
            await migrate(database, service)  # type: ignore[arg-type]
            await database.close()

    asyncio.run(make())
    with closing(sqlite3.connect(folder / "activate_user_reg_db.sqlite")) as connection:
        connection.execute(DOCUMENTS)
    return folder


@pytest.fixture
def flow(tmp_path: Path, template: Path) -> Iterator[Flow]:
    flow = Flow(tmp_path, template)
    yield flow
    flow.close()
