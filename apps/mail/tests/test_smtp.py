"""What the server answers decides whose fault it was: the mail's, the moment's or the connection's."""

import asyncio
import socket
import time

import pytest

from apps.mail import outage
from apps.mail.letters import Letter, render
from apps.mail.outage import Outage, backoff_seconds
from apps.mail.smtp import ConnectionLost, MailDelayed, MailRefused, SMTPSender
from apps.mail.tests.postroom import SENDER, Server, now


async def send(port: int, *, deadline_seconds: float = 5.0) -> None:
    session = await SMTPSender("127.0.0.1", port, deadline_seconds=deadline_seconds).open()
    message = render(
        Letter("S", ("x",)), sender=SENDER, recipient="a@example.org", message_id="i", date=now()
    )
    try:
        await session.send(message, sender="accounts@quartet.example", recipient="a@example.org")
    finally:
        await session.close()


def outcome(replies: dict[tuple[str, str], str], *, deadline_seconds: float = 5.0) -> tuple[type, str]:
    async def run() -> tuple[type, str]:
        async with Server(replies).listening() as port:
            try:
                await send(port, deadline_seconds=deadline_seconds)
            except (MailRefused, MailDelayed) as error:
                return type(error), error.reason
        return type(None), ""

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ({}, (type(None), "")),
        ({("a", "RCPT"): "550 5.1.1 <a@example.org> unknown"}, (MailRefused, "550 5.1.1")),
        ({("a", "DATA"): "554 no thanks, a@example.org"}, (MailRefused, "554")),
        ({("a", "RCPT"): "450 4.2.0 try later"}, (MailDelayed, "450 4.2.0")),
        ({("a", "DATA"): "452 4.3.1 disk full"}, (MailDelayed, "452 4.3.1")),
        ({("sender", "MAIL"): "550 5.7.1 not you"}, (MailDelayed, "550 5.7.1")),
        ({("a", "RCPT"): "421 4.3.2 closing"}, (ConnectionLost, "SMTP_NOT_AVAILABLE")),
        ({("a", "DATA"): "cut"}, (ConnectionLost, "SMTP_CONNECTION_LOST")),
    ],
)
def test_each_answer_has_its_meaning(reply: dict[tuple[str, str], str], expected: tuple[type, str]):
    """The texts of replies are not kept: they may hold the address."""
    assert outcome(reply) == expected


def test_a_mail_has_a_deadline_as_a_whole():
    """aiosmtplib's own is for each reply, 60 s by default."""
    assert outcome({("a", "DATA"): "stall"}, deadline_seconds=0.1) == (ConnectionLost, "SMTP_TIMEOUT")


def test_a_closed_port_is_a_lost_connection():
    """Nothing listens."""

    async def run() -> None:
        async with Server().listening() as port:
            pass
        await SMTPSender("127.0.0.1", port).open()

    with pytest.raises(ConnectionLost, match="SMTP_UNREACHABLE"):
        asyncio.run(run())


def test_a_server_that_never_greets_is_a_lost_connection():
    """It takes the connection and says nothing."""

    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            await SMTPSender("127.0.0.1", port, deadline_seconds=0.1).open()

    with pytest.raises(ConnectionLost, match="SMTP_TIMEOUT"):
        asyncio.run(run())


@pytest.mark.parametrize("sender", [{"starttls": True}, {"username": "u", "password": "p"}])
def test_without_the_demanded_encryption_or_login_nothing_is_sent(sender: dict[str, object]):
    """The test server offers neither; going on without would send the mail in clear."""

    async def run() -> None:
        async with Server().listening() as port:
            await SMTPSender("127.0.0.1", port, **sender).open()  # type: ignore[arg-type]

    with pytest.raises(ConnectionLost):
        asyncio.run(run())


def test_delays_double_and_end_at_fifteen_seconds():
    """So that mail goes on within 30 s of an outage's end."""
    assert [backoff_seconds(failures) for failures in (0, 1, 2, 3, 4, 5, 6, 500)] == [
        1,
        1,
        2,
        4,
        8,
        15,
        15,
        15,
    ]


def test_one_connection_lost_over_a_mail_is_no_outage():
    """The second in a row is; an answer ends it."""
    knowledge = Outage()
    knowledge.note_loss(began_at=time.monotonic(), while_connecting=False)
    assert (knowledge.seconds_left, knowledge.has_left_delays) == (0.0, False)
    knowledge.note_loss(began_at=time.monotonic(), while_connecting=False)
    assert 0 < knowledge.seconds_left <= 1
    assert knowledge.has_left_delays
    knowledge.note_answer()
    assert knowledge.seconds_left == 0.0


def test_the_pause_runs_from_the_beginning_of_the_try(monkeypatch: pytest.MonkeyPatch):
    """A server that stalls until a deadline of 20 s is tried 1 s later, not 15 s later."""
    monkeypatch.setattr(outage.time, "monotonic", lambda: 1000.0)
    knowledge = Outage()
    for _ in range(9):
        knowledge.note_loss(began_at=980.0, while_connecting=True)
    assert knowledge.seconds_left == 1.0
    knowledge.note_loss(began_at=1000.0, while_connecting=True)
    assert knowledge.seconds_left == 15.0
