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
