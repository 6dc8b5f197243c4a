"""The SMTP side of the development inbox, and the faults that it plays when told to."""

import asyncio
import logging
import random
import socket
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Protocol

from aiosmtpd.smtp import SMTP, Envelope, Session

from apps.storage.errors import StorageUnavailable

LARGEST_MAIL_BYTES = 4 * 1024 * 1024

STORAGE_FULL = "452 4.3.1 The mail could not be kept, try again later"
"""RFC 3463, class 4: the courier tries again."""

NULL_SENDER = "<>"
"""RFC 5321 section 4.5.5: of notices that nobody may answer."""

# aiosmtpd logs every command, and with it the addresses, at INFO, and whole mails at DEBUG.
logging.getLogger("mail.log").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Trigger:
    """Refuse with this SMTP code (400 to 599), so often in a hundred."""

    code: int = 451
    percent: int = 0

    def strikes(self) -> bool:
        return random.randrange(100) < self.percent  # noqa: S311 - chance, not secrecy


@dataclass
class Chaos:
    """What the SMTP side refuses: the sender (a whole mail) or a recipient, as Mailpit's chaos does."""

    sender: Trigger = field(default_factory=Trigger)
    recipient: Trigger = field(default_factory=Trigger)


class Keep(Protocol):
    """Takes a mail as it was delivered; raises StorageUnavailable when it cannot be kept."""

    def __call__(
        self, raw: bytes, *, envelope_sender: str, envelope_recipients: list[str]
    ) -> Awaitable[object]: ...


class SMTPServer:
    """Receives mail on one socket in the running loop; 250 means that the mail has been kept."""

    def __init__(self, keep: Keep, chaos: Chaos) -> None:
        self._handler = _Handler(keep, chaos)
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self, sock: socket.socket) -> None:
        self._server = await asyncio.get_running_loop().create_server(self._connect, sock=sock)

    async def stop(self) -> None:
        """Cuts the connections that are still open: a mail that was not acknowledged comes again."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.cut()
        await asyncio.gather(*(connection.ended for connection in list(self._connections)))

    def _connect(self) -> "_Connection":
        return _Connection(self._handler, self._connections)


class _Handler:
    def __init__(self, keep: Keep, chaos: Chaos) -> None:
        self._keep, self._chaos = keep, chaos

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._chaos.sender.strikes():
            return f"{self._chaos.sender.code} Chaos: the sender is refused"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._chaos.recipient.strikes():
            return f"{self._chaos.recipient.code} Chaos: the recipient is refused"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        raw, recipients = envelope.original_content or b"", [str(address) for address in envelope.rcpt_tos]
        sender = envelope.mail_from or NULL_SENDER
        try:
            await self._keep(
                raw, envelope_sender="" if sender == NULL_SENDER else sender, envelope_recipients=recipients
            )
        except StorageUnavailable:
            return STORAGE_FULL
        return "250 OK"


class _Connection(SMTP):
    """aiosmtpd's protocol, which its server can end: Server.close() leaves connections open."""

    def __init__(self, handler: _Handler, open_ones: "set[_Connection]") -> None:
        loop = asyncio.get_running_loop()
        super().__init__(
            handler,
            hostname="localhost",
            ident="Quartet development inbox",
            data_size_limit=LARGEST_MAIL_BYTES,
            enable_SMTPUTF8=True,
            timeout=60,
            loop=loop,
        )
        self._open_ones = open_ones
        self.ended: asyncio.Future[None] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._open_ones.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._open_ones.discard(self)
        self.ended.set_result(None)

    def cut(self) -> None:
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()
