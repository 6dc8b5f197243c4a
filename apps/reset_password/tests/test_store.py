"""The tables, against the migration that makes them."""

from pathlib import Path

from apps.reset_password.tables import metadata
from apps.reset_password.tests.desk import Desk, with_desk
from apps.storage.migrate import schema_difference


def test_the_tables_are_what_the_migration_makes(tmp_path: Path) -> None:
    """Every column, key and index, in its order."""

    async def story(desk: Desk) -> None:
        assert await schema_difference(desk.database, metadata) == []

    with_desk(tmp_path, story)


def test_a_late_row_leaves_the_newer_one(tmp_path: Path) -> None:
    """An older password version, or INACTIVE after ACTIVE, changes nothing; what is newer does."""

    async def story(desk: Desk) -> None:
        await desk.set_user(pw_version=2, auth_token="new")
        await desk.set_user(pw_version=1, auth_token="old")
        await desk.set_user(User_status="INACTIVE", auth_token="old")
        row = await desk.row()
        assert (row.pw_version, row.auth_token, row.User_status) == (2, "new", "ACTIVE")
        await desk.set_user(pw_version=3, User_status="INACTIVE", auth_token=None)
        row = await desk.row()
        assert (row.pw_version, row.auth_token, row.User_status) == (3, None, "INACTIVE")

    with_desk(tmp_path, story)
