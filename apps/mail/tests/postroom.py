"""An outbox, a courier and a mail server that does as it is told, for tests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from aiosmtpd.smtp import SMTP

from apps.mail.courier import Courier
from apps.mail.letters import Letter, Link
from apps.mail.outbox import OutboxMail, outbox_table, queue_mail
from apps.mail.smtp import SMTPSender
from apps.storage.database import Database
from apps.storage.tests.engines import open_database

METADATA = sa.MetaData()
OUTBOX = outbox_table(METADATA)
SENDER = "Quartet <accounts@quartet.example>"


def compose(mail: OutboxMail) -> Letter:
    """A letter with a link, as the services write them."""
    link = f"http://localhost:4000/confirm?token={mail.params['token_id']}"
    return Letter("Activate", ("Hello.",), Link("Activate my account", link), ("Goodbye.",))


def now() -> datetime:
    """The true time."""
    return datetime.now(UTC)


@asynccontextmanager
async def database(folder: Path) -> AsyncIterator[Database]:
    """The outbox in a file of its own."""
    opened = open_database(folder, "outbox")
    async with opened.engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
    try:
        yield opened
    finally:
        await opened.close()


async def queue(
    database: Database, recipient: str, *, at: datetime | None = None, expires_at: datetime | None = None
) -> None:
    """Queue a mail in a transaction of its own."""

    async def work(connection: Any) -> None:
        await queue_mail(
            connection,
            OUTBOX,
            kind="activation",
            recipient=recipient,
            params={"token_id": "secret-of-" + recipient.partition("@")[0]},
            now=at or now(),
            expires_at=expires_at,
        )

    await database.transact(work)


async def rows(database: Database) -> dict[str, Any]:
    """The outbox by recipient."""
    async with database.reading() as connection:
        found = (await connection.execute(sa.select(OUTBOX).order_by(OUTBOX.c.id))).all()
    return {row.recipient: row for row in found}


async def eventually(is_so: Callable[[], Awaitable[bool]], *databases: Database) -> None:
    """Wait until `is_so`, looked at after each commit; at most 10 s."""
    happened = asyncio.Event()
    for database in databases:
        database.on_commit(happened.set)
    async with asyncio.timeout(10):
        while not await is_so():
            await happened.wait()
            happened.clear()


async def settled(database: Database, *states: str) -> dict[str, Any]:
    """The rows, once they are in just these states, in the order of their ids."""

    async def is_so() -> bool:
        return [row.state for row in (await rows(database)).values()] == list(states)

    await eventually(is_so, database)
    return await rows(database)


class Server:
    """A mail server; `replies` maps a local part and a stage ("RCPT", "DATA") to an answer.

    An answer is a reply line, or "cut" (the connection breaks), or "stall" (silence until `released`,
    then 250).
    """

    def __init__(self, replies: dict[tuple[str, str], str] | None = None) -> None:
        self.replies = replies or {}
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.is_stalling = asyncio.Event()
        self.released = asyncio.Event()
        self.on_mail: Callable[[], None] | None = None

    @asynccontextmanager
    async def listening(self, port: int = 0) -> AsyncIterator[int]:
        """Listen on a port of the loopback."""
        transports: list[asyncio.BaseTransport] = []

        class Protocol(SMTP):
            def connection_made(protocol, transport: asyncio.BaseTransport) -> None:
                transports.append(transport)
                super().connection_made(transport)

        server = await asyncio.get_running_loop().create_server(
            lambda: Protocol(self, hostname="mail.example"), "127.0.0.1", port
        )
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            self.released.set()
            for transport in transports:
                transport.close()
            await asyncio.gather(*_tasks_of_connections(), return_exceptions=True)

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, sender: str, options: Any) -> str:
        envelope.mail_from = sender
        return await self._reply(server, "sender", "MAIL") or "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, to: str, options: Any) -> str:
        refusal = await self._reply(server, to.partition("@")[0], "RCPT")
        if refusal is None:
            envelope.rcpt_tos.append(to)
        return refusal or "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        refusal = await self._reply(server, envelope.rcpt_tos[0].partition("@")[0], "DATA")
        if refusal is not None:
            return refusal
        self.recipients += envelope.rcpt_tos
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.mails.append(message)
        if self.on_mail is not None:
            self.on_mail()
        return "250 OK"

    async def _reply(self, server: Any, name: str, stage: str) -> str | None:
        match reply := self.replies.get((name, stage)):
            case "cut":
                server.transport.abort()
                return "451 never read"
            case "stall":
                self.is_stalling.set()
                await self.released.wait()
                return None
            case _:
                return reply


def _tasks_of_connections() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if "_handle_client" in repr(task.get_coro())]


@asynccontextmanager
async def courier(
    database: Database,
    port: int,
    *,
    deadline_seconds: float = 5.0,
    clock: Callable[[], datetime] = now,
    compose: Callable[[OutboxMail], Letter] = compose,
) -> AsyncIterator[Courier]:
    """A courier at work."""
    made = Courier(
        database=database,
        outbox=OUTBOX,
        compose=compose,
        smtp=SMTPSender("127.0.0.1", port, deadline_seconds=deadline_seconds),
        sender=SENDER,
        clock=clock,
    )
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def in_seconds(seconds: float) -> Callable[[], datetime]:
    """A clock that is ahead of the true time."""
    return lambda: now() + timedelta(seconds=seconds)
