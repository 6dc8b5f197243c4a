"""The tools of the parity test: what they let differ, and what they do not."""

from datetime import UTC, datetime
from typing import Any

import pytest

from containers.engines import TopicRecord
from containers.tests.parity.differences import differences
from containers.tests.parity.masks import Masks
from containers.tests.parity.seen import PROBE, _header, _rows, parts, without_probes

HASH = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"


@pytest.fixture
def masks() -> Masks:
    return Masks({"login": "http://localhost:8000"})


def test_a_value_has_one_name_wherever_it_stands(masks: Masks) -> None:
    """So the hash of a topic can be found to be that of the row, and a time to have kept its microseconds."""
    at = datetime(2026, 11, 25, 0, 36, 1, 234567, tzinfo=UTC)
    micros = round(at.timestamp() * 1_000_000)
    text = f'{{"id":8,"password":"{HASH}","regDate":{micros}}}'
    assert masks.payload(text, "users", "users[0]") == (
        '{"id":<users id of users[0]>,"password":"$argon2id$v=19$m=19456,t=2,p=1$<hash of users[0]>",'
        '"regDate":<time of users[0].regDate>}'
    )
    assert masks.secrets(HASH, "row") == "$argon2id$v=19$m=19456,t=2,p=1$<hash of users[0]>"
    assert masks.moment(at, "row") == "<time of users[0].regDate>"
    assert masks.moment(at.replace(microsecond=234000), "row") == "<time of row>"
    assert masks.identity("users", 8, "row") == "<users id of users[0]>"


def test_what_is_told_of_answers_and_mails(masks: Masks) -> None:
    """Times lose their digits and keep their form; addresses of the platform become names."""
    body = '{"issued_at":"2026-11-25T00:36:01.5Z","user_id":8,"at":"http://localhost:8000/x"}'
    assert masks.answer(body, "a") == '{"issued_at":"9999-99-99T99:99:99.9Z","user_id":9,"at":"<login>/x"}'
    assert masks.mail("until 5 November 2026, 00:36\nUTC.", "m") == "until 9 May 9999, 99:99 UTC."


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ('{"id":8,"pw_version":1}', '{"id":8,"pw_version":2}'),
        ('{"id":8}', '{"id": 8}'),
        ('{"regDate":1795455439030499}', '{"regDate":1795455439030}'),
        ('{"id":8,"email":null}', '{"id":8}'),
        (f'{{"password":"{HASH}"}}', '{"password":"plain"}'),
    ],
)
def test_other_values_differ(left: str, right: str) -> None:
    """A number, a space, the unit of a time, a missing field, another kind of secret."""
    named = [Masks({}).payload(text, "users", "users[0]") for text in (left, right)]
    assert named[0] != named[1]


def test_equal_on_one_tier_only_differs() -> None:
    """A copy that was not made is seen, though neither hash is known."""
    left, right = Masks({}), Masks({})
    for masks in (left, right):
        masks.secrets(HASH, "users[0]")
    assert left.secrets(HASH, "row") != right.secrets(HASH.replace("aGFzaA", "b3RoZXI"), "row")


@pytest.mark.parametrize(
    ("text", "schema", "payload"),
    [
        ('{"schema":{"type":"struct"},"payload":{"id":1}}', '{"schema":{"type":"struct"}', '{"id":1}}'),
        ('{"_id":1}', "", '{"_id":1}'),
        ("{not json", "", "{not json"),
    ],
)
def test_schema_and_payload_come_apart(text: str, schema: str, payload: str) -> None:
    assert parts(text) == (schema, payload)


def test_probes_are_left_out() -> None:
    """Whatever spaces they were written with; rows are not."""
    keys = [
        f'{{"schema":{{}},{PROBE}}}',
        '{"schema": {}, "payload": {"id": -1}}',
        '{"payload":{"id":1}}',
        None,
    ]
    records = [TopicRecord(n, key, None, {}, 0) for n, key in enumerate(keys)]
    assert [record.offset for record in without_probes(records)] == [2, 3]


def test_headers_of_a_run_keep_their_form(masks: Masks) -> None:
    """Ids and offsets by their form only; of a stack trace its first line; the others as they are."""
    assert _header("__source_ts_ms", "1795455439030", masks, "p") == "number"
    assert _header("__debezium.context.runId", "01a2097b-b766", masks, "p") == "xxxxxxxx-xxxx"
    assert _header("__connect.errors.exception.stacktrace", "a.B: c\n\tat d", masks, "p") == "a.B: c"
    assert _header("__op", "c", masks, "p") == "c"


def test_rows_with_random_ids_are_in_order_of_time(masks: Masks) -> None:
    """And each column has a place of its own."""
    times = [datetime(2026, 1, day, tzinfo=UTC) for day in (2, 1)]
    rows: list[dict[str, Any]] = [{"id": f"s{at.day}", "issued_at": at, "pw_version": at.day} for at in times]
    told = dict(_rows("login_db.sessions", rows, masks))
    assert told["login_db.sessions rows"] == "2"
    assert told["login_db.sessions[0] columns"] == "id, issued_at, pw_version"
    assert [told[f"login_db.sessions[{n}].pw_version"] for n in (0, 1)] == ["1", "2"]


def test_differences_can_be_read() -> None:
    """Place by place, with the first difference of a long text in view and what is on one side only."""
    long = "x" * 200
    left = {"a": "1", "b": f"{long}one", "c": "here"}
    right = {"a": "1", "b": f"{long}two", "d": "there"}
    assert differences(left, right, ("real", "embedded")) == [
        f"b\n    real      …'{'x' * 60}one'\n    embedded  …'{'x' * 60}two'",
        "c\n    real      'here'\n    embedded  (not there)",
        "d\n    real      (not there)\n    embedded  'there'",
    ]
    assert differences(left, left, ("a", "b")) == []
