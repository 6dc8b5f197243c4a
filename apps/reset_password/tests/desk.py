"""Reset-password on a database in a temporary folder, with a clock and a hash pool that tests control."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from apps.auth import tokens
from apps.auth.errors import Refusal
from apps.auth.tokens import Purpose, SigningKey, generate_private_pem
from apps.mail.letters import Letter
from apps.mail.outbox import OutboxMail
from apps.mail.wording import Wording
from apps.reset_password import handlers
from apps.reset_password.app import TEMPLATES, build
from apps.reset_password.handlers import Caller, ChoosePassword, Ports, RequestLink
from apps.reset_password.settings import Settings, load
from apps.reset_password.tables import outbox, users
from apps.storage.migrate import migrate
from apps.storage.tests.desk import DatabaseDesk
from apps.storage.tests.engines import open_database
from apps.web.server import Server, bind
from apps.web.tests.doubles import CheapHashes, Clock

PRIVATE_PEM, LOGIN_PEM = generate_private_pem(), generate_private_pem()
KEY, LOGIN_KEY = SigningKey.from_pem(PRIVATE_PEM), SigningKey.from_pem(LOGIN_PEM)
PEPPER = "a pepper that is long enough, and then some more"
ADA, NOBODY = "ada@example.org", "nobody@example.org"
NEW = "a brand new harbour"
CALLER = Caller(client="127.0.0.1", request_id="request-1")
ENVIRON = {
    "QUARTET_PROFILE": "development",
    "RESET_PASSWORD_DATABASE_URL": "sqlite+aiosqlite:///unused",
    "PASSWORD_PEPPER": PEPPER,
    "RESET_PASSWORD_PRIVATE_KEY": PRIVATE_PEM,
    "LOGIN_PUBLIC_KEYS": LOGIN_KEY.public_pem,
    "PUBLIC_RESET_PASSWORD_URL": "https://accounts.example.org/",
}


@dataclass
class Desk(DatabaseDesk):
    """One reset-password service without its edge."""

    settings: Settings
    clock: Clock = field(default_factory=Clock)
    hashes: CheapHashes = field(default_factory=CheapHashes)

    @property
    def ports(self) -> Ports:
        return Ports(self.database, self.hashes, self.clock)  # type: ignore[arg-type]

    async def request_link(self, email: str = ADA, session: str | None = None) -> None:
        command = RequestLink(email, session)
        await handlers.request_link(command, ports=self.ports, settings=self.settings, caller=CALLER)

    async def choose(self, token: str, password: str = NEW) -> None:
        command = ChoosePassword(token, password)
        await handlers.choose_password(command, ports=self.ports, settings=self.settings, caller=CALLER)

    async def look_at(self, token: str | None) -> Any:
        return await handlers.look_at(token, ports=self.ports, settings=self.settings)

    async def new_link(self, email: str = ADA) -> str:
        """Asks for a link; returns the token that its mail will hold."""
        await self.request_link(email)
        button = (await self.letters())[-1].button
        assert button is not None
        return button.url.partition("?token=")[2]

    async def letters(self, **equals: Any) -> list[Letter]:
        """Every queued mail as it will be worded."""
        wording = Wording(TEMPLATES)
        rows = [
            {**row._mapping, "params": json.loads(row.params)} for row in await self.rows(outbox, **equals)
        ]
        mails = [OutboxMail(**{each.name: row[each.name] for each in fields(OutboxMail)}) for row in rows]
        return [handlers.compose(mail, wording=wording, settings=self.settings) for mail in mails]

    async def row(self, email: str = ADA) -> Any:
        (row,) = await self.rows(users, email=email)
        return row

    async def sink(self, user_id: int = 7, email: str = ADA, **columns: Any) -> None:
        """As resetpassword-sink-connector does for a new user; logged in by default."""
        token = columns.pop("auth_token", self.issue(tokens.RECEIPT, user_id, email))
        values = {"User_status": "ACTIVE", "pw_version": 1, "auth_token": token, **columns}
        await self.write(sa.insert(users).values(id=user_id, email=email, **values))

    async def set_user(self, user_id: int = 7, **columns: Any) -> None:
        """As resetpassword-sink-connector does for a change."""
        await self.write(sa.update(users).where(users.c.id == user_id).values(**columns))

    def issue(
        self,
        purpose: Purpose,
        user_id: int = 7,
        email: str = ADA,
        *,
        pw_version: int = 1,
        seconds: int = 172800,
        key: SigningKey = LOGIN_KEY,
        token_id: str = "session-1",
    ) -> str:
        """A token as its service issues it."""
        return tokens.issue(
            purpose,
            key,
            subject=user_id,
            token_id=token_id,
            issued_at=self.clock.now,
            expires_at=self.clock.now + timedelta(seconds=seconds),
            claims={"email": email, "pwv": pw_version},
        )


async def refused(attempt: Awaitable[Any]) -> type[Refusal]:
    """What the attempt is refused with."""
    with pytest.raises(Refusal) as refusal:
        await attempt
    return type(refusal.value)


@asynccontextmanager
async def open_desk(folder: Path, **settings: Any) -> AsyncIterator[Desk]:
    database = open_database(folder, "rpwd_db")
    try:
        await migrate(database, "reset_password")
        yield Desk(database, replace(load(ENVIRON), **settings))
    finally:
        await database.close()


def with_desk(folder: Path, story: Callable[[Desk], Awaitable[None]], **settings: Any) -> None:
    """Runs one asynchronous test on a fresh desk with Ada in it, who is logged in."""

    async def run() -> None:
        async with open_desk(folder, **settings) as desk:
            await desk.sink()
            await story(desk)

    asyncio.run(run())


def serve(folder: Path, story: Callable[[Desk, httpx.AsyncClient], Awaitable[None]], **settings: Any) -> None:
    """Runs one asynchronous test on a served app with Ada in it, who is logged in; mail goes nowhere."""

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
