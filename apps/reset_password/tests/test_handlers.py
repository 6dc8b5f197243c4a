"""The use cases on a real database: who is mailed, and what a new password ends."""

import asyncio
from pathlib import Path

import pytest

from apps.auth import tokens
from apps.reset_password.domain import LinkExpired, LinkUsed, LoginRequired, PasswordRefused
from apps.reset_password.tables import audit, outbox, reset_links, users
from apps.reset_password.tests.desk import ADA, NEW, OWN_KEY, Desk, with_desk
from apps.storage.database import Database
from apps.storage.migrate import migrate, schema_difference
from apps.web.refusals import LinkInvalid, TokenRefused
from apps.web.tests.doubles import cheap_hash


def test_tables_are_those_of_the_migration(tmp_path: Path):
    """What the code reads and writes is what a migrated database has."""

    async def compare() -> list[str]:
        database = Database(f"sqlite+aiosqlite:///{tmp_path}/rpwd_db.sqlite")
        try:
            await migrate(database, "reset_password")
            return await schema_difference(database, users.metadata)
        finally:
            await database.close()

    assert asyncio.run(compare()) == []


def test_a_live_login_is_mailed_a_link(tmp_path: Path):
    """One link row and one mail to the stored address, in one commit and without a token at rest."""

    async def story(desk: Desk) -> None:
        before = desk.database.counters["commits"]
        await desk.ask()
        assert desk.database.counters["commits"] == before + 1
        (mail,) = await desk.mails("reset")
        (link,) = await desk.rows(reset_links)
        assert mail.recipient == ADA
        assert link.id in mail.params
        assert "eyJ" not in mail.params
        assert (link.expires_at - link.created_at).total_seconds() == 1800

    with_desk(tmp_path, story)


@pytest.mark.parametrize(
    "case", ["no token", "expired", "older password", "chosen since", "another's", "unknown"]
)
def test_without_a_live_login_nobody_is_mailed(tmp_path: Path, case: str):
    """Every case is the same refusal, and leaves an audit row only."""

    async def story(desk: Desk) -> None:
        email = ADA
        if case == "no token":
            await desk.set_user(auth_token=None)
        elif case == "expired":
            desk.clock.advance(3601)
        elif case == "older password":
            await desk.set_user(pw_version=2)
        elif case == "chosen since":
            await desk.set_user(chosen_version=2)
        elif case == "another's":
            await desk.set_user(auth_token=desk.token(tokens.RECEIPT, user_id=8))
        else:
            email = "nobody@example.org"
        with pytest.raises(LoginRequired):
            await desk.ask(email)
        assert await desk.rows(outbox) == []
        assert await desk.rows(reset_links) == []
        assert [row.event for row in await desk.rows(audit)] == ["RESET_REFUSED"]

    with_desk(tmp_path, story)


def test_silent_answers_tell_nobody(tmp_path: Path):
    """No refusal, and no mail either."""

    async def story(desk: Desk) -> None:
        await desk.ask("nobody@example.org")
        assert await desk.rows(outbox) == []

    with_desk(tmp_path, story, reset_answers="silent")


def test_a_session_may_come_along(tmp_path: Path):
    """One's own is good; another's, an older one, a receipt or a forged one is refused."""

    async def story(desk: Desk) -> None:
        await desk.ask(session=desk.token(tokens.SESSION))
        for bad in (
            desk.token(tokens.SESSION, user_id=8, email="bob@example.org"),
            desk.token(tokens.SESSION, user_id=8),
            desk.token(tokens.SESSION, pw_version=0 + 1, key=OWN_KEY),
            desk.token(tokens.RECEIPT),
            "not.a.token",
            "",
        ):
            with pytest.raises(TokenRefused):
                await desk.ask(session=bad)
        assert len(await desk.mails("reset")) == 1

    with_desk(tmp_path, story)


