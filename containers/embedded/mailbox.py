"""The mails of the development inbox: read as they arrive, kept with the data, newest first.

Whoever reaches the SMTP port decides what stands in a mail, so nothing here trusts it.
"""

import email
import email.policy
import json
import re
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import getaddresses
from pathlib import Path
from typing import Any

from containers.embedded.sqlite_thread import SQLiteThread

_SCHEMA = """
CREATE TABLE IF NOT EXISTS mails (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, created TEXT NOT NULL,
    message_id TEXT NOT NULL, sender TEXT NOT NULL, recipients TEXT NOT NULL, subject TEXT NOT NULL,
    size INTEGER NOT NULL, text TEXT NOT NULL, html TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS recipients (
    address TEXT NOT NULL, number INTEGER NOT NULL REFERENCES mails, PRIMARY KEY (address, number)
) WITHOUT ROWID;
"""

_COUNT = "SELECT count(*) FROM mails"
_PAGE = (
    "SELECT number, id, created, message_id, sender, recipients, subject, size, '', '' FROM mails"
    " ORDER BY number DESC LIMIT ? OFFSET ?"
)
_COUNT_TO = "SELECT count(*) FROM recipients WHERE address = ?"
_PAGE_TO = (
    "SELECT number, id, created, message_id, sender, recipients, subject, size, '', ''"
    " FROM recipients JOIN mails USING (number) WHERE address = ? ORDER BY number DESC LIMIT ? OFFSET ?"
)
_DELETE_RECIPIENTS = "DELETE FROM recipients WHERE number = (SELECT number FROM mails WHERE id = ?)"

_LINK_LINE = re.compile(r"^[ \t]*(https?://\S+)[ \t\r]*$", re.MULTILINE)


@dataclass(frozen=True)
class Address:
    """A mail address with the name that was written before it."""

    name: str
    address: str


@dataclass(frozen=True)
class Mail:
    """One mail; `created` is RFC 3339, `size` in bytes, a part that it does not have is empty."""

    number: int
    id: str
    created: str
    message_id: str
    sender: Address
    recipients: tuple[Address, ...]
    subject: str
    size: int
    text: str
    html: str

    @property
    def link(self) -> str | None:
        """The web address that stands on a line of its own in the text."""
        found = _LINK_LINE.search(self.text)
        return found[1] if found else None


class Mailbox:
    """The mails in one SQLite file."""

    def __init__(self, path: Path) -> None:
        self._file = SQLiteThread(path, lambda connection: connection.executescript(_SCHEMA))

    async def add(self, raw: bytes, *, envelope_sender: str, envelope_recipients: Sequence[str]) -> str:
        """Keeps one mail as SMTP delivered it; on the disk when this returns its id.

        Raises:
            StorageUnavailable: it could not be kept.
        """
        envelope_recipients = [_clean(address) for address in envelope_recipients]
        parts = _read(raw, _clean(envelope_sender), envelope_recipients)
        mail_id = secrets.token_hex(11)

        def insert(connection: sqlite3.Connection) -> str:
            number = connection.execute(
                "INSERT INTO mails (id, created, message_id, sender, recipients, subject, size, text, html)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (mail_id, _now(), *parts.columns, len(raw), parts.text, parts.html),
            ).lastrowid
            addresses = {*envelope_recipients, *(recipient.address for recipient in parts.recipients)}
            connection.executemany(
                "INSERT OR IGNORE INTO recipients VALUES (?, ?)",
                [(address.lower(), number) for address in addresses],
            )
            return mail_id

        return await self._file.write(insert)

    async def newest(self, *, start: int, limit: int, to: str | None = None) -> tuple[int, list[Mail]]:
        """How many mails there are (to this address), and some of them, newest first, without their parts."""
        count, page, arguments = _COUNT, _PAGE, tuple[str, ...]()
        if to is not None:
            count, page, arguments = _COUNT_TO, _PAGE_TO, (to.lower(),)

        def select(connection: sqlite3.Connection) -> tuple[int, list[Mail]]:
            (total,) = connection.execute(count, arguments).fetchone()
            return total, [_mail(row) for row in connection.execute(page, (*arguments, limit, start))]

        return await self._file.read(select)

    async def find(self, mail_id: str) -> Mail | None:
        """The mail with this id; `latest` is the newest."""

        def select(connection: sqlite3.Connection) -> Mail | None:
            if mail_id == "latest":
                row = connection.execute("SELECT * FROM mails ORDER BY number DESC LIMIT 1").fetchone()
            else:
                row = connection.execute("SELECT * FROM mails WHERE id = ?", (mail_id,)).fetchone()
            return _mail(row) if row else None

        return await self._file.read(select)

    async def delete(self, ids: Sequence[str]) -> None:
        """Deletes these mails, or all of them where none is named."""

        def delete(connection: sqlite3.Connection) -> None:
            if not ids:
                connection.execute("DELETE FROM recipients")
                connection.execute("DELETE FROM mails")
            for mail_id in ids:
                connection.execute(_DELETE_RECIPIENTS, (mail_id,))
                connection.execute("DELETE FROM mails WHERE id = ?", (mail_id,))

        await self._file.write(delete)

    async def close(self) -> None:
        await self._file.close()


@dataclass(frozen=True)
class _Parts:
    message_id: str
    sender: Address
    recipients: tuple[Address, ...]
    subject: str
    text: str
    html: str

    @property
    def columns(self) -> tuple[str, str, str, str]:
        recipients = [[recipient.name, recipient.address] for recipient in self.recipients]
        sender = [self.sender.name, self.sender.address]
        return self.message_id, json.dumps(sender), json.dumps(recipients), self.subject


def _read(raw: bytes, envelope_sender: str, envelope_recipients: Sequence[str]) -> _Parts:
    sender = Address("", envelope_sender)
    recipients = tuple(Address("", address) for address in envelope_recipients)
    try:
        message = email.message_from_bytes(raw, policy=email.policy.default)
        return _Parts(
            message_id=_header(message, "Message-ID").strip("<> "),
            sender=next(iter(_addresses(message, "From")), sender),
            recipients=tuple(_addresses(message, "To")) or recipients,
            subject=_header(message, "Subject"),
            text=_body(message, "plain"),
            html=_body(message, "html"),
        )
    # What email's parsers raise on hostile headers, and on mails within mails within mails.
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError):
        text = raw.decode("utf-8", "replace")
        return _Parts("", sender, recipients, "(a mail that cannot be parsed)", text, "")


def _header(message: EmailMessage, name: str) -> str:
    return _clean(str(message.get(name, "")))


def _addresses(message: EmailMessage, name: str) -> list[Address]:
    written = [str(value) for value in message.get_all(name, [])]
    return [Address(_clean(called), _clean(address)) for called, address in getaddresses(written) if address]


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return _clean(part.get_content()).replace("\r\n", "\n") if part is not None else ""


def _clean(text: str) -> str:
    """Without the surrogates that the parser makes of stray bytes: they cannot be stored or answered."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _mail(row: Sequence[Any]) -> Mail:
    number, mail_id, created, message_id, sender, recipients, subject, size, text, html = row
    return Mail(
        number=number,
        id=mail_id,
        created=created,
        message_id=message_id,
        sender=Address(*json.loads(sender)),
        recipients=tuple(Address(*recipient) for recipient in json.loads(recipients)),
        subject=subject,
        size=size,
        text=text,
        html=html,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
