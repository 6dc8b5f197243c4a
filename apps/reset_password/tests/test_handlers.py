"""Asking for a link, looking at one, choosing a password, and what is written by each."""

import asyncio
import json
from collections.abc import Awaitable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from apps.auth import tokens
from apps.auth.errors import Refusal
from apps.auth.tokens import SigningKey, generate_private_pem
from apps.reset_password import handlers
from apps.reset_password.domain import LinkExpired, LinkUsed, LoginRequired, PasswordRefused
from apps.reset_password.handlers import LinkInvalid, TokenRefused
from apps.reset_password.tables import audit, outbox, reset_links, users
from apps.reset_password.tests.desk import ADA, KEY, LOGIN_KEY, NEW, NOBODY, Desk, with_desk
from apps.web.refusals import Overloaded
from apps.web.settings import Secret
from apps.web.tests.doubles import cheap_hash


async def refused(attempt: Awaitable[Any]) -> type[Refusal]:
    with pytest.raises(Refusal) as refusal:
        await attempt
    return type(refusal.value)


def test_asking_for_a_link(tmp_path: Path) -> None:
    """One row, one mail to the stored address that holds no token, and one audit row."""

    async def story(desk: Desk) -> None:
        await desk.request_link()
        (link,) = await desk.rows(reset_links)
        assert (link.user_id, link.pw_version, link.used_at, link.killed_at) == (7, 1, None, None)
        assert link.expires_at - link.created_at == timedelta(seconds=1800)
        (mail,) = await desk.rows(outbox)
        assert (mail.kind, mail.recipient, mail.expires_at) == ("reset", ADA, link.expires_at)
        assert "eyJ" not in mail.params
        assert json.loads(mail.params)["token_id"] == link.id
        (event,) = await desk.rows(audit)
        assert (event.event, event.user_id, event.request_id) == ("RESET_REQUESTED", 7, "request-1")

    with_desk(tmp_path, story)


def test_the_letter_with_the_link(tmp_path: Path) -> None:
    """Its address comes from the settings, its token from the queued claims, its end is told."""

    async def story(desk: Desk) -> None:
        await desk.request_link()
        (letter,) = await desk.letters()
        (link,) = await desk.rows(reset_links)
        assert letter.button is not None
        base, _, token = letter.button.url.partition("?token=")
        assert base == "https://accounts.example.org/api/v1/dev/confirmPWreset"
        claims = tokens.read(tokens.RESET, KEY.public_keys(), token, now=desk.clock.now)
        assert (claims.token_id, claims.user_id, claims.email, claims.pw_version) == (link.id, 7, ADA, 1)
        assert claims.expires_at == link.expires_at
        assert "24 November 2026, 12:30 UTC" in " ".join(letter.closing)

    with_desk(tmp_path, story)


def test_whom_no_link_is_mailed(tmp_path: Path) -> None:
    """Unknown, logged out, expired, outdated, forged, another's, of another purpose: all alike."""

    async def story(desk: Desk) -> None:
        receipts = {
            "never logged in, or logged out": None,
            "expired": desk.issue(tokens.RECEIPT, seconds=1),
            "of another key": desk.issue(tokens.RECEIPT, key=SigningKey.from_pem(generate_private_pem())),
            "of another user": desk.issue(tokens.RECEIPT, 8),
            "of another purpose": desk.issue(tokens.SESSION),
            "of an older password": desk.issue(tokens.RECEIPT, pw_version=1),
            "garbage": "x",
        }
        await desk.set_user(pw_version=2)
        desk.clock.advance(1)
        costs = set()
        for receipt in receipts.values():
            await desk.set_user(auth_token=receipt)
            desk.database.counters.clear()
            assert await refused(desk.request_link()) is LoginRequired
            costs.add(tuple(sorted(desk.database.counters.items())))
        desk.database.counters.clear()
        assert await refused(desk.request_link(NOBODY)) is LoginRequired
        costs.add(tuple(sorted(desk.database.counters.items())))
        assert costs == {(("commits", 1), ("statements", 2))}
        assert not await desk.rows(outbox)
        assert not await desk.rows(reset_links)
        assert {event.event for event in await desk.rows(audit)} == {"RESET_REFUSED"}

    with_desk(tmp_path, story)