def test_the_mail_limit_changes_no_answer(tmp_path: Path):
    """Past it there is neither a mail nor a link."""

    async def story(desk: Desk) -> None:
        for _ in range(7):
            await desk.ask()
        assert len(await desk.mails("reset")) == len(await desk.rows(reset_links)) == 5
        desk.clock.advance(901)
        await desk.ask()
        assert len(await desk.mails("reset")) == 6

    with_desk(tmp_path, story)


def test_a_new_password_is_saved_under_the_next_version(tmp_path: Path):
    """One hash and one commit; the owner is told, and the column of the sink is left alone."""

    async def story(desk: Desk) -> None:
        token = await desk.ask_for_link()
        before = desk.database.counters["commits"]
        await desk.choose(token)
        user = await desk.user()
        assert (user.password, user.chosen_version, user.pw_version) == (cheap_hash(NEW), 2, 1)
        assert user.last_changed_PW == desk.clock()
        assert desk.database.counters["commits"] == before + 1
        assert desk.hashes.counts["done"] == 1
        (notice,) = await desk.mails("security_notice")
        assert "token" not in notice.params

    with_desk(tmp_path, story)


def test_a_link_works_once_and_ends_the_others(tmp_path: Path):
    """The used one, the user's other ones, and the receipt are dead; the next login may ask again."""

    async def story(desk: Desk) -> None:
        first, second = await desk.ask_for_link(), await desk.ask_for_link()
        await desk.choose(second)
        for token in (first, second):
            with pytest.raises(LinkUsed):
                await desk.choose(token, "yet another harbour")
        with pytest.raises(LoginRequired):
            await desk.ask()
        assert (await desk.user()).password == cheap_hash(NEW)
        await desk.set_user(pw_version=2, auth_token=desk.token(tokens.RECEIPT, pw_version=2))
        await desk.choose(await desk.ask_for_link(), "yet another harbour")
        assert (await desk.user()).chosen_version == 3

    with_desk(tmp_path, story)


def test_ten_uses_at_once_are_one(tmp_path: Path):
    """The database decides the race, and the accepted password is the saved one."""

    async def story(desk: Desk) -> None:
        token = await desk.ask_for_link()
        uses = [desk.choose(token, f"a harbour in the evening {n}") for n in range(10)]
        ends = await asyncio.gather(*uses, return_exceptions=True)
        (winner,) = [n for n, end in enumerate(ends) if end is None]
        assert sum(isinstance(end, LinkUsed) for end in ends) == 9
        assert (await desk.user()).password == cheap_hash(f"a harbour in the evening {winner}")
        assert len(await desk.mails("security_notice")) == 1

    with_desk(tmp_path, story)


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "PASSWORD_TOO_SHORT"),
        ("x" * 257, "PASSWORD_TOO_LONG"),
        (f"my {ADA}", "PASSWORD_CONTAINS_EMAIL"),
    ],
)
def test_a_refused_password_does_not_use_up_the_link(tmp_path: Path, password: str, code: str):
    """Nothing is hashed, and the link is good for the next try."""

    async def story(desk: Desk) -> None:
        token = await desk.ask_for_link()
        with pytest.raises(PasswordRefused) as refused:
            await desk.choose(token, password)
        assert [error.code for error in refused.value.errors] == [code]
        assert desk.hashes.counts["done"] == 0
        await desk.choose(token)

    with_desk(tmp_path, story)


def test_links_that_are_not_good_are_told_apart(tmp_path: Path):
    """Expired, of another purpose, of another key, and unknown here."""

    async def story(desk: Desk) -> None:
        token = await desk.ask_for_link()
        for bad in (
            desk.token(tokens.SESSION),
            desk.token(tokens.RESET),
            desk.token(tokens.RESET, key=OWN_KEY, token_id="never-mailed"),
            token + "x",
        ):
            with pytest.raises(LinkInvalid):
                await desk.choose(bad)
        desk.clock.advance(1801)
        with pytest.raises(LinkExpired):
            await desk.choose(token)
        assert (await desk.user()).password is None

    with_desk(tmp_path, story)
