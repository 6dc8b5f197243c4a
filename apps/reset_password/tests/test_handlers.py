"""Asking for a link, looking at one, choosing a password, and what is written by each."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from apps.auth import tokens
from apps.auth.tokens import SigningKey, generate_private_pem
from apps.reset_password import handlers
from apps.reset_password.domain import LinkExpired, LoginRequired
from apps.reset_password.handlers import LinkInvalid, TokenRefused
from apps.reset_password.tables import audit, outbox, reset_links, users
from apps.reset_password.tests.desk import ADA, KEY, LOGIN_KEY, NOBODY, Desk, refused, with_desk
from apps.web.settings import Secret


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
