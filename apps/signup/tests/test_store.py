from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from apps.signup import store
from apps.signup.domain import Account, Activation, NewPassword, Profile
from apps.signup.tables import metadata, suspended_users, users
from apps.signup.tests.desk import ADA, Desk, with_desk
from apps.storage.dialect import insert_or_update
from apps.storage.migrate import schema_difference
from apps.web.tests.doubles import cheap_hash

PROFILE = Profile("Ada L.", "1 Harbour Row", "040", "f")
LATER = datetime(2026, 12, 1, tzinfo=UTC)


async def insert(desk: Desk, email: str = ADA) -> Account:
    return await desk.database.transact(
        lambda connection: store.insert_account(
            connection, email=email, password_hash="h1", profile=PROFILE, now=desk.clock.now
        )
    )


def test_tables_equal_their_migration(tmp_path: Path) -> None:
    """What the statements are made from is what the migration makes."""

    async def story(desk: Desk) -> None:
        assert await schema_difference(desk.database, metadata) == []

    with_desk(tmp_path, story)


def test_a_late_suspension_stays_lifted(tmp_path: Path) -> None:
    """The sink may bring its first state once more."""

    async def story(desk: Desk) -> None:
        async def sink(lifted_at: datetime | None) -> None:
            values = {"email": ADA, "user_id": 7, "lifted_at": lifted_at}
            row, dialect = {"id": 3, **values}, desk.database.dialect
            await desk.write(insert_or_update(suspended_users, row, update=values, dialect=dialect))

        await sink(None)
        await sink(LATER)
        await sink(None)
        (row,) = await desk.rows(suspended_users)
        assert row.lifted_at == LATER

    with_desk(tmp_path, story)


def test_a_new_account(tmp_path: Path) -> None:
    """It is INACTIVE, a visitor, of password version 1, and found by its address."""

    async def story(desk: Desk) -> None:
        account = await insert(desk)
        row = await desk.row()
        assert (row.id, row.User_status, row.userRole, row.pw_version) == (
            account.user_id,
            "INACTIVE",
            "visitor",
            1,
        )
        assert (row.password, row.fullName, row.address, row.phoneNo, row.gender) == (
            "h1",
            "Ada L.",
            "1 Harbour Row",
            "040",
            "f",
        )
        assert row.regDate == desk.clock.now
        assert row.auth_token is row.firstvisit is row.last_changed_PW is row.reason_for_inactive is None
        assert await desk.database.transact(lambda c: store.lock_account(c, ADA)) == account
        assert await desk.database.transact(lambda c: store.lock_account(c, "bob@example.org")) is None

    with_desk(tmp_path, story)


def test_an_address_is_taken_once(tmp_path: Path) -> None:
    """The database refuses the second row, whoever asks."""

    async def story(desk: Desk) -> None:
        await insert(desk)
        with pytest.raises(IntegrityError):
            await insert(desk)

    with_desk(tmp_path, story)


def test_ids_are_not_used_twice(tmp_path: Path) -> None:
    """A link of a deleted account must never fit a later one."""

    async def story(desk: Desk) -> None:
        first = await insert(desk)
        await desk.write(sa.delete(users))
        assert (await insert(desk)).user_id > first.user_id

    with_desk(tmp_path, story)


def test_replacing_keeps_id_and_date(tmp_path: Path) -> None:
    """The newer sign-up has the next version, its own profile, and no reason from before."""

    async def story(desk: Desk) -> None:
        account = await insert(desk)
        activation = Activation(account.user_id, "INACTIVE", 1, "LINK_EXPIRED")
        await desk.database.transact(lambda c: store.set_reason(c, activation))
        replaced = await desk.database.transact(
            lambda c: store.replace_account(c, account, password_hash="h2", profile=Profile())
        )
        row = await desk.row()
        assert replaced == Account(account.user_id, ADA, "INACTIVE", 2)
        assert (row.id, row.password, row.pw_version, row.fullName, row.reason_for_inactive) == (
            account.user_id,
            "h2",
            2,
            None,
            None,
        )
        assert row.regDate == desk.clock.now

    with_desk(tmp_path, story)


