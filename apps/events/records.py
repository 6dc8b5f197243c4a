"""Records as they lie in a topic, and the change events that they carry."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ENVELOPE = {"schema", "payload"}


class PoisonRecord(Exception):
    """A record that no repetition makes better: it is parked, with `reason`, and the loop goes on.

    reason: UPPER_SNAKE word. detail: a sentence for operators; never a value from the record, which
    may be a hash or a token.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Record:
    """One record as the log keeps it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp_ms: int


@dataclass(frozen=True)
class ChangeEvent:
    """A row as it stands after a change; `row` is None where the row was deleted (a tombstone)."""

    topic: str
    key: Mapping[str, Any]
    row: Mapping[str, Any] | None
    offset: int


def decode(record: Record) -> ChangeEvent:
    """Read a record written by Connect's JsonConverter, with its schema around it or without.

    Raises:
        PoisonRecord: KEY_INVALID or VALUE_INVALID, for what is not one JSON object in UTF-8.
    """
    key = _payload(record.key, reason="KEY_INVALID")
    if key is None:
        raise PoisonRecord("KEY_INVALID", "the record has no key")
    return ChangeEvent(record.topic, key, _payload(record.value, reason="VALUE_INVALID"), record.offset)


def micros(value: int) -> datetime:
    """The time of an io.debezium.time.MicroTimestamp: microseconds since 1970, in UTC.

    Raises:
        OverflowError: outside of the years 1 to 9999.
    """
    return _EPOCH + timedelta(microseconds=value)


def _payload(raw: bytes | None, *, reason: str) -> Mapping[str, Any] | None:
    if raw is None:
        return None
    try:
        text = raw.decode()
        parsed = json.loads(text, parse_constant=_refuse_constant)
        if "\\u" in text:
            # A lone surrogate is legal JSON, but no database takes it.
            json.dumps(parsed, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise PoisonRecord(reason, "not JSON in UTF-8") from error
    if isinstance(parsed, dict) and parsed.keys() == _ENVELOPE:
        parsed = parsed["payload"]
        if parsed is None:
            return None
    if not isinstance(parsed, dict):
        raise PoisonRecord(reason, "not a JSON object")
    return parsed


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")
