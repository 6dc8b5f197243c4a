"""Reset-password on a database in a temporary folder, with a clock and a hash pool that tests control."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from apps.auth import tokens
from apps.auth.tokens import Purpose, SigningKey, generate_private_pem
from apps.reset_password import handlers
from apps.reset_password.app import build
from apps.reset_password.handlers import Caller, ChoosePassword, Ports, RequestLink
from apps.reset_password.settings import Settings, load
from apps.reset_password.tables import outbox, reset_links, users
from apps.storage.database import Database
from apps.storage.migrate import migrate
from apps.web.server import Server, bind
from apps.web.tests.doubles import CheapHashes, Clock

OWN_PEM, LOGIN_PEM = generate_private_pem(), generate_private_pem()
OWN_KEY, LOGIN_KEY = SigningKey.from_pem(OWN_PEM), SigningKey.from_pem(LOGIN_PEM)
ADA = "ada@example.org"
NEW = "a harbour in the evening"
ENVIRON = {
    "QUARTET_PROFILE": "development",
    "RESET_PASSWORD_DATABASE_URL": "sqlite+aiosqlite:///unused",
    "PASSWORD_PEPPER": "a pepper that is long enough, and then some more",
    "RESET_PASSWORD_PRIVATE_KEY": OWN_PEM,
    "LOGIN_PUBLIC_KEYS": LOGIN_KEY.public_pem,
}


@dataclass
class Desk:
    """One reset-password service without its edge."""

    database: Database
    settings: Settings
    clock: Clock = field(default_factory=Clock)
    hashes: CheapHashes = field(default_factory=CheapHashes)

    @property
    def ports(self) -> Ports:
        return Ports(self.database, self.hashes, self.clock)  # type: ignore[arg-type]

    def token(
        self,
        purpose: Purpose,
        *,
        user_id: int = 7,
        email: str = ADA,
        pw_version: int = 1,
        seconds: int = 3600,
        key: SigningKey = LOGIN_KEY,
        token_id: str = "some-session",
    ) -> str:
        now = self.clock()
        return tokens.issue(
            purpose,
            key,
            subject=user_id,
            token_id=token_id,
            issued_at=now,
            expires_at=now + timedelta(seconds=seconds),
            claims={"email": email, "pwv": pw_version},
        )

    async def sink(self, user_id: int = 7, email: str = ADA, **columns: Any) -> None:
        """As resetpassword-sink-connector does: Ada, ACTIVE and logged in."""
        receipt = self.token(tokens.RECEIPT, user_id=user_id, email=email)
        values = {"User_status": "ACTIVE", "pw_version": 1, "auth_token": receipt, **columns}
        await self.write(sa.insert(users).values(id=user_id, email=email, **values))

    async def set_user(self, user_id: int = 7, **columns: Any) -> None:
        await self.write(sa.update(users).where(users.c.id == user_id).values(**columns))

    async def write(self, statement: Any) -> None:
        await self.database.transact(lambda connection: connection.execute(statement))

    async def rows(self, table: sa.Table, **equals: Any) -> list[Any]:
        query = sa.select(table).filter_by(**equals).order_by(*table.primary_key.columns)
        async with self.database.reading() as connection:
            return list((await connection.execute(query)).all())

    async def user(self, user_id: int = 7) -> Any:
        (row,) = await self.rows(users, id=user_id)
        return row

    async def mails(self, kind: str) -> list[Any]:
        return await self.rows(outbox, kind=kind)

    async def ask(self, email: str = ADA, session: str | None = None) -> None:
        command = RequestLink(email, session)
        caller = Caller("127.0.0.1", "request-1")
        await handlers.request_link(command, ports=self.ports, settings=self.settings, caller=caller)

    async def ask_for_link(self) -> str:
        """The token of the link that this request is mailed."""
        known = {row.id for row in await self.rows(reset_links)}
        await self.ask()
        (link,) = [row for row in await self.rows(reset_links) if row.id not in known]
        seconds = int((link.expires_at - self.clock()).total_seconds())
        return self.token(
            tokens.RESET, key=OWN_KEY, token_id=link.id, seconds=seconds, pw_version=link.pw_version
        )

    async def choose(self, token: str, password: str = NEW) -> None:
        command = ChoosePassword(token, password)
        caller = Caller("127.0.0.1", "request-1")
        await handlers.choose_password(command, ports=self.ports, settings=self.settings, caller=caller)


def with_desk(folder: Path, story: Callable[[Desk], Awaitable[None]], **settings: Any) -> None:
    """Runs one asynchronous test on a fresh desk where Ada is logged in."""

    async def run() -> None:
        database = Database(f"sqlite+aiosqlite:///{folder}/rpwd_db.sqlite")
        try:
            await migrate(database, "reset_password")
            desk = Desk(database, replace(load(ENVIRON), **settings))
            await desk.sink()
            await story(desk)
        finally:
            await database.close()

    asyncio.run(run())


def serve(folder: Path, story: Callable[[Desk, httpx.AsyncClient], Awaitable[None]], **settings: Any) -> None:
    """The same with the app served; mail goes nowhere."""

    async def run(desk: Desk) -> None:
        app = build(desk.settings, desk.ports)
        async with (
            Server([(app, bind())]) as server,
            httpx.AsyncClient(base_url=server.urls[app.name], timeout=10) as client,
        ):
            await story(desk, client)

    with_desk(folder, run, smtp_port=1, **settings)
