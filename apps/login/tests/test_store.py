"""The tables, against the migration that makes them."""

from pathlib import Path
from typing import Any

from apps.login.tables import metadata, users
from apps.login.tests.desk import ADA, Desk, with_desk
from apps.storage.dialect import insert_or_update
from apps.storage.migrate import schema_difference


def test_the_tables_are_what_the_migration_makes(tmp_path: Path) -> None:
    """Every column, key and index, in its order."""

    async def story(desk: Desk) -> None:
        assert await schema_difference(desk.database, metadata) == []

    with_desk(tmp_path, story)


def test_a_late_row_leaves_the_newer_one(tmp_path: Path) -> None:
    """An older password version, or INACTIVE after ACTIVE, changes nothing; what is newer does."""

    async def story(desk: Desk) -> None:
        await desk.set_user(pw_version=2, password="new")
        await desk.set_user(pw_version=1, password="old")
        await desk.set_user(User_status="INACTIVE")
        row = await desk.row()
        assert (row.pw_version, row.password, row.User_status) == (2, "new", "ACTIVE")
        await desk.set_user(pw_version=3, User_status="INACTIVE")
        assert (await desk.row()).User_status == "INACTIVE"

    with_desk(tmp_path, story)


def test_a_late_record_of_the_sink_leaves_the_newer_row(tmp_path: Path) -> None:
    """The sink upserts each record: what comes late is left out there too, a user who is new is not."""

    async def story(desk: Desk) -> None:
        async def sink(user_id: int, email: str, **columns: Any) -> None:
            values = {"id": user_id, "email": email, "userRole": "visitor", **columns}
            update = {name: value for name, value in values.items() if name != "id"}
            await desk.write(insert_or_update(users, values, update=update, dialect=desk.database.dialect))

        await sink(7, ADA, password="new", User_status="ACTIVE", pw_version=2)
        await sink(7, "old@example.org", password="old", User_status="ACTIVE", pw_version=1)
        await sink(7, ADA, password="older", User_status="INACTIVE", pw_version=2)
        await sink(8, "bob@example.org", password="his", User_status="INACTIVE", pw_version=1)
        assert [(r.id, r.email, r.password, r.User_status, r.pw_version) for r in await desk.rows(users)] == [
            (7, ADA, "new", "ACTIVE", 2),
            (8, "bob@example.org", "his", "INACTIVE", 1),
        ]

    with_desk(tmp_path, story)
