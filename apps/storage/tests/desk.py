"""What the tests of every service with a SQL database do with it behind the service's back."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from apps.storage.database import Database


@dataclass
class DatabaseDesk:
    """The database of a service, read and written without its stores."""

    database: Database

    async def rows(self, table: sa.Table, **equals: Any) -> list[Any]:
        """The rows whose columns equal these values, in the order of the primary key."""
        query = sa.select(table).filter_by(**equals).order_by(*table.primary_key.columns)
        async with self.database.reading() as connection:
            return list((await connection.execute(query)).all())

    async def write(self, statement: Any) -> None:
        """One statement in a transaction of its own."""
        await self.database.transact(lambda connection: connection.execute(statement))