def test_a_chosen_password_ends_the_receipt_at_once(tmp_path: Path) -> None:
    """Before sign-up has applied it, and before login has cleared anything."""

    async def story(desk: Desk) -> None:
        token = await desk.new_link()
        await desk.choose(token)
        assert await refused(desk.request_link()) is LoginRequired
        await desk.set_user(pw_version=2, auth_token=desk.issue(tokens.RECEIPT, pw_version=2))
        await desk.request_link()

    with_desk(tmp_path, story)


def test_silent_answers(tmp_path: Path) -> None:
    """Nobody is refused, and nobody who is not logged in is mailed."""

    async def story(desk: Desk) -> None:
        await desk.request_link(NOBODY)
        await desk.set_user(auth_token=None)
        await desk.request_link()
        assert not await desk.rows(outbox)
        assert await refused(desk.request_link(session="x")) is TokenRefused

    with_desk(tmp_path, story, reset_answers="silent")


def test_the_session_that_may_come_along(tmp_path: Path) -> None:
    """This account's, of its newest password, or the request is refused and nothing is written."""

    async def story(desk: Desk) -> None:
        await desk.sink(8, "bob@example.org")
        await desk.set_user(pw_version=2, auth_token=desk.issue(tokens.RECEIPT, pw_version=2))
        bad = [
            "",
            "x.y.z",
            desk.issue(tokens.RECEIPT, pw_version=2),
            desk.issue(tokens.SESSION, pw_version=1),
            desk.issue(tokens.SESSION, 8, "bob@example.org", pw_version=2),
            desk.issue(tokens.SESSION, 8, pw_version=2),
            desk.issue(tokens.SESSION, pw_version=2, key=KEY),
        ]
        for session in bad:
            assert await refused(desk.request_link(session=session)) is TokenRefused
        expiring = desk.issue(tokens.SESSION, pw_version=2, seconds=1)
        desk.clock.advance(1)
        assert await refused(desk.request_link(session=expiring)) is TokenRefused
        assert await refused(desk.request_link(NOBODY, session=desk.issue(tokens.SESSION))) is TokenRefused
        assert not await desk.rows(audit)
        await desk.request_link(session=desk.issue(tokens.SESSION, pw_version=2))
        assert len(await desk.rows(outbox)) == 1

    with_desk(tmp_path, story)


def test_past_the_mail_limit_nothing_is_sent(tmp_path: Path) -> None:
    """And nothing is told; parallel requests cannot outrun the count; later there is room again."""

    async def story(desk: Desk) -> None:
        await asyncio.gather(*(desk.request_link() for _ in range(10)))
        assert len(await desk.rows(outbox)) == 3
        assert len(await desk.rows(reset_links)) == 3
        desk.clock.advance(900)
        await desk.request_link()
        assert len(await desk.rows(outbox)) == 4

    with_desk(tmp_path, story, mail_per_address=3)


def test_looking_changes_nothing(tmp_path: Path) -> None:
    """As often as a mail scanner likes."""

    async def story(desk: Desk) -> None:
        token = await desk.new_link()
        desk.database.counters.clear()
        for _ in range(3):
            claims = await desk.look_at(token)
        assert claims.expires_at == (await desk.rows(reset_links))[0].expires_at
        assert desk.database.counters["commits"] == 0
        await desk.choose(token)

    with_desk(tmp_path, story)


def test_a_new_password(tmp_path: Path) -> None:
    """Saved under the next version, sink-filled columns untouched, the link used, the owner told."""

    async def story(desk: Desk) -> None:
        token = await desk.new_link()
        before = await desk.row()
        desk.clock.advance(60)
        await desk.choose(token)
        row = await desk.row()
        assert (row.password, row.chosen_version) == (cheap_hash(NEW), 2)
        assert row.last_changed_PW == desk.clock.now
        assert (row.pw_version, row.auth_token, row.User_status) == (
            before.pw_version,
            before.auth_token,
            before.User_status,
        )
        assert (await desk.rows(reset_links))[0].used_at == desk.clock.now
        (mail,) = await desk.rows(outbox, kind="security_notice")
        assert mail.recipient == ADA
        (letter,) = await desk.letters(kind="security_notice")
        assert letter.button is None
        assert "24 November 2026, 12:01 UTC" in letter.paragraphs[0]
        assert (await desk.rows(audit))[-1].event == "PASSWORD_CHANGED"

    with_desk(tmp_path, story)


