"""How a running embedded platform is seen from outside: the `Tier` on its addresses and its data folder.

Rows and documents are read straight from the files, read only; records go through the topics door.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from containers.connectors import TIMEOUT_SECONDS, ConnectClient
from containers.embedded.capture import quoted
from containers.embedded.documents import read_documents
from containers.embedded.log_file import read_positions
from containers.embedded.operators import matches
from containers.engines import CAPABILITIES, EngineAway, Positions, SQLDatabase, TopicRecord
from containers.folder import DataFolder, Description
from containers.hops import CONSUMERS

RECORDS_AT_ONCE = 1000


class EmbeddedTier:
    """A handle to the platform that runs on a data folder."""

    def __init__(self, folder: DataFolder, description: Description) -> None:
        self._folder, self._description = folder, description
        self.connectors = ConnectClient(description.urls["connect"])
        self._http = httpx.Client(
            base_url=description.urls["connect"], timeout=TIMEOUT_SECONDS, trust_env=False
        )

    @classmethod
    def attach(cls, data: Path) -> "EmbeddedTier":
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

    @property
    def pid(self) -> int:
        """The process of the platform."""
        return self._description.pid

    def rows(self, database: SQLDatabase, table: str, **equals: Any) -> list[dict[str, Any]]:
        with _reading(self._folder.file(database)) as connection:
            declared = connection.execute(f"PRAGMA table_info({quoted(table)})").fetchall()
            times = {name for _, name, kind, *_ in declared if kind.upper().startswith("DATETIME")}
            conditions = "".join(f" AND {quoted(column)} IS ?" for column in equals)
            found = connection.execute(
                f"SELECT * FROM {quoted(table)} WHERE TRUE{conditions} ORDER BY 1",  # noqa: S608 - names only
                [_to_column(value) for value in equals.values()],
            )
            columns = [description[0] for description in found.description]
            return [_row(columns, times, values) for values in found]

    def documents(self, collection: str, **equals: Any) -> list[dict[str, Any]]:
        with _reading(self._folder.file("activate_user_reg_db")) as connection:
            return [found for found in read_documents(connection, collection) if matches(found, equals)]

    def records(self, topic: str, first: int = 0, most: int | None = None) -> list[TopicRecord]:
        found: list[TopicRecord] = []
        limit = RECORDS_AT_ONCE if most is None else min(most, RECORDS_AT_ONCE)
        while True:
            query = {"offset": found[-1].offset + 1 if found else first, "limit": limit}
            answer = self._ask("GET", f"/topics/{topic}/records", params=query)
            if answer.status_code == httpx.codes.NOT_FOUND:
                return []
            page = [TopicRecord(**record) for record in answer.raise_for_status().json()]
            found += page
            if len(page) < limit or (most is not None and len(found) >= most):
                return found[:most]

    def produce(self, topic: str, key: str | None, value: str | None) -> int:
        body = {"records": [{"key": key, "value": value}]}
        answer = self._ask("POST", f"/topics/{topic}", json=body)
        offset: int = answer.raise_for_status().json()["offsets"][0]["offset"]
        return offset

    def positions(self, topics: Sequence[str]) -> Positions:
        with _reading(self._folder.file("log")) as connection:
            known = read_positions(connection)
        ends = {topic: end for topic, end in known.ends.items() if topic in topics}
        lags = {
            group: {
                topic: max(0, known.ends.get(topic, 0) - known.committed.get((group, topic), 0))
                for topic in theirs
            }
            for group, theirs in CONSUMERS.items()
        }
        return Positions(ends, lags)

    def behind(self) -> list[str]:
        return [f"{view.name}: {view.lag}" for view in self.connectors.overview() if view.lag != 0]

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **options)
        except httpx.TransportError as error:
            raise EngineAway(f"The topics do not answer ({type(error).__name__})") from error

    def close(self) -> None:
        self._http.close()
        self.connectors.close()


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5.0)) as connection:
            yield connection
    except sqlite3.DatabaseError as error:
        raise EngineAway(f"{path.name} cannot be read ({error})") from error


def _row(columns: Iterable[str], times: set[str], values: Iterable[Any]) -> dict[str, Any]:
    pairs = zip(columns, values, strict=True)
    return {name: _to_time(value) if name in times else value for name, value in pairs}


def _to_time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


def _to_column(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return value
