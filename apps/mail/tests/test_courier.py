"""Mails go out at once, each of them once, and no mail or server holds up another mail."""

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

from apps.mail import courier as courier_module
from apps.mail import delivery
from apps.mail.letters import Letter
from apps.mail.outbox import OutboxMail
from apps.mail.tests.postroom import (
    OUTBOX,
    Server,
    compose,
    courier,
    database,
    eventually,
    in_seconds,
    now,
    queue,
    rows,
    settled,
)
from apps.storage.database import Database


def test_a_mail_goes_out_when_its_transaction_commits(play: Any):
    """The courier idles for 30 s: only the commit can have woken it."""

    async def scene(database: Database, server: Server) -> None:
        async with server.listening() as port, courier(database, port) as at_work:
            await queue(database, "first@example.org")
            await settled(database, "sent")
            await queue(database, "second@example.org")
            row = (await settled(database, "sent", "sent"))["second@example.org"]
        assert server.recipients == ["first@example.org", "second@example.org"]
        assert (row.params, row.leased_until, row.last_error, row.attempts) == (None, None, None, 1)
        assert row.sent_at >= row.created_at
        assert server.mails[1]["Message-ID"] == f"<{row.message_id}@quartet.example>"
        text = server.mails[1].get_body(("plain",)).get_content()
        assert "http://localhost:4000/confirm?token=secret-of-second" in text.splitlines()
        assert at_work.counts == {"sent": 2, "failed": 0, "abandoned": 0}

    play(scene)


def test_mails_queued_before_the_start_go_out(play: Any):
    """A service may have been stopped right after its answer. In any order: batches go side by side."""

    async def scene(database: Database, server: Server) -> None:
        for number in range(45):
            await queue(database, f"u{number}@example.org")
        async with server.listening() as port, courier(database, port):
            await settled(database, *["sent"] * 45)
        assert sorted(server.recipients) == sorted(f"u{number}@example.org" for number in range(45))

    play(scene)


@pytest.mark.parametrize("stage", ["RCPT", "DATA"])
def test_a_refused_mail_is_abandoned_and_only_that_one(play: Any, stage: str):
    """5xx is about this mail: its params are forgotten, its reason is kept without the address."""

    async def scene(database: Database, server: Server) -> None:
        for name in ("good", "bad", "fine"):
            await queue(database, f"{name}@example.org")
        async with server.listening() as port, courier(database, port) as at_work:
            found = await settled(database, "sent", "abandoned", "sent")
        bad = found["bad@example.org"]
        assert (bad.params, bad.last_error, bad.attempts) == (None, "550 5.1.1", 1)
        assert at_work.counts == {"sent": 2, "failed": 0, "abandoned": 1}

    play(scene, **{f"bad_{stage}": "550 5.1.1 <bad@example.org> is unknown"})


def test_an_expired_mail_is_abandoned_even_without_a_server(play: Any):
    """A link that is dead already helps nobody."""

    async def scene(database: Database, server: Server) -> None:
        async with server.listening() as port:
            pass
        await queue(database, "late@example.org", expires_at=now() + timedelta(seconds=5))
        await queue(database, "good@example.org", expires_at=now() + timedelta(hours=1))
        async with courier(database, port, clock=in_seconds(6)):
            found = await settled(database, "abandoned", "queued")
        late = found["late@example.org"]
        assert (late.params, late.last_error, late.attempts) == (None, "EXPIRED", 0)

    play(scene)


def test_a_letter_that_cannot_be_written_holds_up_no_other(play: Any):
    """A bug in the words costs a delay, not the mail."""

    async def scene(database: Database, server: Server) -> None:
        is_mended = False

        def compose_with_bug(mail: OutboxMail) -> Letter:
            if mail.recipient == "bad@example.org" and not is_mended:
                raise KeyError("template")
            return compose(mail)

        for name in ("bad", "good"):
            await queue(database, f"{name}@example.org")
        async with server.listening() as port, courier(database, port, compose=compose_with_bug):
            found = await settled(database, "queued", "sent")
            assert found["bad@example.org"].last_error == "COMPOSE_FAILED"
            is_mended = True
            await settled(database, "sent", "sent")

    play(scene)


def test_several_couriers_send_each_mail_once(play: Any, tmp_path: Path):
    """They race for every mail, from pools of their own, as processes would."""

    async def scene(first: Database, server: Server) -> None:
        names = [f"u{number}@example.org" for number in range(60)]
        for name in names:
            await queue(first, name)
        async with AsyncExitStack() as stack:
            port = await stack.enter_async_context(server.listening())
            others = [await stack.enter_async_context(database(tmp_path)) for _ in range(3)]
            couriers = [await stack.enter_async_context(courier(other, port)) for other in (first, *others)]
            await stack.enter_async_context(asyncio.timeout(20))

            async def is_done() -> bool:
                return all(row.state == "sent" for row in (await rows(first)).values())

            await eventually(is_done, first, *others)
            assert sum(at_work.counts["sent"] for at_work in couriers) == 60
        assert sorted(server.recipients) == sorted(names)

    play(scene)


