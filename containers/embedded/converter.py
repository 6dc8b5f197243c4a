"""Connect's JsonConverter, the writing half: the very bytes that real Connect puts into a topic.

Everything that is the same for all rows of a table (its schema, the names of its fields) is put together
once, so that a row costs a few string operations.
"""

import re
import secrets
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from containers.connector_files.settings import TimeMode
from containers.embedded.table_shape import Column, TableShape

Row = Mapping[str, Any]

ENUM = "io.debezium.data.Enum"
MICRO_TIMESTAMP = "io.debezium.time.MicroTimestamp"
CONNECT_TIMESTAMP = "org.apache.kafka.connect.data.Timestamp"

_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
_ESCAPED = re.compile('[\x00-\x1f"\\\\\U00010000-\U0010ffff]')
_SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


@dataclass(frozen=True)
class Added:
    """A field that the unwrap transform adds to each row: its name, its type, and its value for a change."""

    name: str
    type: Literal["string", "int64"]


class RowConverter:
    """Keys and values of the records of one table.

    Args:
        name: `<topic.prefix>.<database>.<table>`, from which the schemas have their names.
        shape: the table.
        columns: those that values carry; keys always carry the whole primary key.
        added: fields behind the columns.
        time_mode: time.precision.mode; our DATETIME columns have microseconds.
        null_to_default: a null in a column with a default becomes the default.
        key_schema, value_schema: schemas.enable of the two converters.
    """

    def __init__(
        self,
        *,
        name: str,
        shape: TableShape,
        columns: Sequence[Column],
        added: Sequence[Added],
        time_mode: TimeMode,
        null_to_default: bool,
        key_schema: bool,
        value_schema: bool,
    ) -> None:
        key = [column for column in shape.columns if column.name in shape.key]
        key_fields = [_field(column, time_mode) for column in key]
        fields = [_field(column, time_mode) for column in columns]
        fields += [{"type": field.type, "optional": True, "field": field.name} for field in added]
        self._key_frame = _frame(_struct(f"{name}.Key", key_fields) if key_schema else None)
        self._value_frame = _frame(_struct(f"{name}.Value", fields) if value_schema else None)
        null_schema = _struct(f"{name}.Value", fields, optional=True) if value_schema else None
        self.null_value = "null".join(_frame(null_schema)).encode()
        self._key = [_writer(column, time_mode, False) for column in key]
        self._columns = [_writer(column, time_mode, null_to_default) for column in columns]

    def key(self, row: Row) -> bytes:
        """The record's key."""
        return _join(self._key_frame, [write(row) for write in self._key])

    def value(self, row: Row, added: Mapping[str, Any] = {}) -> bytes:
        """The record's value; `added` holds the added fields in their order."""
        fields = [write(row) for write in self._columns]
        fields += [f"{json_text(name)}:{json_value(value)}" for name, value in added.items()]
        return _join(self._value_frame, fields)


def document_key(document: Row) -> bytes:
    """The key of a flattened MongoDB document, without schema."""
    return f'{{"id":{json_value(document["_id"])}}}'.encode()


def document_value(document: Row, added: Mapping[str, Any]) -> bytes:
    """A flattened MongoDB document, without schema; its times are {"$date": milliseconds}."""
    return json_value({**document, **added}).encode()


def context_headers(prefix: str, connector: str) -> tuple[tuple[str, bytes], ...]:
    """The headers that a Debezium task gives all its records; a new run has a new id.

    connector: "mysql" or "mongodb".
    """
    return (
        ("__debezium.context.connectorLogicalName", prefix.encode()),
        ("__debezium.context.taskId", b"0"),
        ("__debezium.context.connectorName", connector.encode()),
        ("__debezium.context.runId", str(_time_ordered_id()).encode()),
    )


def json_text(text: str) -> str:
    """A string as Jackson writes it: beyond the BMP as upper-case surrogates, all else raw that may be."""
    if _ESCAPED.search(text) is None:
        return f'"{text}"'
    return f'"{_ESCAPED.sub(_escape, text)}"'


def json_value(value: Any) -> str:
    """A JSON value; {"$date": milliseconds} becomes the milliseconds."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return json_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        if value.keys() == {"$date"}:
            return str(value["$date"])
        return "{" + ",".join(f"{json_text(name)}:{json_value(field)}" for name, field in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(json_value, value)) + "]"
    return msgspec.json.encode(value).decode()


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if character in _SHORT:
        return _SHORT[character]
    number = ord(character)
    if number < 0x20:
        return f"\\u{number:04X}"
    number -= 0x10000
    return f"\\u{0xD800 + (number >> 10):04X}\\u{0xDC00 + (number & 0x3FF):04X}"


def _struct(name: str, fields: Sequence[Row], *, optional: bool = False) -> str:
    return json_value({"type": "struct", "fields": fields, "optional": optional, "name": name})


def _field(column: Column, time_mode: TimeMode) -> dict[str, Any]:
    field: dict[str, Any] = {"type": "int64" if column.kind in ("integer", "datetime") else "string"}
    field["optional"] = column.optional
    if column.kind == "datetime":
        field |= {"name": CONNECT_TIMESTAMP if time_mode == "connect" else MICRO_TIMESTAMP, "version": 1}
    if column.kind == "enum":
        field |= {"name": ENUM, "version": 1, "parameters": {"allowed": ",".join(column.allowed)}}
    if column.default is not None:
        field["default"] = column.default
    return field | {"field": column.name}


def _frame(schema: str | None) -> tuple[str, str]:
    """What stands before and after the payload."""
    return ("", "") if schema is None else (f'{{"schema":{schema},"payload":', "}")


def _join(frame: tuple[str, str], fields: Sequence[str]) -> bytes:
    before, after = frame
    return f"{before}{{{','.join(fields)}}}{after}".encode()


def _writer(column: Column, time_mode: TimeMode, null_to_default: bool) -> Callable[[Row], str]:
    """Writes `"name":value` of one column."""
    name, lead = column.name, f"{json_text(column.name)}:"
    null = lead + json_value(column.default if null_to_default else None)
    write: Callable[[Any], str] = str if column.kind == "integer" else json_text
    if column.kind == "datetime":
        write = _millis if time_mode == "connect" else _micros

    def write_field(row: Row) -> str:
        value = row.get(name)
        return null if value is None else lead + write(value)

    return write_field


def _micros(text: str) -> str:
    return str((datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND)


def _millis(text: str) -> str:
    return str((datetime.fromisoformat(text) - _EPOCH) // (_MICROSECOND * 1000))


def _time_ordered_id() -> uuid.UUID:
    """A UUID of version 7 (RFC 9562, section 5.7), as Debezium's run ids are."""
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    number = number & ~(0xF << 76) | 0x7 << 76
    return uuid.UUID(int=number & ~(0x3 << 62) | 0x2 << 62)