def test_versions_only_grow(tmp_path: Path) -> None:
    """The next after the newest of what sign-up has applied and what was chosen here."""

    async def story(desk: Desk) -> None:
        for applied, chosen, expected in [(1, None, 2), (2, 2, 3), (2, 3, 4), (9, 4, 10)]:
            newest = max(applied, chosen or 0)
            await desk.set_user(
                pw_version=applied,
                chosen_version=chosen,
                auth_token=desk.issue(tokens.RECEIPT, pw_version=newest),
            )
            await desk.choose(await desk.new_link())
            assert (await desk.row()).chosen_version == expected

    with_desk(tmp_path, story)


def test_a_link_works_once_and_kills_the_others(tmp_path: Path) -> None:
    """Used, killed: the same answer for both, also for a look; other users' links stay good."""

    async def story(desk: Desk) -> None:
        await desk.sink(8, "bob@example.org")
        bobs = await desk.new_link("bob@example.org")
        first, second, third = [await desk.new_link() for _ in range(3)]
        await desk.choose(second)
        for token in (first, second, third):
            assert await refused(desk.look_at(token)) is LinkUsed
            assert await refused(desk.choose(token, "another harbour")) is LinkUsed
        assert (await desk.row()).password == cheap_hash(NEW)
        states = {row.user_id: (row.used_at, row.killed_at) for row in await desk.rows(reset_links)}
        assert states[8] == (None, None)
        await desk.choose(bobs)

    with_desk(tmp_path, story)


def test_ten_uses_at_once(tmp_path: Path) -> None:
    """One link, ten passwords: one success, and that one's password is the one that is saved."""

    async def story(desk: Desk) -> None:
        token = await desk.new_link()
        passwords = [f"harbour number {n}" for n in range(10)]
        answers = await asyncio.gather(
            *(desk.choose(token, password) for password in passwords), return_exceptions=True
        )
        won = [password for password, answer in zip(passwords, answers, strict=True) if answer is None]
        assert len(won) == 1
        assert {type(answer) for answer in answers if answer is not None} == {LinkUsed}
        row = await desk.row()
        assert (row.password, row.chosen_version) == (cheap_hash(won[0]), 2)
        assert len(await desk.rows(outbox, kind="security_notice")) == 1

    with_desk(tmp_path, story)


def test_five_links_at_once(tmp_path: Path) -> None:
    """Each kills the others, so one of them wins."""

    async def story(desk: Desk) -> None:
        links = [await desk.new_link() for _ in range(5)]
        answers = await asyncio.gather(*(desk.choose(link) for link in links), return_exceptions=True)
        assert sorted(str(answer) for answer in answers) == ["LINK_USED"] * 4 + ["None"]

    with_desk(tmp_path, story)


def test_a_link_of_an_older_version_is_dead(tmp_path: Path) -> None:
    """However the newer password came about."""

    async def story(desk: Desk) -> None:
        token = await desk.new_link()
        await desk.set_user(pw_version=2)
        assert await refused(desk.choose(token)) is LinkUsed

    with_desk(tmp_path, story)


def test_a_link_expires(tmp_path: Path) -> None:
    """At its time, used or not; nothing is written."""

    async def story(desk: Desk) -> None:
        token = await desk.new_link()
        (link,) = await desk.rows(reset_links)
        desk.clock.now = link.expires_at
        assert await refused(desk.look_at(token)) is LinkExpired
        assert await refused(desk.choose(token)) is LinkExpired
        assert (await desk.row()).password is None
        assert not desk.hashes.counts["done"]

    with_desk(tmp_path, story)


def test_what_is_no_link(tmp_path: Path) -> None:
    """Forged, respelled, of another purpose, unknown, another user's, missing, of a user who is gone."""

    async def story(desk: Desk) -> None:
        token = await desk.new_link()
        (link,) = await desk.rows(reset_links)
        other = SigningKey.from_pem(generate_private_pem())
        bad = [
            None,
            "",
            "x.y.z",
            token + "=",
            desk.issue(tokens.RESET, key=other, token_id=link.id),
            desk.issue(tokens.RESET, key=LOGIN_KEY, token_id=link.id),
            desk.issue(tokens.SESSION, key=KEY, token_id=link.id),
            desk.issue(tokens.RESET, key=KEY, token_id="unknown"),
            desk.issue(tokens.RESET, 8, key=KEY, token_id=link.id),
        ]
        for forged in bad:
            assert await refused(desk.look_at(forged)) is LinkInvalid
        await desk.write(sa.delete(users))
        assert await refused(desk.choose(token)) is LinkInvalid
        assert not desk.hashes.counts["done"]

    with_desk(tmp_path, story)


