"""The reading half of Connect's converter: every outcome here is what the real one made of the same bytes."""

import json
from typing import Any

import pytest

from containers.embedded.envelope import ConversionError, JsonReader

ROW = [
    {"type": "int64", "optional": False, "field": "id"},
    {"type": "string", "optional": True, "field": "email"},
]
ENVELOPE = "JsonConverter with schemas.enable requires"
SERIALIZATION = "Converting byte[] to Kafka Connect data failed due to serialization error: "


def read(data: str | bytes) -> dict[str, Any] | None:
    found = JsonReader(null_to_default=False).read(data if isinstance(data, bytes) else data.encode())
    return None if found is None else dict(found.values)


def row(payload: str, fields: object = ROW, **more: object) -> str:
    schema = {"type": "struct", "fields": fields, "optional": False, **more}
    return f'{{"schema":{json.dumps(schema)},"payload":{payload}}}'


def of(kind: str, value: str) -> Any:
    """What becomes of a value in a field of this type."""
    return (read(row(f'{{"x":{value}}}', [{"type": kind, "optional": True, "field": "x"}])) or {})["x"]


@pytest.mark.parametrize(
    "text", ["", " ", "null", "[]", "7", '"x"', '{"id":900}', "{} x", "7 x", row("{}", x=1)[:-1] + ',"x":1}']
)
def test_what_has_no_envelope(text: str) -> None:
    """Nothing at all is not broken JSON, but a value that is no envelope."""
    with pytest.raises(ConversionError, match=ENVELOPE):
        read(text)


@pytest.mark.parametrize(
    "data",
    ["{not json", "x", "// c\n{}", "{'a':1}", b"\xff\xfe{", row('{"id":1,"email":NaN}'), "[" * 100_000],
)
def test_what_is_no_json(data: str | bytes) -> None:
    with pytest.raises(ConversionError) as caught:
        read(data)
    assert str(caught.value) == SERIALIZATION


@pytest.mark.parametrize("tail", [" and more", "}", ' {"x":1}', " "])
def test_what_stands_behind_the_record_is_not_looked_at(tail: str) -> None:
    """Also where the same schema has been read before."""
    reader = JsonReader(null_to_default=False)
    for data in (row('{"id":900,"email":"x"}'), row('{"id":900,"email":"x"}') + tail):
        found = reader.read(data.encode())
        assert found is not None
        assert dict(found.values) == {"id": 900, "email": "x"}


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + row('{"id":900,"email":"x"}').encode(),
        row('{"id":1,"id":900,"email":"x"}'),
        row('{"id":900,"email":"x","more":1}'),
        f'{{"payload":{{"id":900,"email":"x"}},"schema":{json.dumps({"type": "struct", "fields": ROW})}}}',
    ],
)
def test_what_is_a_row_all_the_same(data: str | bytes) -> None:
    """A byte order mark, a doubled field, a field more, another order."""
    assert read(data) == {"id": 900, "email": "x"}


@pytest.mark.parametrize(
    ("kind", "value", "becomes"),
    [
        ("int64", '"900"', 0),
        ("int64", "true", 0),
        ("int64", "900.7", 900),
        ("int64", "9e2", 900),
        ("int64", "3.9e20", 2618374452099416064),
        ("int64", "9223372036854775808", -9223372036854775808),
        ("int32", "3000000000", -1294967296),
        ("int32", "-3.9", -3),
        ("int16", "70000", 4464),
        ("int8", "300", 44),
        ("string", "7", None),
        ("string", '{"a":1}', None),
        ("string", '"\\ud800"', "?"),
        ("boolean", "1", False),
        ("boolean", '"true"', False),
        ("boolean", "true", True),
        ("double", "1", 1.0),
        ("float", '"1.5"', 0.0),
    ],
)
def test_values_of_other_types_are_made_to_fit(kind: str, value: str, becomes: object) -> None:
    found = of(kind, value)
    assert (found, type(found)) == (becomes, type(becomes))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (row("null"), "Invalid null value for required STRUCT field"),
        (row("null", optional="yes"), "Invalid null value for required STRUCT field"),
        (row("[]"), "Structs should be encoded as JSON objects, but found ARRAY"),
        (row("7"), "Structs should be encoded as JSON objects, but found NUMBER"),
        (row('"x"'), "Structs should be encoded as JSON objects, but found STRING"),
        (row("true"), "Structs should be encoded as JSON objects, but found BOOLEAN"),
        (row('{"email":"x"}'), "Invalid null value for required INT64 field"),
        (
            row('{"x":7}', [{"type": "string", "optional": False, "field": "x"}]),
            'Invalid value: null used for required field: "x", schema type: STRING',
        ),
        ('{"schema":{"type":"strange"},"payload":{}}', "Unknown schema type: strange"),
        (row("{}", [{"type": "strange", "field": "x"}]), "Unknown schema type: strange"),
        ('{"schema":7,"payload":{}}', "Schema must contain 'type' field"),
        ('{"schema":{},"payload":{}}', "Schema must contain 'type' field"),
        ('{"schema":{"type":7},"payload":{}}', "Schema must contain 'type' field"),
        (row("{}", [{"field": "x"}]), "Schema must contain 'type' field"),
        (row("{}", 7), 'Struct schema\'s "fields" argument is not an array.'),
        ('{"schema":{"type":"struct"},"payload":{}}', 'Struct schema\'s "fields" argument is not an array.'),
        (row("{}", [{"type": "int64"}]), "Struct schema's field name not specified properly"),
        (row("{}", [{"type": "int64", "field": 7}]), "Struct schema's field name not specified properly"),
        (row("{}", [7]), "Struct schema's field name not specified properly"),
    ],
)
def test_what_is_refused_is_told_in_its_words(text: str, words: str) -> None:
    with pytest.raises(ConversionError) as caught:
        read(text)
    assert str(caught.value) == words


@pytest.mark.parametrize(
    "text",
    [
        '{"schema":null,"payload":null}',
        '{"schema":{"type":"string","optional":true},"payload":null}',
        row("null", optional=True),
    ],
)
def test_what_counts_as_a_tombstone(text: str) -> None:
    assert read(text) is None
