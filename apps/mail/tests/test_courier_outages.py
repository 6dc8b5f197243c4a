"""Where the server or the database does not do its part, each mail waits and none is lost."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from apps.mail import courier as courier_module
from apps.mail import outage
from apps.mail.outbox import OutboxMail
from apps.mail.tests.postroom import (
    Server,
    courier,
    eventually,
    now,
    queue,
    rows,
    settled,
)
from apps.storage.database import Database
from apps.storage.errors import StorageUnavailable


def test_after_an_outage_everything_goes_on_by_itself(play: Any, monkeypatch: pytest.MonkeyPatch):
    """While nothing listens, not a row is written; once it does, every mail goes out."""
    losses, note_loss = asyncio.Semaphore(0), outage.Outage.note_loss

    def note_and_tell(*arguments: Any, **options: Any) -> None:
        note_loss(*arguments, **options)
        losses.release()

    monkeypatch.setattr(outage.Outage, "note_loss", note_and_tell)

    async def scene(database: Database, server: Server) -> None:
        async with server.listening() as port:
            pass
        for number in range(3):
            await queue(database, f"u{number}@example.org")
        commits = database.counters["commits"]
        async with courier(database, port) as at_work:
            async with asyncio.timeout(5):
                for _ in range(4):
                    await losses.acquire()
            assert at_work.queue_age_seconds > 0
            assert database.counters["commits"] == commits
            async with server.listening(port):
                found = await settled(database, "sent", "sent", "sent")
        assert [row.attempts for row in found.values()] == [1, 1, 1]

    play(scene)


@pytest.mark.parametrize("reply", ["451 4.7.1 greylisted", "cut", "421 4.3.2 shutting down"])
def test_a_delayed_mail_is_tried_again_and_holds_up_no_other(play: Any, reply: str):
    """4xx, 421 and a broken connection pass; the mails behind it go out meanwhile."""

    async def scene(database: Database, server: Server) -> None:
        for name in ("good", "bad", "fine"):
            await queue(database, f"{name}@example.org")
        async with server.listening() as port, courier(database, port) as at_work:

            async def is_delayed_often() -> bool:
                return (await rows(database))["bad@example.org"].attempts >= 3

            await eventually(is_delayed_often, database)
            assert sorted(server.recipients) == ["fine@example.org", "good@example.org"]
            server.replies.clear()
            await settled(database, "sent", "sent", "sent")
            assert at_work.counts["abandoned"] == 0
        assert sorted(server.recipients) == ["bad@example.org", "fine@example.org", "good@example.org"]

    play(scene, bad_DATA=reply)


def test_a_refused_sender_abandons_nothing(play: Any):
    """MAIL_FROM is the same for every mail: a wrong setting must not cost a mail."""

    async def scene(database: Database, server: Server) -> None:
        await queue(database, "a@example.org")
        async with server.listening() as port, courier(database, port) as at_work:

            async def is_delayed() -> bool:
                return (await rows(database))["a@example.org"].last_error == "530 5.7.0"

            await eventually(is_delayed, database)
            server.replies.clear()
            await settled(database, "sent")
            assert at_work.counts["abandoned"] == 0

    play(scene, sender_MAIL="530 5.7.0 log in first")


def test_a_server_that_stalls_over_one_mail_delivers_the_others(play: Any, monkeypatch: pytest.MonkeyPatch):
    """They go over another connection, long before the deadline of the first."""
    monkeypatch.setattr(courier_module, "STOPPING_SECONDS", 0.05)
    monkeypatch.setattr(courier_module, "PATIENCE_SECONDS", 0.02)

    async def scene(database: Database, server: Server) -> None:
        async with server.listening() as port, courier(database, port, deadline_seconds=60):
            await queue(database, "slow@example.org")
            async with asyncio.timeout(5):
                await server.is_stalling.wait()
            await queue(database, "quick@example.org")
            await settled(database, "processing", "sent")

    play(scene, slow_DATA="stall")


def test_a_stalled_mail_is_delayed_at_its_deadline(play: Any):
    """The deadline is for the whole mail, whatever the server drips meanwhile."""

    async def scene(database: Database, server: Server) -> None:
        async with server.listening() as port, courier(database, port, deadline_seconds=0.1):
            await queue(database, "slow@example.org")

            async def is_delayed() -> bool:
                return (await rows(database))["slow@example.org"].last_error == "SMTP_TIMEOUT"

            await eventually(is_delayed, database)
            server.replies.clear()
            await settled(database, "sent")

    play(scene, slow_RCPT="stall")


def test_a_mail_whose_mark_fails_is_not_sent_again(play: Any, monkeypatch: pytest.MonkeyPatch):
    """The database is away between 250 and `sent`: the mark is tried until it holds.

    By then the lease is over, and this courier itself must not take the mail up again.
    """
    monkeypatch.setattr(courier_module, "PATIENCE_SECONDS", 0.005)

    async def scene(database: Database, server: Server) -> None:
        transact, failures = database.transact, iter([True, True, True])

        async def failing(work: Any) -> Any:
            if server.mails and next(failures, False):
                for commit_of_somebody_else in database._listeners:
                    commit_of_somebody_else()
                raise StorageUnavailable
            return await transact(work)

        await queue(database, "a@example.org")
        monkeypatch.setattr(database, "transact", failing)

        def clock() -> datetime:
            return now() + timedelta(seconds=40 * len(server.mails))

        async with server.listening() as port, courier(database, port, clock=clock):
            await settled(database, "sent")
        assert next(failures, False) is False
        assert server.recipients == ["a@example.org"]

    play(scene)


def test_an_outbox_that_cannot_be_written_is_tried_ever_less_often(
    play: Any, monkeypatch: pytest.MonkeyPatch
):
    """A full disk is read and not written: each try would connect, and log, without a pause."""
    rested: list[int] = []
    monkeypatch.setattr(courier_module, "backoff_seconds", lambda failures: rested.append(failures) or 0.001)

    async def scene(database: Database, server: Server) -> None:
        transact, is_mended = database.transact, asyncio.Event()

        async def refusing(work: Any) -> Any:
            if len(rested) < 4:
                raise StorageUnavailable
            is_mended.set()
            return await transact(work)

        await queue(database, "a@example.org")
        monkeypatch.setattr(database, "transact", refusing)
        async with server.listening() as port, courier(database, port):
            async with asyncio.timeout(5):
                await is_mended.wait()
            await settled(database, "sent")

    play(scene)
    assert rested == [1, 2, 3, 4]


def test_one_delivery_after_an_outage_makes_all_delayed_mails_due(play: Any, monkeypatch: pytest.MonkeyPatch):
    """Those that lost their connection need not sit out their own delays."""
    monkeypatch.setattr("apps.mail.delivery.FIRST_DELAY_SECONDS", 300.0)

    async def scene(database: Database, server: Server) -> None:
        for name in ("a", "b"):
            await queue(database, f"{name}@example.org")
        async with server.listening() as port, courier(database, port):

            async def are_delayed() -> bool:
                return {row.last_error for row in (await rows(database)).values()} == {"SMTP_CONNECTION_LOST"}

            await eventually(are_delayed, database)
            server.replies.clear()
            await queue(database, "c@example.org")
            await settled(database, "sent", "sent", "sent")

    def short_sight(mail: OutboxMail, at: Any) -> bool:
        return mail.next_attempt_at <= at

    # Five minutes ahead would otherwise be taken for a clock that was set back.
    monkeypatch.setattr(OutboxMail, "is_due", short_sight)
    play(scene, **{"a_DATA": "cut", "b_DATA": "cut"})
