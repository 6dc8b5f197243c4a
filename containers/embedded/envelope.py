"""Connect's JsonConverter, the reading half: rows with their schema, and how it refuses what is none.

Like the real one (Kafka 4.3.1, Jackson 2.21; compared case by case) it refuses less than one thinks: a
value of another type than its field becomes 0, false or null, a number too large for its field loses its
upper bits, and what stands behind the record's first JSON value is not looked at.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

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
            ConversionError: not JSON, no schema around it, no row, or null where the schema has none.
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
        envelope = _first_value(data)
        if not isinstance(envelope, dict) or envelope.keys() != {"schema", "payload"}:
            raise ConversionError(_NO_ENVELOPE)
        described, payload = envelope["schema"], envelope["payload"]
        if described is None:
            if payload is None:
                return None
            raise ConversionError("A sink needs the schema of a record, and this one is null")
        if _kind(described) != "struct":
            if payload is None and _is_optional(described):
                return None
            raise ConversionError("A sink needs rows, and this record is none")
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
            found = _NODE_TYPES[type(payload)]
            raise ConversionError(f"Structs should be encoded as JSON objects, but found {found}")
        values = {}
        for field in schema.fields:
            value = payload.get(field.name)
            if value is not None:
                value = _READERS[field.type](value)
                if value is None and not field.optional:
                    raise ConversionError(_null_in(field))
            else:
                value = field.default if self._null_to_default else None
                if value is None and not field.optional:
                    raise ConversionError(f"Invalid null value for required {field.type.upper()} field")
            values[field.name] = value
        return Struct(schema, values)


def _null_in(field: Field) -> str:
    return f'Invalid value: null used for required field: "{field.name}", schema type: {field.type.upper()}'


def _first_value(data: bytes) -> Any:
    """What Jackson makes of these bytes; None where there is nothing but space."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        pass  # Python's own reader can stop behind a value, and takes halves of surrogate pairs
    try:
        text = data.decode("utf-8-sig").lstrip(" \t\r\n")
        value = _LENIENT.raw_decode(text)[0] if text else None
        # Such a half has no UTF-8: MySQL's driver sends a question mark.
        return json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
    except (ValueError, RecursionError) as error:
        raise ConversionError(_NOT_JSON) from error


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


_LENIENT = json.JSONDecoder(parse_constant=_refuse_constant)


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


def _schema(described: Mapping[str, Any]) -> Schema:
    fields = described.get("fields")
    if not isinstance(fields, list):
        raise ConversionError('Struct schema\'s "fields" argument is not an array.')
    return Schema(tuple(map(_field, fields)), _is_optional(described))


def _field(described: Any) -> Field:
    if not isinstance(described, dict) or not isinstance(described.get("field"), str):
        raise ConversionError("Struct schema's field name not specified properly")
    kind = _kind(described)
    if kind not in _READERS:
        raise ConversionError(f"Unknown schema type: {kind}")
    semantic, default = described.get("name"), described.get("default")
    return Field(described["field"], kind, semantic, _is_optional(described), default)


def _kind(described: Any) -> str:
    kind = described.get("type") if isinstance(described, dict) else None
    if not isinstance(kind, str):
        raise ConversionError("Schema must contain 'type' field")
    if kind not in _KINDS:
        raise ConversionError(f"Unknown schema type: {kind}")
    return kind


def _is_optional(described: Mapping[str, Any]) -> bool:
    return described.get("optional") is True


def _whole_number(bits: int) -> Callable[[Any], int]:
    least, all_of_them = -(1 << bits - 1), 1 << bits

    def read(value: Any) -> int:
        if type(value) is float:
            value = int(value) if math.isfinite(value) else 0
        return (value - least) % all_of_them + least if type(value) is int else 0

    return read


def _number(value: Any) -> float:
    return float(value) if type(value) in (int, float) else 0.0


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "string": lambda value: value if type(value) is str else None,
    "int8": _whole_number(8),
    "int16": _whole_number(16),
    "int32": _whole_number(32),
    "int64": _whole_number(64),
    "boolean": lambda value: value is True,
    "float": _number,
    "double": _number,
}
"""Jackson's textValue(), longValue(), booleanValue() ...: what they make of a JSON value that is not null."""

_KINDS = {*_READERS, "struct", "bytes", "array", "map"}

_NODE_TYPES: Mapping[type, str] = {
    str: "STRING",
    bool: "BOOLEAN",
    int: "NUMBER",
    float: "NUMBER",
    list: "ARRAY",
}
