"""Connect's JsonConverter, the reading half: rows with their schema, and how it refuses what is none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

_PAYLOAD = b'"payload":'
_MOST_SCHEMAS = 1000

_NOT_JSON = "Converting byte[] to Kafka Connect data failed due to serialization error: "
_NO_ENVELOPE = (
    'JsonConverter with schemas.enable requires "schema" and "payload" fields and may not contain '
    "additional fields. If you are trying to deserialize plain JSON data, set schemas.enable=false in "
    "your converter configuration."
)


class ConversionError(Exception):
    """A key or value that the converter cannot read: real Connect's DataException, in its words."""


@dataclass(frozen=True, eq=False)
class Field:
    """One field of a struct; `semantic` is the name of its logical type, if any."""

    name: str
    type: str
    semantic: str | None
    optional: bool
    default: Any


@dataclass(frozen=True, eq=False)
class Schema:
    """The schema of a row; compared by identity, because each is parsed once."""

    fields: tuple[Field, ...]
    optional: bool


@dataclass(frozen=True)
class Struct:
    """A row with its schema; every field is there, and of the schema's type."""

    schema: Schema
    values: Mapping[str, Any]


class JsonReader:
    """Reads keys or values of records; a schema met before is not parsed again."""

    def __init__(self, *, null_to_default: bool) -> None:
        self._null_to_default = null_to_default
        self._schemas: dict[bytes, Schema] = {}

    def read(self, data: bytes | None) -> Struct | None:
        """The row; None where there is none (a tombstone).

        Raises:
            ConversionError: not JSON, no schema around it, null or of another type than the schema says.
        """
        if data is None:
            return None
        cut = data.find(_PAYLOAD)
        schema = self._schemas.get(data[:cut])
        if schema is not None and data.endswith(b"}"):
            try:
                return self._row(schema, msgspec.json.decode(data[cut + len(_PAYLOAD) : -1]))
            except msgspec.DecodeError:
                pass  # said better by the whole record
        return self._read_whole(data, data[:cut])

    def _read_whole(self, data: bytes, head: bytes) -> Struct | None:
        try:
            envelope = msgspec.json.decode(data)
        except (msgspec.DecodeError, RecursionError) as error:
            raise ConversionError(_NOT_JSON) from error
        if not isinstance(envelope, dict) or envelope.keys() != {"schema", "payload"}:
            raise ConversionError(_NO_ENVELOPE)
        described, payload = envelope["schema"], envelope["payload"]
        if described is None:
            if payload is None:
                return None
            raise ConversionError("A sink needs the schema of a record, and this one is null")
        schema = _schema(described)
        if _holds_nothing_but_schema(head) and len(self._schemas) < _MOST_SCHEMAS:
            self._schemas[head] = schema
        return self._row(schema, payload)

    def _row(self, schema: Schema, payload: Any) -> Struct | None:
        if payload is None:
            if schema.optional:
                return None
            raise ConversionError("Invalid null value for required STRUCT field")
        if not isinstance(payload, dict):
            raise ConversionError("Invalid type for STRUCT field")
        values = {}
        for field in schema.fields:
            value = payload.get(field.name)
            if value is None:
                value = field.default if self._null_to_default else None
                if value is None and not field.optional:
                    raise ConversionError(f"Invalid null value for required {field.type.upper()} field")
            elif not _TYPES[field.type](value):
                raise ConversionError(f"Invalid type for {field.type.upper()} field")
            values[field.name] = value
        return Struct(schema, values)


def _holds_nothing_but_schema(head: bytes) -> bool:
    """Whether all before the payload is `{"schema":...,`, so that what follows can be read by itself."""
    head = head.rstrip()
    if not head.startswith(b'{"schema":') or not head.endswith(b","):
        return False
    try:
        msgspec.json.decode(head[len(b'{"schema":') : -1])
    except msgspec.DecodeError:
        return False
    return True


def _schema(described: Any) -> Schema:
    try:
        if described["type"] != "struct":
            raise ConversionError("A sink needs rows, and this record is none")
        return Schema(tuple(map(_field, described["fields"])), bool(described.get("optional", False)))
    except (TypeError, KeyError, AttributeError) as error:
        raise ConversionError("The schema is not one that JsonConverter writes") from error


def _field(described: Mapping[str, Any]) -> Field:
    kind = described["type"]
    if kind not in _TYPES:
        raise ConversionError(f"Unknown schema type: {kind}")
    return Field(
        str(described["field"]),
        kind,
        described.get("name"),
        bool(described.get("optional", False)),
        described.get("default"),
    )


def _whole_number(bits: int) -> Callable[[Any], bool]:
    least, most = -(1 << bits - 1), (1 << bits - 1) - 1
    return lambda value: type(value) is int and least <= value <= most


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: type(value) is str,
    "int8": _whole_number(8),
    "int16": _whole_number(16),
    "int32": _whole_number(32),
    "int64": _whole_number(64),
    "boolean": lambda value: type(value) is bool,
    "float": lambda value: type(value) in (int, float),
    "double": lambda value: type(value) in (int, float),
}
