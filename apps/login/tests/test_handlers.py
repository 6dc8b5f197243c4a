"""Logging in, failing, being suspended, and what is written by each."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from apps.auth.addresses import address_key
from apps.auth.errors import Refusal
from apps.login import handlers
from apps.login.app import TEMPLATES
from apps.login.domain import AccountInactive, LoginFailed, TooFast
from apps.login.tables import (
    audit,
    login_attempts,
    login_failures,
    outbox,
    sessions,
    suspended_users,
    users,
)
from apps.login.tests.desk import ADA, NOBODY, RIGHT, WRONG, Desk, session_of, with_desk
from apps.mail.outbox import OutboxMail
from apps.mail.wording import Wording


async def refused(attempt: Awaitable[Any]) -> type[Refusal]:
    with pytest.raises(Refusal) as refusal:
        await attempt
    return type(refusal.value)


async def fail(desk: Desk, times: int, email: str = ADA) -> None:
    """Wrong passwords, each after the wait that a failure asks for."""
    for _ in range(times):
        assert await refused(desk.log_in(email, WRONG)) is LoginFailed
        desk.clock.advance(5)


async def cost(desk: Desk, attempt: Awaitable[Any]) -> Counter[str]:
    """Statements, commits and hashes of one refused attempt."""
    before = Counter(desk.database.counters) + Counter(desk.hashes.counts)
    assert await refused(attempt) is LoginFailed
    return (Counter(desk.database.counters) + Counter(desk.hashes.counts)) - before


def test_a_login(tmp_path: Path) -> None:
    """One session, its receipt on the user, one audit row; token and receipt say the same."""

    async def story(desk: Desk) -> None:
        claims = session_of(await desk.log_in(), desk.clock)
        receipt = await desk.receipt()
        assert receipt is not None
        assert (claims.user_id, claims.email, claims.pw_version) == (7, ADA, 1)
        assert claims == receipt
        (session,) = await desk.rows(sessions)
        assert (session.id, session.user_id, session.pw_version) == (claims.token_id, 7, 1)
        assert session.issued_at == desk.clock.now
        assert session.expires_at == claims.expires_at
        assert claims.expires_at - claims.issued_at == timedelta(seconds=172800)
        (event,) = await desk.rows(audit)
        assert (event.event, event.user_id, event.client, event.request_id) == (
            "LOGGED_IN",
            7,
            "127.0.0.1",
            "request-1",
        )

    with_desk(tmp_path, story)


def test_a_login_costs_one_hash_one_commit_and_four_statements(tmp_path: Path) -> None:
    """Whatever more it did, logins a second would fall short of the hash bound."""

    async def story(desk: Desk) -> None:
        desk.database.counters.clear()
        await desk.log_in()
        assert desk.database.counters == {"statements": 4, "commits": 1}
        assert desk.hashes.counts["done"] == 1

    with_desk(tmp_path, story)


def test_every_failure_costs_the_same(tmp_path: Path) -> None:
    """Unknown, wrong, INACTIVE and wrong, suspended with either password: equal work."""

    async def story(desk: Desk) -> None:
        await desk.sink(8, "inactive@example.org", User_status="INACTIVE")
        await desk.sink(9, "suspended@example.org")
        await fail(desk, 5, "suspended@example.org")
        costs = [
            await cost(desk, desk.log_in(email, password))
            for email, password in [
                (NOBODY, RIGHT),
                (ADA, WRONG),
                ("inactive@example.org", WRONG),
                ("suspended@example.org", WRONG),
            ]
        ]
        desk.clock.advance(5)
        costs += [
            await cost(desk, desk.log_in(email, password))
            for email, password in [(NOBODY, WRONG), (ADA, WRONG), ("suspended@example.org", RIGHT)]
        ]
        assert costs == [Counter(statements=5, commits=1, done=1)] * 7

    with_desk(tmp_path, story)


def test_too_fast_after_a_failure(tmp_path: Path) -> None:
    """For the same address, known or not, and the same client; not hashed, not counted, not prolonged."""

    async def story(desk: Desk) -> None:
        for email in (ADA, NOBODY):
            assert await refused(desk.log_in(email, WRONG)) is LoginFailed
        desk.clock.advance(3.2)
        desk.hashes.counts.clear()
        for email in (ADA, NOBODY):
            with pytest.raises(TooFast) as too_fast:
                await desk.log_in(email, RIGHT)
            assert too_fast.value.retry_after_seconds == 2
        assert not desk.hashes.counts
        assert (await desk.rows(login_failures))[0].failures == 1
        assert await desk.log_in(client="127.0.0.2")
        desk.clock.advance(1.8)
        assert await desk.log_in()

    with_desk(tmp_path, story)


def test_no_wait_where_it_is_switched_off(tmp_path: Path) -> None:
    """LOGIN_RETRY_SECONDS=0."""

    async def story(desk: Desk) -> None:
        assert await refused(desk.log_in(ADA, WRONG)) is LoginFailed
        assert await desk.log_in()

    with_desk(tmp_path, story, login_retry_seconds=0)


def test_an_attempt_keeps_no_address(tmp_path: Path) -> None:
    """What is kept of an unknown address is a digest, once for each client."""

    async def story(desk: Desk) -> None:
        await fail(desk, 2, NOBODY)
        await refused(desk.log_in(NOBODY, WRONG, client="::1"))
        first, second = await desk.rows(login_attempts)
        assert {first.client, second.client} == {"127.0.0.1", "::1"}
        assert first.address_key == second.address_key == address_key(NOBODY)
        assert not await desk.rows(login_failures)

    with_desk(tmp_path, story)


def test_an_inactive_account(tmp_path: Path) -> None:
    """Only the right password tells; it ends the count of failures, and nobody has to wait."""

    async def story(desk: Desk) -> None:
        await desk.sink_anew(User_status="INACTIVE")
        await fail(desk, 4)
        assert await refused(desk.log_in()) is AccountInactive
        assert await refused(desk.log_in()) is AccountInactive
        assert not await desk.rows(sessions)
        assert not await desk.rows(login_failures)
        await fail(desk, 1)
        await desk.set_user(User_status="ACTIVE")
        assert await desk.log_in()

    with_desk(tmp_path, story)


def test_a_success_ends_the_row_of_failures(tmp_path: Path) -> None:
    """Four and four are not five in a row."""

    async def story(desk: Desk) -> None:
        await fail(desk, 4)
        await desk.log_in()
        await fail(desk, 4)
        assert not await desk.rows(suspended_users)
        assert await desk.log_in()

    with_desk(tmp_path, story)


def test_the_fifth_failure_suspends(tmp_path: Path) -> None:
    """A row with its end and version, one mail without a token, and nobody new gets in; the status stays."""

    async def story(desk: Desk) -> None:
        token = await desk.log_in()
        await fail(desk, 4)
        assert not await desk.rows(suspended_users)
        suspended_at = desk.clock.now
        await fail(desk, 1)
        (row,) = await desk.rows(suspended_users)
        assert (row.email, row.user_id, row.reason, row.pw_version) == (ADA, 7, "TOO_MANY_FAILURES", 1)
        assert row.suspended_at == suspended_at
        assert row.suspended_until == suspended_at + timedelta(seconds=1800)
        assert row.lifted_at is None
        (mail,) = await desk.rows(outbox)
        assert (mail.kind, mail.recipient) == ("security_notice", ADA)
        assert "eyJ" not in mail.params
        assert await refused(desk.log_in()) is LoginFailed
        assert (await desk.row()).User_status == "ACTIVE"
        assert await desk.is_live(token)
        assert [event.event for event in await desk.rows(audit)].count("SUSPENDED") == 1

    with_desk(tmp_path, story)


def test_failures_while_suspended_count_for_nothing(tmp_path: Path) -> None:
    """They neither prolong the suspension nor begin the next one."""

    async def story(desk: Desk) -> None:
        await fail(desk, 12)
        (row,) = await desk.rows(suspended_users)
        desk.clock.now = row.suspended_until
        assert await desk.log_in()
        assert len(await desk.rows(outbox)) == 1

    with_desk(tmp_path, story)


def test_a_suspension_ends_by_time(tmp_path: Path) -> None:
    """To the microsecond, swept or not; the sweeper writes down when."""

    async def story(desk: Desk) -> None:
        await fail(desk, 5)
        (row,) = await desk.rows(suspended_users)
        desk.clock.now = row.suspended_until - timedelta(microseconds=1)
        await desk.sweep()
        assert await refused(desk.log_in(client="::1")) is LoginFailed
        desk.clock.advance(0.000001)
        assert await desk.log_in()
        await desk.sweep()
        (row,) = await desk.rows(suspended_users)
        assert row.lifted_at == desk.clock.now

    with_desk(tmp_path, story)


def test_a_suspension_ends_by_a_newer_password(tmp_path: Path) -> None:
    """At once, as soon as the version is here; the new password can be suspended anew."""

    async def story(desk: Desk) -> None:
        await fail(desk, 5)
        await desk.set_user(pw_version=2)
        assert await desk.log_in()
        await desk.sweep()
        (row,) = await desk.rows(suspended_users)
        assert row.lifted_at == desk.clock.now
        await fail(desk, 5)
        assert [row.pw_version for row in await desk.rows(suspended_users)] == [1, 2]
        assert await refused(desk.log_in()) is LoginFailed

    with_desk(tmp_path, story)


def test_twenty_wrong_tries_at_once_suspend_once(tmp_path: Path) -> None:
    """The counter is exact, and those that come after the fifth start no second count."""

    async def story(desk: Desk) -> None:
        tries = [refused(desk.log_in(ADA, WRONG)) for _ in range(20)]
        assert set(await asyncio.gather(*tries)) == {LoginFailed}
        assert len(await desk.rows(suspended_users)) == 1
        assert len(await desk.rows(outbox)) == 1
        assert not await desk.rows(login_failures)
        assert await refused(desk.log_in()) is LoginFailed

    with_desk(tmp_path, story, login_retry_seconds=0)


def test_a_right_guess_loses_to_a_suspension_during_its_hash(tmp_path: Path) -> None:
    """What was judged before the hash is judged again by the write."""

    async def story(desk: Desk) -> None:
        hash_at_once = desk.hashes.run

        async def hash_slowly(*args: Any) -> Any:
            desk.hashes.run = hash_at_once  # type: ignore[method-assign]
            for _ in range(5):
                assert await refused(desk.log_in(ADA, WRONG)) is LoginFailed
            return await hash_at_once(*args)

        desk.hashes.run = hash_slowly  # type: ignore[method-assign]
        assert await refused(desk.log_in()) is LoginFailed
        assert not await desk.rows(sessions)
        assert (await desk.row()).auth_token is None

    with_desk(tmp_path, story, login_retry_seconds=0)


def test_an_old_password_loses_to_a_newer_one_during_its_hash(tmp_path: Path) -> None:
    """A reset that arrives meanwhile wins."""

    async def story(desk: Desk) -> None:
        hash_at_once = desk.hashes.run

        async def hash_slowly(*args: Any) -> Any:
            await desk.set_user(password="another", pw_version=2)
            return await hash_at_once(*args)

        desk.hashes.run = hash_slowly  # type: ignore[method-assign]
        assert await refused(desk.log_in()) is LoginFailed
        assert not await desk.rows(sessions)

    with_desk(tmp_path, story)


def test_notices_keep_to_the_mail_limit(tmp_path: Path) -> None:
    """Past it the suspension is the same and no mail goes out."""

    async def story(desk: Desk) -> None:
        for version in (1, 2, 3):
            await desk.set_user(pw_version=version)
            await fail(desk, 5)
        assert len(await desk.rows(suspended_users)) == 3
        assert len(await desk.rows(outbox)) == 2

    with_desk(tmp_path, story, mail_per_address=2)


def test_of_two_rows_with_one_address_the_newer_counts(tmp_path: Path) -> None:
    """A deleted user's row may still be on its way out when the next one has come."""

    async def story(desk: Desk) -> None:
        await desk.sink(6, ADA, password="another")
        assert session_of(await desk.log_in(), desk.clock).user_id == 7
        assert len(await desk.rows(users)) == 2

    with_desk(tmp_path, story)


def test_the_letter_of_a_suspension(tmp_path: Path) -> None:
    """It says until when, never too early, and holds no link."""

    async def story(desk: Desk) -> None:
        desk.clock.advance(30)
        await fail(desk, 5)
        (mail,) = await desk.rows(outbox)
        values = {**mail._mapping, "params": json.loads(mail.params)}
        queued = OutboxMail(**{each.name: values[each.name] for each in fields(OutboxMail)})
        letter = handlers.compose(queued, wording=Wording(TEMPLATES))
        text = " ".join((*letter.paragraphs, *letter.closing))
        assert "5 times in a row" in text
        assert "24 November 2026, 12:31 UTC" in text
        assert letter.button is None

    with_desk(tmp_path, story)
