"""How a platform on real engines is seen from outside: the `Tier` on their addresses.

Rows and documents are read with accounts that the tier names: on the containers tier one that may read and
nothing else, on the external tier those of the services.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pymongo
import sqlalchemy as sa
from pymongo.errors import PyMongoError

from containers.connectors import ConnectClient
from containers.engines import CAPABILITIES, EngineAway, Positions, SQLDatabase, TopicRecord
from containers.folder import DataFolder, Description
from containers.hops import CONSUMERS
from containers.journey import TOPICS
from containers.topics import KafkaTopics
from containers.watchdog import WatchedConnectClient

TIMEOUT_SECONDS = 10

DOCUMENTS = "activate_user_reg_db"

REST_SECONDS = 0.5
"""Twenty times what a source takes from commit to topic (22 ms for a whole hop, see bench)."""


@dataclass(frozen=True)
class SQLAddress:
    """Where a database answers, and the account to read it with."""

    host: str
    port: int
    user: str
    password: str
    database: str


class RealTier:
    """A handle to a platform whose databases, topics and connectors are real.

    databases: by the name under which every tier knows them. mongo_url: with the account and its database.
    """

    def __init__(
        self,
        folder: DataFolder,
        description: Description,
        *,
        databases: Mapping[str, SQLAddress],
        mongo_url: str,
        bootstrap: str,
    ) -> None:
        self._folder, self._description = folder, description
        self._databases = {database: _engine(at) for database, at in databases.items()}
        self._topics = KafkaTopics(bootstrap)
        self.connectors: ConnectClient = WatchedConnectClient(
            description.urls["connect"], self._topics, folder.findings
        )
        self._mongo: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
            mongo_url, tz_aware=True, serverSelectionTimeoutMS=TIMEOUT_SECONDS * 1000
        )
        self._ends: tuple[Mapping[str, int], float] = ({}, 0.0)

    @property
    def name(self) -> str:
        return self._description.tier

    @property
    def capabilities(self) -> frozenset[str]:
        return CAPABILITIES[self.name]

    @property
    def urls(self) -> Mapping[str, str]:
        return self._description.urls

    @property
    def smtp(self) -> str:
        return self._description.smtp

    def rows(self, database: SQLDatabase, table: str, **equals: Any) -> list[dict[str, Any]]:
        conditions = "".join(f" AND `{column}` <=> :{column}" for column in equals)
        with _away(database), self._databases[database].connect() as connection:
            rows = connection.execute(
                sa.text(f"SELECT * FROM `{table}` WHERE TRUE{conditions} ORDER BY 1"),  # noqa: S608 - names only
                {column: _to_column(value) for column, value in equals.items()},
            )
            return [{name: _seen(value) for name, value in row.items()} for row in rows.mappings()]

    def documents(self, collection: str, **equals: Any) -> list[dict[str, Any]]:
        with _away(DOCUMENTS):
            return list(self._mongo.get_default_database(DOCUMENTS)[collection].find(equals))

    def records(self, topic: str, first: int = 0, most: int | None = None) -> list[TopicRecord]:
        return self._topics.records(topic, first, most)

    def positions(self, topics: Sequence[str]) -> Positions:
        # Committed first: a record that is written and read meanwhile must not count as lag below zero.
        return Positions(
            lags={group: self._topics.lags(group, theirs) for group, theirs in CONSUMERS.items()},
            ends=self._topics.end_offsets(topics),
        )

    def produce(self, topic: str, key: str | None, value: str | None) -> int:
        return self._topics.produce(topic, key, value)

    def behind(self) -> list[str]:
        """A source tells no lag: it counts as at rest when no topic has grown for a while."""
        late = [f"{view.name}: {view.lag}" for view in self.connectors.overview() if view.lag]
        positions, now = self.positions(TOPICS), time.monotonic()
        late += [
            f"{group}: {sum(lags.values())}" for group, lags in positions.lags.items() if any(lags.values())
        ]
        if positions.ends != self._ends[0]:
            self._ends = (positions.ends, now)
        if now - self._ends[1] < REST_SECONDS:
            late.append("the topics have just grown")
        return late

    def close(self) -> None:
        for engine in self._databases.values():
            engine.dispose()
        self._mongo.close()
        self._topics.close()
        self.connectors.close()


def _engine(at: SQLAddress) -> sa.Engine:
    """Its connections are kept: whoever waits for a row asks hundreds of times a second."""
    url = sa.URL.create("mysql+pymysql", at.user, at.password, at.host, at.port, at.database)
    timeouts = {f"{what}_timeout": TIMEOUT_SECONDS for what in ("connect", "read")}
    return sa.create_engine(url, isolation_level="AUTOCOMMIT", pool_pre_ping=True, connect_args=timeouts)


@contextmanager
def _away(name: str) -> Iterator[None]:
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError) as error:
        # SQLAlchemy's own text shows the statement and its values: an address is nobody's error message.
        raise EngineAway(f"{name} does not answer ({error.orig})") from error
    except PyMongoError as error:
        raise EngineAway(f"{name} does not answer ({error})") from error


def _seen(value: Any) -> Any:
    """As every tier shows it: aware times."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def _to_column(value: Any) -> Any:
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value
