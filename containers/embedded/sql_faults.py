"""What MySQL says when it cannot take a value: the checks that SQLite does not make by itself."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from containers.embedded.converter import CONNECT_TIMESTAMP, MICRO_TIMESTAMP
from containers.embedded.envelope import Field
from containers.embedded.table_shape import Column

_EPOCH = datetime(1970, 1, 1)
_MICROSECONDS = {
    MICRO_TIMESTAMP: 1,
    "io.debezium.time.Timestamp": 1000,
    CONNECT_TIMESTAMP: 1000,
}
_TRUNCATIONS = frozenset({1264, 1292, 1406})
"""Errors whose SQLSTATE begins with 22: MySQL's driver puts words of its own before the server's."""

_SAYS_MYSQL = {"NOT NULL": 1048, "CHECK": 1265, "UNIQUE": 1062, "PRIMARY KEY": 1062}


class Refused(Exception):
    """A row that the database would refuse; `code` is MySQL's error number, None where Debezium says no.

    The message holds no value of the row: it may be a hash or a token.
    """

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(f"Data truncation: {message}" if code in _TRUNCATIONS else message)
        self.code = code

    @property
    def reason(self) -> str:
        """The reason as one UPPER_SNAKE word."""
        return "TABLE_DOES_NOT_FIT" if self.code is None else f"SQL_{self.code}"


def binder(field: Field, column: Column) -> Callable[[Any], Any]:
    """Turns a field's value into what SQLite stores in the column, or raises what MySQL would."""
    check = _check(field, column)

    def bind(value: Any) -> Any:
        if value is not None:
            return check(value)
        if column.optional:
            return None
        raise Refused(f"Column '{column.name}' cannot be null", 1048)

    return bind


def from_sqlite(error: Exception) -> Refused:
    """The fault behind an error that only SQLite noticed; its own text may hold values, so it is not told."""
    text = str(error)
    code = next((code for words, code in _SAYS_MYSQL.items() if text.startswith(words)), 1366)
    where = text.partition(" constraint failed: ")[2]
    return Refused(f"The row breaks a rule of the table{f' ({where})' if code == 1048 else ''}", code)


def _check(field: Field, column: Column) -> Callable[[Any], Any]:
    unit = _MICROSECONDS.get(field.semantic or "")
    if unit is not None and column.kind != "integer":
        return lambda value: _moment(value, unit, column)
    if column.kind == "integer":
        return lambda value: _number(value, column)
    if column.kind == "enum":
        return lambda value: _word(value, column)
    if column.kind == "datetime":
        return lambda value: _no_moment(column)
    return lambda value: _text(value, column)


def _text(value: Any, column: Column) -> str:
    text = value if isinstance(value, str) else str(value)
    if column.length is not None and len(text) > column.length:
        raise Refused(f"Data too long for column '{column.name}' at row 1", 1406)
    return text


def _word(value: Any, column: Column) -> str:
    if value not in column.allowed:
        raise Refused(f"Data truncated for column '{column.name}' at row 1", 1265)
    return str(value)


def _number(value: Any, column: Column) -> int:
    try:
        number = int(value)
    except ValueError:
        raise Refused(f"Incorrect integer value for column '{column.name}' at row 1", 1366) from None
    if not -(1 << 63) <= number < 1 << 63:
        raise Refused(f"Out of range value for column '{column.name}' at row 1", 1264)
    return number


def _moment(value: int, unit: int, column: Column) -> str:
    """As SQLAlchemy writes a DATETIME: 'YYYY-MM-DD HH:MM:SS.ffffff', in UTC."""
    try:
        return (_EPOCH + timedelta(microseconds=value * unit)).isoformat(" ", "microseconds")
    except OverflowError:
        return _no_moment(column)


def _no_moment(column: Column) -> str:
    raise Refused(f"Incorrect datetime value for column '{column.name}' at row 1", 1292)
