"""A new password: what makes a link good, what uses it up, and what it ends."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from apps.auth import tokens
from apps.reset_password.domain import LinkUsed, PasswordRefused
from apps.reset_password.tables import audit, outbox, reset_links
from apps.reset_password.tests.desk import ADA, KEY, NEW, Desk, refused, with_desk
from apps.web.refusals import Overloaded
from apps.web.tests.doubles import cheap_hash


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
