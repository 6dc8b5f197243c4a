"""Sign-up on a database in a temporary folder, with a clock and a hash pool that tests control."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from apps.auth.tokens import generate_private_pem
from apps.signup.handlers import Caller, Ports, SignUp, resend, sign_up
from apps.signup.settings import Settings, load
from apps.signup.tables import suspended_users, users
from apps.storage.migrate import migrate
from apps.storage.tests.desk import DatabaseDesk
from apps.storage.tests.engines import open_database
from apps.web.tests.doubles import CheapHashes, Clock

PRIVATE_PEM = generate_private_pem()
PEPPER = "a pepper that is long enough, and then some more"
ADA = "ada@example.org"
CALLER = Caller(client="127.0.0.1", request_id="request-1")
ENVIRON = {
    "QUARTET_PROFILE": "development",
    "PUBLIC_SIGNUP_URL": "https://signup.example.org/",
    "SIGNUP_DATABASE_URL": "sqlite+aiosqlite:///unused",
    "PASSWORD_PEPPER": PEPPER,
    "SIGNUP_PRIVATE_KEY": PRIVATE_PEM,
}


@dataclass
class Desk(DatabaseDesk):
    """One sign-up service without its edge."""

    settings: Settings
    clock: Clock = field(default_factory=Clock)
    hashes: CheapHashes = field(default_factory=CheapHashes)

    @property
    def ports(self) -> Ports:
        return Ports(self.database, None, self.hashes, self.clock)  # type: ignore[arg-type]

    async def sign_up(self, email: str = ADA, password: str = "a quiet harbour", **profile: str) -> Any:
        from apps.signup.domain import Profile

        command = SignUp(email, password, Profile(**profile))
        return await sign_up(command, ports=self.ports, settings=self.settings, caller=CALLER)

    async def resend(self, email: str = ADA) -> None:
        await resend(email, ports=self.ports, settings=self.settings, caller=CALLER)

    async def row(self, email: str = ADA) -> Any:
        (row,) = await self.rows(users, email=email)
        return row

    async def activate(self, email: str = ADA) -> None:
        await self.write(sa.update(users).where(users.c.email == email).values(User_status="ACTIVE"))

    async def suspend(self, email: str = ADA, *, seconds: float = 1800) -> None:
        """As signup-sink-connector does."""
        row = await self.row(email)
        await self.write(
            sa.insert(suspended_users).values(
                id=row.id,
                email=email,
                user_id=row.id,
                reason="TOO_MANY_FAILURES",
                suspended_at=self.clock.now,
                suspended_until=self.clock.now + timedelta(seconds=seconds),
            )
        )


@asynccontextmanager
async def open_desk(folder: Path, **settings: Any) -> AsyncIterator[Desk]:
    database = open_database(folder, "signup_db")
    try:
        await migrate(database, "signup")
        yield Desk(database, replace(load(ENVIRON), **settings))
    finally:
        await database.close()


def with_desk(folder: Path, story: Callable[[Desk], Awaitable[None]], **settings: Any) -> None:
    """Runs one asynchronous test on a fresh desk."""

    async def run() -> None:
        async with open_desk(folder, **settings) as desk:
            await story(desk)

    asyncio.run(run())
