"""What an SQLite table's declaration says, in the words of the MySQL table that it stands for."""

import re
import sqlite3
from dataclasses import dataclass
from typing import Literal

from containers.embedded.capture import quoted

Kind = Literal["integer", "text", "enum", "datetime"]

_CHECK = re.compile(r'CHECK\s*\(\s*"?(\w+)"?\s+IN\s*\(([^)]*)\)\s*\)', re.IGNORECASE)
_WORD = re.compile(r"'((?:[^']|'')*)'")
_LENGTH = re.compile(r"CHAR\w*\s*\((\d+)\)", re.IGNORECASE)


@dataclass(frozen=True)
class Column:
    """One column; `length` in characters for VARCHAR and CHAR, `allowed` the words of an ENUM."""

    name: str
    kind: Kind
    optional: bool
    default: str | int | None
    length: int | None = None
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableShape:
    """A table's columns in their order, and the names of its primary key."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    def column(self, name: str) -> Column | None:
        """The column of exactly this name."""
        return next((column for column in self.columns if column.name == name), None)


def read_shape(connection: sqlite3.Connection, table: str) -> TableShape | None:
    """The shape that a table has now; None if there is no such table."""
    declared = connection.execute(
        "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?", (table,)
    ).fetchone()
    if declared is None:
        return None
    enums = {name: tuple(_WORD.findall(words)) for name, words in _CHECK.findall(declared[0])}
    rows = connection.execute(f"PRAGMA table_info({quoted(table)})").fetchall()
    columns = []
    for _, name, declaration, not_null, default, key_part in rows:
        allowed = enums.get(name, ())
        length = _LENGTH.search(declaration)
        kind = _kind(declaration, allowed)
        columns.append(
            Column(
                name,
                kind,
                optional=not not_null and not key_part,
                default=_default(connection, kind, default),
                length=int(length[1]) if length and not allowed else None,
                allowed=allowed,
            )
        )
    key = sorted((row[5], row[1]) for row in rows if row[5])
    return TableShape(table, tuple(columns), tuple(name for _, name in key))


def table_names(connection: sqlite3.Connection) -> list[str]:
    """The tables of a database, without SQLite's and the engine's own."""
    query = (
        "SELECT name FROM sqlite_schema WHERE type = 'table' "
        "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY rowid"
    )
    return [name for (name,) in connection.execute(query)]


def _kind(declaration: str, allowed: tuple[str, ...]) -> Kind:
    if allowed:
        return "enum"
    if "DATETIME" in declaration.upper():
        return "datetime"
    return "integer" if "INT" in declaration.upper() else "text"


def _default(connection: sqlite3.Connection, kind: Kind, declared: str | None) -> str | int | None:
    if declared is None or kind == "datetime":
        return None
    (value,) = connection.execute(f"SELECT {declared}").fetchone()
    if value is None:
        return None
    return int(value) if kind == "integer" else str(value)
