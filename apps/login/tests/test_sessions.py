"""Sessions: showing and ending them, and `auth_token`, which always is the newest live one's receipt."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from apps.auth import tokens
from apps.auth.tokens import SigningKey, generate_private_pem
from apps.login import handlers, store
from apps.login.domain import Session, SessionUnknown
from apps.login.tables import audit, login_attempts, sessions, users
from apps.login.tests.desk import ADA, CALLER, KEY, NOBODY, WRONG, Desk, session_of, with_desk
from apps.web.settings import Secret


async def newest(desk: Desk) -> str | None:
    receipt = await desk.receipt()
    return receipt and receipt.token_id


async def names(desk: Desk, token: str) -> Sequence[str]:
    """The ids of the user's live sessions, as the list shows them."""
    _, holder = await handlers.authenticate(token, ports=desk.ports, settings=desk.settings)
    return [each.session_id for each in await handlers.list_sessions(holder, ports=desk.ports)]


async def log_in(desk: Desk) -> tuple[str, str]:
    """A further session a second later: its token and its id."""
    desk.clock.advance(1)
    token = await desk.log_in()
    return token, session_of(token, desk.clock).token_id


async def revoke(desk: Desk, token: str, session_id: str) -> None:
    _, holder = await handlers.authenticate(token, ports=desk.ports, settings=desk.settings)
    await handlers.revoke_session(session_id, holder, ports=desk.ports, settings=desk.settings, caller=CALLER)


def test_the_receipt_follows_the_newest_session(tmp_path: Path) -> None:
    """Whichever session ends: another newest one's receipt is issued again, an older one changes nothing."""

    async def story(desk: Desk) -> None:
        first, first_id = await log_in(desk)
        second, second_id = await log_in(desk)
        third, third_id = await log_in(desk)
        assert await newest(desk) == third_id
        before = (await desk.row()).auth_token
        await desk.log_out(second)
        assert (await desk.row()).auth_token == before
        await desk.log_out(third)
        assert await newest(desk) == first_id
        receipt = await desk.receipt()
        claims = session_of(first, desk.clock)
        assert receipt == claims
        await desk.log_out(first)
        assert (await desk.row()).auth_token is None
        for token in (first, second, third):
            assert not await desk.is_live(token)
        assert second_id not in (first_id, third_id)

    with_desk(tmp_path, story)


def test_logging_out_twice_or_with_anything_else(tmp_path: Path) -> None:
    """No error and nothing written: dead, expired, forged, of another purpose, none."""

    async def story(desk: Desk) -> None:
        token, _ = await log_in(desk)
        await desk.log_out(token)
        kept, kept_id = await log_in(desk)
        receipt = (await desk.row()).auth_token
        rows = len(await desk.rows(audit))
        forged = kept[:-1] + ("A" if kept[-1] != "A" else "Q")
        for other in (token, receipt, forged, "", "x", None):
            await desk.log_out(other)
        assert len(await desk.rows(audit)) == rows
        assert await newest(desk) == kept_id
        assert await desk.is_live(kept)

    with_desk(tmp_path, story)


def test_listing_shows_live_sessions_only(tmp_path: Path) -> None:
    """The newest first; expired ones are gone before they are swept, and other users' never show."""

    async def story(desk: Desk) -> None:
        await desk.sink(8, "bob@example.org")
        await desk.log_in("bob@example.org")
        first, first_id = await log_in(desk)
        desk.clock.advance(30)
        second, second_id = await log_in(desk)
        assert await names(desk, first) == [second_id, first_id]
        desk.clock.advance(40)
        assert not await desk.is_live(first)
        assert await names(desk, second) == [second_id]
        assert len(await desk.rows(sessions, user_id=7)) == 2

    with_desk(tmp_path, story, session_ttl_seconds=60)


def test_revoking_one(tmp_path: Path) -> None:
    """It is dead at once, the own one too."""

    async def story(desk: Desk) -> None:
        first, first_id = await log_in(desk)
        second, second_id = await log_in(desk)
        await revoke(desk, first, second_id)
        assert not await desk.is_live(second)
        assert await newest(desk) == first_id
        await revoke(desk, first, first_id)
        assert not await desk.is_live(first)
        assert (await desk.row()).auth_token is None

    with_desk(tmp_path, story)


