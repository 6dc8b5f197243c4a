"""Login on a database in a temporary folder, with a clock and a hash pool that tests control."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from apps.auth import tokens
from apps.auth.tokens import Claims, SigningKey, generate_private_pem
from apps.login import handlers
from apps.login.app import build
from apps.login.handlers import Caller, LogIn, Ports
from apps.login.settings import Settings, load
from apps.login.tables import users
from apps.storage.migrate import migrate
from apps.storage.tests.desk import DatabaseDesk
from apps.storage.tests.engines import open_database
from apps.web.server import Server, bind
from apps.web.tests.doubles import CheapHashes, Clock, cheap_hash

PRIVATE_PEM = generate_private_pem()
KEY = SigningKey.from_pem(PRIVATE_PEM)
PEPPER = "a pepper that is long enough, and then some more"
ADA, NOBODY = "ada@example.org", "nobody@example.org"
RIGHT, WRONG = "a quiet harbour", "a loud harbour"
CALLER = Caller(client="127.0.0.1", request_id="request-1")
ENVIRON = {
    "QUARTET_PROFILE": "development",
    "PUBLIC_LOGIN_URL": "https://login.example.org/",
    "LOGIN_DATABASE_URL": "sqlite+aiosqlite:///unused",
    "PASSWORD_PEPPER": PEPPER,
    "LOGIN_PRIVATE_KEY": PRIVATE_PEM,
}


@dataclass
class Desk(DatabaseDesk):
    """One login service without its edge."""

    settings: Settings
    clock: Clock = field(default_factory=Clock)
    hashes: CheapHashes = field(default_factory=CheapHashes)
    walk: handlers.Walk = field(default_factory=handlers.Walk)

    @property
    def ports(self) -> Ports:
        return Ports(self.database, self.hashes, self.clock)  # type: ignore[arg-type]

    async def log_in(self, email: str = ADA, password: str = RIGHT, client: str = "127.0.0.1") -> str:
        caller = replace(CALLER, client=client)
        command = LogIn(email, password)
        return await handlers.log_in(command, ports=self.ports, settings=self.settings, caller=caller)

    async def log_out(self, token: str | None) -> None:
        await handlers.log_out(token, ports=self.ports, settings=self.settings, caller=CALLER)

    async def is_live(self, token: str) -> bool:
        try:
            await handlers.authenticate(token, ports=self.ports, settings=self.settings)
        except handlers.TokenRefused:
            return False
        return True

    async def sweep(self) -> None:
        await handlers.sweep(self.walk, ports=self.ports, settings=self.settings)

    async def row(self, email: str = ADA) -> Any:
        (row,) = await self.rows(users, email=email)
        return row

    async def sink(self, user_id: int = 7, email: str = ADA, **columns: Any) -> None:
        """As login-sink-connector does for a new user; ACTIVE and with the right password by default."""
        values = {"password": cheap_hash(RIGHT), "User_status": "ACTIVE", "pw_version": 1, **columns}
        await self.write(sa.insert(users).values(id=user_id, email=email, **values))

    async def sink_anew(self, **columns: Any) -> None:
        """Ada's row as if it came for the first time: a change back to an older state would be left out."""
        await self.write(sa.delete(users).where(users.c.email == ADA))
        await self.sink(**columns)

    async def set_user(self, user_id: int = 7, **columns: Any) -> None:
        """As login-sink-connector does for a change."""
        await self.write(sa.update(users).where(users.c.id == user_id).values(**columns))

    async def receipt(self, email: str = ADA) -> Claims | None:
        """What stands in auth_token, read as the reset service reads it."""
        token = (await self.row(email)).auth_token
        if token is None:
            return None
        return tokens.read(tokens.RECEIPT, KEY.public_keys(), token, now=self.clock.now)


def session_of(token: str, clock: Clock) -> Claims:
    return tokens.read(tokens.SESSION, KEY.public_keys(), token, now=clock.now)


@asynccontextmanager
async def open_desk(folder: Path, **settings: Any) -> AsyncIterator[Desk]:
    database = open_database(folder, "login_db")
    try:
        await migrate(database, "login")
        yield Desk(database, replace(load(ENVIRON), **settings))
    finally:
        await database.close()


def with_desk(folder: Path, story: Callable[[Desk], Awaitable[None]], **settings: Any) -> None:
    """Runs one asynchronous test on a fresh desk with ACTIVE Ada in it."""

    async def run() -> None:
        async with open_desk(folder, **settings) as desk:
            await desk.sink()
            await story(desk)

    asyncio.run(run())


def serve(folder: Path, story: Callable[[Desk, httpx.AsyncClient], Awaitable[None]], **settings: Any) -> None:
    """Runs one asynchronous test on a served app with ACTIVE Ada in it; mail goes nowhere."""

    async def run() -> None:
        async with open_desk(folder, smtp_port=1, **settings) as desk:
            await desk.sink()
            app = build(desk.settings, desk.ports)
            async with (
                Server([(app, bind())]) as server,
                httpx.AsyncClient(base_url=server.urls[app.name], timeout=10) as client,
            ):
                await story(desk, client)

    asyncio.run(run())
