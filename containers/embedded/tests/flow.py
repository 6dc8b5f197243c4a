"""The whole data flow in one folder: the four databases, the log, and the seven connectors."""

import shutil
import sqlite3
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from apps.events.records import Record
from containers.connector_files.config import read_folder
from containers.embedded.connect import Connect
from containers.embedded.environment import connector_environ
from containers.embedded.log import DurableLog

DATABASES = ("signup_db", "login_db", "rpwd_db", "activate_user_reg_db")
ENVIRON = connector_environ({})
CONFIGS = read_folder(Path(__file__).parents[3] / "connect-configs")

DOCUMENTS = "CREATE TABLE documents (collection TEXT, id TEXT, document TEXT, PRIMARY KEY (collection, id))"


class Flow:
    """Databases as the services' migrations make them, and Connect between them.

    template: a folder with the migrated databases.
    """

    def __init__(self, folder: Path, template: Path) -> None:
        self.folder = folder
        for name in DATABASES:
            shutil.copy(template / f"{name}.sqlite", folder)
        self.files = {name: folder / f"{name}.sqlite" for name in DATABASES}
        self.open()

    def open(self) -> None:
        """Opens log and Connect on the folder, as after a start."""
        self.log = DurableLog(self.folder / "log.sqlite")
        self.connect = Connect(self.log, self.files, environ=ENVIRON, first_restart_seconds=0.01)
        self.connect.start()

    def close(self) -> None:
        self.connect.stop()
        self.log.close()

    def add(self, *names: str, **changes: str | None) -> None:
        """Adds connectors, all seven if none is named, and waits for their snapshots.

        changes: options, with __ for dots; None leaves one out.
        """
        options = {name.replace("__", "."): value for name, value in changes.items()}
        for name in names or CONFIGS:
            merged = {**CONFIGS[name], **options}
            self.connect.put(name, {option: value for option, value in merged.items() if value is not None})
        self.connect.settle()

    def write(self, database: str, sql: str, *values: Any) -> None:
        """Writes as a service does, wakes Connect, and waits until everything has arrived."""
        self.write_only(database, sql, *values)
        self.connect.wake(database)
        self.connect.settle()

    def write_only(self, database: str, sql: str, *values: Any) -> None:
        with sqlite3.connect(self.files[database], timeout=5) as connection:
            connection.execute(sql, values)
        connection.close()

    def put_row(self, database: str, table: str, row: Mapping[str, Any]) -> None:
        """Brings a row to these values, by primary key `id`."""
        names = ", ".join(f'"{name}"' for name in row)
        sets = ", ".join(f'"{name}" = excluded."{name}"' for name in row)
        self.write(
            database,
            f'INSERT INTO "{table}" ({names}) VALUES ({", ".join("?" * len(row))}) '
            f"ON CONFLICT (id) DO UPDATE SET {sets}",
            *row.values(),
        )

    def rows(self, database: str, table: str) -> list[dict[str, Any]]:
        connection = sqlite3.connect(self.files[database])
        connection.row_factory = sqlite3.Row
        found = [dict(row) for row in connection.execute(f'SELECT * FROM "{table}" ORDER BY id')]
        connection.close()
        return found

    def records(self, topic: str) -> list[Record]:
        return self.log.read(topic, 0, 10_000)

    def state(self, name: str) -> str:
        (task,) = self.connect.status(name)["tasks"]
        return str(task["state"])


def moment(micros: int) -> str:
    """A DATETIME of SQLite for microseconds since 1970."""
    return (datetime(1970, 1, 1) + timedelta(microseconds=micros)).isoformat(" ", "microseconds")
