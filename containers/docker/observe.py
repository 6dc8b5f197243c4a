"""How a running containers platform is seen from outside: the `Tier` on the ports of its engines.

Rows and documents are read with the account `observer`, which may read and nothing else.
"""

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pymongo
import pymysql
from pymysql.cursors import DictCursor

from containers.connectors import ConnectClient
from containers.docker import mongo
from containers.engines import CAPABILITIES, SQLDatabase, TopicRecord
from containers.folder import DataFolder, Description
from containers.keys import read_passwords
from containers.topics import KafkaTopics

TIMEOUT_SECONDS = 10

DOCUMENTS = "activate_user_reg_db"


class ContainersTier:
    """A handle to the platform that runs in containers for a data folder."""

    def __init__(self, folder: DataFolder, description: Description) -> None:
        self._folder, self._description = folder, description
        self._passwords = read_passwords(folder.keys)
        self.connectors = ConnectClient(description.urls["connect"])
        self._topics = KafkaTopics(description.engines["kafka"])
        self._mongo: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
            mongo.observer_url(
                description.engines["mongo_image"], self._passwords, host_port=self._port(DOCUMENTS)
            ),
            tz_aware=True,
            serverSelectionTimeoutMS=TIMEOUT_SECONDS * 1000,
        )

    @classmethod
    def attach(cls, data: Path) -> "ContainersTier":
        """The platform on this folder; raises NotRunning."""
        folder = DataFolder(data)
        return cls(folder, folder.description())

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
        conditions = "".join(f" AND `{column}` <=> %s" for column in equals)
        with (
            closing(self._connect(database)) as connection,
            connection.cursor(DictCursor) as cursor,
        ):
            cursor.execute(
                f"SELECT * FROM `{table}` WHERE TRUE{conditions} ORDER BY 1",  # noqa: S608 - names only
                [_to_column(value) for value in equals.values()],
            )
            return [{name: _seen(value) for name, value in row.items()} for row in cursor.fetchall()]

    def documents(self, collection: str, **equals: Any) -> list[dict[str, Any]]:
        return list(self._mongo[DOCUMENTS][collection].find(equals))

    def records(self, topic: str) -> list[TopicRecord]:
        return self._topics.records(topic)

    def produce(self, topic: str, key: str | None, value: str | None) -> int:
        return self._topics.produce(topic, key, value)

    def close(self) -> None:
        self._mongo.close()
        self._topics.close()
        self.connectors.close()

    def _connect(self, database: SQLDatabase) -> pymysql.Connection[Any]:
        return pymysql.connect(
            host="127.0.0.1",
            port=self._port(database),
            user="observer",
            password=self._passwords["observer"],
            database=database,
            connect_timeout=TIMEOUT_SECONDS,
            read_timeout=TIMEOUT_SECONDS,
        )

    def _port(self, engine: str) -> int:
        return int(self._description.engines[engine].rpartition(":")[2])


def _seen(value: Any) -> Any:
    """As every tier shows it: aware times."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def _to_column(value: Any) -> Any:
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value
