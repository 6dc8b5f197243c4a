"""Records are read as Connect writes them, and anything else is poison with a reason."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.events.records import PoisonRecord, Record, decode, micros
from apps.events.tests.fakes import record


def enveloped(payload: object) -> dict[str, object]:
    return {"schema": {"type": "struct", "fields": [], "optional": False}, "payload": payload}


def raw(key: bytes | None, value: bytes | None) -> Record:
    return Record("users", 0, 7, key, value, (), 0)


def test_a_record_with_its_schema_is_unwrapped():
    """The MySQL connectors write schemas."""
    event = decode(
        raw(json.dumps(enveloped({"id": 11})).encode(), json.dumps(enveloped({"id": 11, "n": None})).encode())
    )
    assert (event.topic, event.offset, event.key, event.row) == (
        "users",
        7,
        {"id": 11},
        {"id": 11, "n": None},
    )


def test_a_record_without_schema_is_taken_as_it_is():
    """The MongoDB connector writes plain documents."""
    event = decode(raw(b'{"id":42}', b'{"_id":42,"status":"ACTIVE","schema":"x"}'))
    assert event.row == {"_id": 42, "status": "ACTIVE", "schema": "x"}


@pytest.mark.parametrize("value", [None, json.dumps(enveloped(None)).encode()])
def test_a_tombstone_has_no_row(value: bytes | None):
    """Both spellings of a deletion are one."""
    assert decode(raw(b'{"id":42}', value)).row is None


def test_escaped_surrogate_pairs_become_the_letters_they_stand_for():
    """Connect escapes what lies beyond the basic plane."""
    event = decode(raw(b'{"id":1}', '{"fullName":"Zoë \\uD83D\\uDE00 中文"}'.encode()))
    assert event.row == {"fullName": "Zoë 😀 中文"}


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{not json",
        b"[]",
        b"7",
        b"null",
        b'{"a":NaN}',
        b"\xff\xfe",
        b'{"a":"\\ud83d"}',
        b'{"schema":{},"payload":7}',
        b"[" * 100_000,
        b'{"a":' + b"9" * 5000 + b"}",
    ],
)
def test_a_value_that_is_not_an_object_is_poison(value: bytes):
    """None of these may reach a handler, or stop the loop."""
    with pytest.raises(PoisonRecord) as caught:
        decode(raw(b'{"id":1}', value))
    assert caught.value.reason == "VALUE_INVALID"


@pytest.mark.parametrize("key", [None, b"{", b"11", b'{"schema":{},"payload":null}'])
def test_a_key_that_is_not_an_object_is_poison(key: bytes | None):
    """Every topic of ours is keyed by the row's id."""
    with pytest.raises(PoisonRecord) as caught:
        decode(raw(key, b"{}"))
    assert caught.value.reason == "KEY_INVALID"


@given(st.binary(max_size=60))
def test_any_bytes_are_an_event_or_poison(value: bytes):
    """No third thing comes out of decode."""
    try:
        decode(record(value))
    except PoisonRecord as poison:
        assert poison.reason == "VALUE_INVALID"  # noqa: PT017 - both ends are right


def test_times_of_events_are_utc():
    """Microseconds from MySQL."""
    assert micros(1_795_455_439_030_499) == datetime(2026, 11, 23, 17, 37, 19, 30_499, UTC)