def test_revoking_what_is_not_ones_own(tmp_path: Path) -> None:
    """Another user's session is as unknown as one that never was."""

    async def story(desk: Desk) -> None:
        await desk.sink(8, "bob@example.org")
        bobs = await desk.log_in("bob@example.org")
        token, _ = await log_in(desk)
        for session_id in (session_of(bobs, desk.clock).token_id, "nothing", "ä", "' OR 1=1"):
            with pytest.raises(SessionUnknown):
                await revoke(desk, token, session_id)
        assert await desk.is_live(bobs)
        assert await desk.is_live(token)

    with_desk(tmp_path, story)


def test_revoking_all_others(tmp_path: Path) -> None:
    """The present one stays, and its receipt stands, even if it is not the newest."""

    async def story(desk: Desk) -> None:
        first, _ = await log_in(desk)
        kept, kept_id = await log_in(desk)
        third, _ = await log_in(desk)
        session, holder = await handlers.authenticate(kept, ports=desk.ports, settings=desk.settings)
        for _ in range(2):
            await handlers.revoke_others(
                session, holder, ports=desk.ports, settings=desk.settings, caller=CALLER
            )
        assert [await desk.is_live(token) for token in (first, kept, third)] == [False, True, False]
        assert await newest(desk) == kept_id

    with_desk(tmp_path, story)


def test_a_newer_password_ends_every_session(tmp_path: Path) -> None:
    """At once when used; the sweeper then clears the receipt. A login under the new version stays."""

    async def story(desk: Desk) -> None:
        old, _ = await log_in(desk)
        await desk.set_user(pw_version=2)
        assert not await desk.is_live(old)
        await desk.sweep()
        assert (await desk.row()).auth_token is None
        assert not await desk.rows(sessions)
        await log_in(desk)
        await desk.set_user(pw_version=3)
        new, new_id = await log_in(desk)
        await desk.sweep()
        assert await desk.is_live(new)
        assert await newest(desk) == new_id
        assert len(await desk.rows(sessions)) == 1

    with_desk(tmp_path, story)


def test_sweeping_expired_sessions(tmp_path: Path) -> None:
    """Users who have none left lose their receipt, others keep the newest live one's; one commit does it."""

    async def story(desk: Desk) -> None:
        for user_id in range(20, 30):
            await desk.sink(user_id, f"user-{user_id}@example.org")
            await desk.log_in(f"user-{user_id}@example.org")
        await log_in(desk)
        desk.clock.advance(30)
        _, kept_id = await log_in(desk)
        desk.clock.advance(40)
        desk.database.counters.clear()
        await desk.sweep()
        assert desk.database.counters["commits"] == 1
        tokens_left = {row.id: row.auth_token for row in await desk.rows(users)}
        assert [user_id for user_id, token in tokens_left.items() if token is not None] == [7]
        assert await newest(desk) == kept_id
        assert [row.id for row in await desk.rows(sessions)] == [kept_id]
        await desk.sweep()
        assert desk.database.counters["commits"] == 1

    with_desk(tmp_path, story, session_ttl_seconds=60)


def test_sessions_of_a_deleted_user_are_swept(tmp_path: Path) -> None:
    """The sink deletes the row of users and knows of no sessions."""

    async def story(desk: Desk) -> None:
        token, _ = await log_in(desk)
        await desk.write(sa.delete(users))
        assert not await desk.is_live(token)
        await desk.sweep()
        assert not await desk.rows(sessions)

    with_desk(tmp_path, story)