def test_a_lease_is_renewed_before_a_mail_could_outlive_it(play: Any):
    """A long batch at a slow server stays this courier's to its end."""

    async def scene(database: Database, server: Server) -> None:
        def clock() -> datetime:
            return now() + timedelta(seconds=10 * len(server.mails))

        for name in ("a", "b", "slow"):
            await queue(database, f"{name}@example.org")
        async with server.listening() as port, courier(database, port, clock=clock):
            async with asyncio.timeout(5):
                await server.is_stalling.wait()
            row, deadline = (await rows(database))["slow@example.org"], clock() + timedelta(seconds=5)
            server.released.set()
        assert (row.state, row.attempts) == ("processing", 1)
        assert row.leased_until == row.next_attempt_at
        assert row.leased_until > deadline

    play(scene, slow_DATA="stall")


def test_a_courier_killed_before_the_mark_sends_at_most_one_duplicate(play: Any, tmp_path: Path):
    """kill -9 between the server's 250 and `sent`: once more, with the same Message-ID."""
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from apps.mail.tests.postroom import courier, database\n"
        "async def main():\n"
        "    async with database(Path(sys.argv[1])) as opened, courier(opened, int(sys.argv[2])):\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )

    async def scene(database: Database, server: Server) -> None:
        await queue(database, "a@example.org")
        async with server.listening() as port:
            child = await asyncio.create_subprocess_exec(sys.executable, "-c", script, tmp_path, str(port))
            server.on_mail = lambda: os.kill(child.pid, signal.SIGKILL)
            async with asyncio.timeout(20):
                assert await child.wait() == -signal.SIGKILL
            server.on_mail = None
            assert (await rows(database))["a@example.org"].state == "processing"
            async with courier(database, port):
                # Its lease is not over: nobody can know yet that it is dead.
                await queue(database, "b@example.org")
                await settled(database, "processing", "sent")
            async with courier(database, port, clock=in_seconds(31)):
                await settled(database, "sent", "sent")
        assert server.recipients == ["a@example.org", "b@example.org", "a@example.org"]
        assert server.mails[0]["Message-ID"] == server.mails[2]["Message-ID"]
        assert server.mails[0].as_bytes() == server.mails[2].as_bytes().replace(
            server.mails[2].get_boundary("").encode(), server.mails[0].get_boundary("").encode()
        )

    play(scene)


def test_a_stopped_courier_ends_what_is_under_way_and_gives_back_the_rest(play: Any):
    """The mail that the server is taking is marked; the others need not wait for the lease to end."""

    async def scene(database: Database, server: Server) -> None:
        for name in ("slow", "next"):
            await queue(database, f"{name}@example.org")
        async with server.listening() as port:
            async with courier(database, port):
                async with asyncio.timeout(5):
                    await server.is_stalling.wait()
                asyncio.get_running_loop().call_later(0.05, server.released.set)
            found = await rows(database)
        assert [row.state for row in found.values()] == ["sent", "queued"]
        behind = found["next@example.org"]
        assert (behind.leased_until, behind.next_attempt_at) == (None, behind.created_at)

    play(scene, slow_DATA="stall")


def test_a_clock_that_was_set_back_stops_no_mail(play: Any):
    """No delay is longer than seconds, so a time an hour ahead is not a delay."""

    async def scene(database: Database, server: Server) -> None:
        await queue(database, "a@example.org", at=now() + timedelta(hours=1))
        async with server.listening() as port, courier(database, port):
            await settled(database, "sent")

    play(scene)


def test_old_mails_are_trimmed_and_the_limit_keeps_its_window(play: Any):
    """After 30 days; rows that wait are never deleted, however old."""

    async def scene(database: Database, server: Server) -> None:
        async with server.listening() as port, courier(database, port):
            await queue(database, "old@example.org", at=now() - timedelta(days=31))
            await settled(database, "abandoned")
        async with server.listening() as port:
            async with courier(database, port, clock=in_seconds(29 * 86400)):
                await queue(database, "new@example.org", at=now() + timedelta(days=29))
                await settled(database, "abandoned", "sent")
            async with courier(database, port, clock=in_seconds(31 * 86400)):
                await settled(database, "sent")

    play(scene)


def test_no_address_and_no_link_is_logged(play: Any, monkeypatch: pytest.MonkeyPatch):
    """Whatever goes wrong, logs hold ids, masked addresses and codes."""

    async def scene(database: Database, server: Server) -> None:
        logs = LogCapture()
        # A logger of its own: what the process has configured, and another test needs, stays as it is.
        for module in (courier_module, delivery):
            monkeypatch.setattr(module, "_log", structlog.wrap_logger(None, processors=[logs]))
        for name in ("refused", "greylisted", "cut"):
            await queue(database, f"{name}@example.org")
        async with server.listening() as port, courier(database, port):
            await settled(database, "abandoned", "queued", "queued")
        assert {line["event"] for line in logs.entries} >= {"mail abandoned", "mail delayed"}
        for word in ("refused@", "greylisted@", "cut@", "secret-of", "token="):
            assert word not in repr(logs.entries)

    play(
        scene,
        refused_RCPT="550 5.1.1 <refused@example.org> unknown",
        greylisted_RCPT="451 <greylisted@example.org> later",
        cut_DATA="cut",
    )


def test_a_rolled_back_transaction_sends_nothing(play: Any):
    """The mail belongs to the change that owes it."""

    async def scene(database: Database, server: Server) -> None:
        async def work(connection: Any) -> None:
            await connection.execute(OUTBOX.select())
            raise RuntimeError("the change failed")

        async with server.listening() as port, courier(database, port):
            with pytest.raises(RuntimeError):
                await database.transact(work)
            await queue(database, "a@example.org")
            await settled(database, "sent")
        assert server.recipients == ["a@example.org"]

    play(scene)