def test_a_refused_password_uses_nothing_up(tmp_path: Path) -> None:
    """Every rule of the profile holds here as at sign-up; nothing is hashed for a refused one."""

    async def story(desk: Desk) -> None:
        token = await desk.new_link()
        for password, code in [
            ("short", "PASSWORD_TOO_SHORT"),
            ("x" * 257, "PASSWORD_TOO_LONG"),
            (f"my {ADA} password", "PASSWORD_CONTAINS_EMAIL"),
            ("a line\nbreak in it", "FIELD_INVALID"),
        ]:
            with pytest.raises(PasswordRefused) as refusal:
                await desk.choose(token, password)
            assert [(error.pointer, error.code) for error in refusal.value.errors] == [("/password", code)]
        assert not desk.hashes.counts["done"]
        assert (await desk.rows(reset_links))[0].used_at is None
        await desk.choose(token)

    with_desk(tmp_path, story)


def test_an_overloaded_hash_pool_uses_nothing_up(tmp_path: Path) -> None:
    """The same link works a moment later."""

    async def story(desk: Desk) -> None:
        token = await desk.new_link()
        hash_at_once = desk.hashes.run

        async def refuse(*_: Any) -> Any:
            raise Overloaded(retry_after_seconds=1)

        desk.hashes.run = refuse  # type: ignore[method-assign]
        assert await refused(desk.choose(token)) is Overloaded
        desk.hashes.run = hash_at_once  # type: ignore[method-assign]
        await desk.choose(token)

    with_desk(tmp_path, story)


def test_notices_keep_to_the_mail_limit(tmp_path: Path) -> None:
    """The password is changed all the same."""

    async def story(desk: Desk) -> None:
        for version in (1, 2):
            await desk.set_user(pw_version=version, auth_token=desk.issue(tokens.RECEIPT, pw_version=version))
            await desk.request_link()
            (link,) = [row for row in await desk.rows(reset_links) if row.used_at is None]
            token = desk.issue(tokens.RESET, key=KEY, token_id=link.id, pw_version=version)
            await desk.choose(token)
            desk.clock.advance(450 if version == 2 else 0)
            await desk.write(sa.update(outbox).where(outbox.c.kind == "reset").values(kind="counted"))
        assert (await desk.row()).chosen_version == 3
        assert len(await desk.rows(outbox, kind="security_notice")) == 1

    with_desk(tmp_path, story, mail_per_address=1)


def test_keys_of_login_may_overlap(tmp_path: Path) -> None:
    """While login replaces its key, receipts of both are accepted."""

    async def story(desk: Desk) -> None:
        newer = SigningKey.from_pem(generate_private_pem())
        both = Secret(LOGIN_KEY.public_pem + newer.public_pem)
        desk.settings = type(desk.settings)(**{**vars(desk.settings), "login_public_keys": both})
        await desk.request_link()
        await desk.set_user(auth_token=desk.issue(tokens.RECEIPT, key=newer))
        await desk.request_link()
        assert len(await desk.rows(outbox)) == 2

    with_desk(tmp_path, story)


def test_old_audit_rows_are_swept(tmp_path: Path) -> None:
    """After 90 days and not before."""

    async def story(desk: Desk) -> None:
        await desk.request_link()
        desk.clock.now += timedelta(days=90)
        await handlers.sweep(ports=desk.ports)
        assert len(await desk.rows(audit)) == 1
        desk.clock.advance(1)
        await handlers.sweep(ports=desk.ports)
        assert not await desk.rows(audit)

    with_desk(tmp_path, story)


def test_old_links_are_forgotten(tmp_path: Path) -> None:
    """A day after their end; what is left of them is a token that has expired."""

    async def story(desk: Desk) -> None:
        token = await desk.new_link()
        (link,) = await desk.rows(reset_links)
        desk.clock.now = link.expires_at + timedelta(days=1)
        await handlers.sweep(ports=desk.ports)
        assert len(await desk.rows(reset_links)) == 1
        desk.clock.advance(1)
        await handlers.sweep(ports=desk.ports)
        assert not await desk.rows(reset_links)
        assert await refused(desk.look_at(token)) is LinkExpired

    with_desk(tmp_path, story)