def test_outdated_sessions_are_found_a_stride_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many sessions there are: each round looks at so many, and then at the next ones."""
    monkeypatch.setattr(store, "STRIDE", 3)

    async def story(desk: Desk) -> None:
        for _ in range(4):
            await log_in(desk)
        ids = sorted(row.id for row in await desk.rows(sessions))
        await desk.sweep()
        await desk.set_user(pw_version=2)
        await desk.sweep()
        assert sorted(row.id for row in await desk.rows(sessions)) == ids[:3]
        await desk.sweep()
        assert not await desk.rows(sessions)
        for _ in range(4):
            await log_in(desk)
        ids = sorted(row.id for row in await desk.rows(sessions))
        await desk.set_user(pw_version=3)
        desk.walk = handlers.Walk()
        await desk.sweep()
        assert [row.id for row in await desk.rows(sessions)] == ids[3:]

    with_desk(tmp_path, story)


@pytest.mark.parametrize("batch", [1, 2])
def test_a_stride_with_more_than_a_batch_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    """What one round may not write, the next one does."""
    monkeypatch.setattr(store, "BATCH", batch)

    async def story(desk: Desk) -> None:
        for _ in range(3):
            await log_in(desk)
        await desk.set_user(pw_version=2)
        for left in range(3 - batch, -batch, -batch):
            await desk.sweep()
            assert len(await desk.rows(sessions)) == max(left, 0)

    with_desk(tmp_path, story)


def test_old_audit_rows_are_swept(tmp_path: Path) -> None:
    """After 90 days and not before."""

    async def story(desk: Desk) -> None:
        await log_in(desk)
        desk.clock.advance(90 * 86400)
        await desk.sweep()
        assert len(await desk.rows(audit)) == 1
        desk.clock.advance(1)
        await desk.sweep()
        assert not await desk.rows(audit)

    with_desk(tmp_path, story)


def test_old_attempts_are_forgotten(tmp_path: Path) -> None:
    """Not before they have lost their meaning."""

    async def story(desk: Desk) -> None:
        with pytest.raises(handlers.LoginFailed):
            await desk.log_in(NOBODY, WRONG)
        desk.clock.advance(600)
        await desk.sweep()
        assert len(await desk.rows(login_attempts)) == 1
        desk.clock.advance(1)
        await desk.sweep()
        assert not await desk.rows(login_attempts)

    with_desk(tmp_path, story, login_retry_seconds=600)


def test_parallel_logins_and_logouts_leave_a_fitting_receipt(tmp_path: Path) -> None:
    """Whatever the order, what stands in the end is the receipt of a session that is live."""

    async def story(desk: Desk) -> None:
        begun = await asyncio.gather(*(desk.log_in() for _ in range(8)))
        await asyncio.gather(
            *(desk.log_out(token) for token in begun), *(desk.log_in() for _ in range(4)), desk.sweep()
        )
        left = {row.id for row in await desk.rows(sessions)}
        assert len(left) == 4
        assert await newest(desk) in left

    with_desk(tmp_path, story)


def test_tokens_of_the_key_before(tmp_path: Path) -> None:
    """While LOGIN_PRIVATE_KEY is being replaced, the former key's sessions stay and its receipts go."""

    async def story(desk: Desk) -> None:
        first, first_id = await log_in(desk)
        second, _ = await log_in(desk)
        former, desk.settings = desk.settings, _replaced(desk)
        assert former.signing_key.kid != desk.settings.signing_key.kid
        assert await desk.is_live(first)
        await desk.log_out(second)
        token = (await desk.row()).auth_token
        claims = tokens.read(
            tokens.RECEIPT, desk.settings.signing_key.public_keys(), token, now=desk.clock.now
        )
        assert claims.token_id == first_id

    with_desk(tmp_path, story)


def _replaced(desk: Desk) -> handlers.Settings:
    return replace(
        desk.settings,
        login_private_key=Secret(generate_private_pem()),
        login_public_keys=Secret(KEY.public_pem),
    )


def test_a_forged_session_of_a_known_id(tmp_path: Path) -> None:
    """The row alone opens nothing: the signature must be ours."""

    async def story(desk: Desk) -> None:
        token, session_id = await log_in(desk)
        real = session_of(token, desk.clock)
        forged = tokens.issue(
            tokens.SESSION,
            SigningKey.from_pem(generate_private_pem()),
            subject=7,
            token_id=session_id,
            issued_at=real.issued_at,
            expires_at=real.expires_at,
            claims={"email": ADA, "pwv": 1},
        )
        assert not await desk.is_live(forged)
        assert await desk.is_live(token)

    with_desk(tmp_path, story)


def test_holders_come_in_one_order(tmp_path: Path) -> None:
    """Two sweepers that lock the same rows can then not wait for each other."""

    async def story(desk: Desk) -> None:
        await desk.sink(3, "bob@example.org")
        async with desk.database.reading() as connection:
            holders = await store.lock_holders(connection, [7, 3, 99])
        assert [holder.user_id for holder in holders] == [3, 7]

    with_desk(tmp_path, story)


def test_sessions_are_read_as_they_were_written(tmp_path: Path) -> None:
    """To the microsecond, and aware."""

    async def story(desk: Desk) -> None:
        written = Session("s-1", 7, 1, desk.clock.now, desk.clock.now)
        await desk.database.transact(lambda connection: store.insert_session(connection, written))
        async with desk.database.reading() as connection:
            assert await store.find_sessions(connection, [7]) == [written]
            found = await store.find_session(connection, "s-1")
            assert found is not None
            assert found[0] == written
            assert await store.find_session(connection, "s-2") is None

    with_desk(tmp_path, story)