def test_replacing_is_guarded(tmp_path: Path) -> None:
    """Neither an ACTIVE account nor a newer version is overwritten, whatever was read before."""

    async def story(desk: Desk) -> None:
        account = await insert(desk)
        await desk.activate()
        await desk.database.transact(
            lambda c: store.replace_account(c, account, password_hash="h2", profile=Profile())
        )
        await desk.database.transact(store.replace_nothing)
        row = await desk.row()
        assert (row.password, row.pw_version, row.fullName) == ("h1", 1, "Ada L.")

    with_desk(tmp_path, story)


@pytest.mark.parametrize(
    ("ends_in_seconds", "is_lifted", "expected"), [(10, False, True), (0, False, False), (10, True, False)]
)
def test_running_suspension(tmp_path: Path, ends_in_seconds: int, is_lifted: bool, expected: bool) -> None:
    """A suspension runs until its end or until it is lifted."""

    async def story(desk: Desk) -> None:
        account = await insert(desk)
        now = desk.clock.now
        await desk.write(
            sa.insert(suspended_users).values(
                id=7,
                user_id=account.user_id,
                suspended_until=now + timedelta(seconds=ends_in_seconds),
                lifted_at=now if is_lifted else None,
            )
        )
        found = await desk.database.transact(lambda c: store.is_suspended(c, account, now=now))
        assert found is expected
        assert not await desk.database.transact(lambda c: store.is_suspended(c, None, now=now))

    with_desk(tmp_path, story)


@pytest.mark.parametrize(("version", "expected"), [(1, "INACTIVE"), (2, "ACTIVE"), (3, "INACTIVE")])
def test_activation_of_the_present_version_only(tmp_path: Path, version: int, expected: str) -> None:
    """An activation of another password version never makes the account ACTIVE."""

    async def story(desk: Desk) -> None:
        account = await insert(desk)
        await desk.database.transact(
            lambda c: store.replace_account(c, account, password_hash="h2", profile=Profile())
        )
        activation = Activation(account.user_id, "ACTIVE", version, None)
        changed = await desk.database.transact(lambda c: store.set_active(c, activation))
        assert changed is (expected == "ACTIVE")
        assert (await desk.row()).User_status == expected
        assert not await desk.database.transact(lambda c: store.set_active(c, activation)), "a repeat"

    with_desk(tmp_path, story)


def test_a_reason_is_for_inactive_accounts(tmp_path: Path) -> None:
    """A late INACTIVE event does not undo an activation; a repeat changes nothing."""

    async def story(desk: Desk) -> None:
        account = await insert(desk)
        activation = Activation(account.user_id, "INACTIVE", 1, "LINK_EXPIRED")
        assert await desk.database.transact(lambda c: store.set_reason(c, activation))
        assert not await desk.database.transact(lambda c: store.set_reason(c, activation))
        assert (await desk.row()).reason_for_inactive == "LINK_EXPIRED"
        await desk.database.transact(
            lambda c: store.set_active(c, Activation(account.user_id, "ACTIVE", 1, None))
        )
        assert not await desk.database.transact(lambda c: store.set_reason(c, activation))
        row = await desk.row()
        assert (row.User_status, row.reason_for_inactive) == ("ACTIVE", None)

    with_desk(tmp_path, story)


@pytest.mark.parametrize(("version", "is_newer"), [(1, False), (2, True), (9, True)])
def test_a_chosen_password_wins_only_if_newer(tmp_path: Path, version: int, is_newer: bool) -> None:
    """A replayed or late password never returns."""

    async def story(desk: Desk) -> None:
        account = await insert(desk)
        chosen = NewPassword(account.user_id, cheap_hash("new"), version, LATER)
        assert await desk.database.transact(lambda c: store.set_password(c, chosen)) is is_newer
        row = await desk.row()
        expected = (cheap_hash("new"), version, LATER) if is_newer else ("h1", 1, None)
        assert (row.password, row.pw_version, row.last_changed_PW) == expected

    with_desk(tmp_path, story)
