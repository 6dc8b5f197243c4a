"""How strictly bodies and queries are read."""

import json
from typing import Annotated, Any

import msgspec
import pytest
from sanic.compat import Header

from apps.auth.errors import FieldError, Refusal, ValidationFailed
from apps.web.bodies import (
    BodyInvalid,
    LinkInvalid,
    UnsupportedMediaType,
    read_body,
    read_token_body,
    read_token_query,
    refuse_repeated_parameters,
)
from apps.web.requests import EdgeRequest
from apps.web.tests.serving import SECRET, Account, faults

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


class NewPassword(msgspec.Struct, forbid_unknown_fields=True):
    """A body with the token of a link."""

    token: str
    password: str


def request(body: bytes = b"", content_type: str | None = JSON, target: bytes = b"/take") -> Any:
    headers = [] if content_type is None else [("content-type", content_type)]
    made = EdgeRequest(target, Header(headers), "1.1", "POST", None, None)
    made.body = body
    return made


def refusal(reading: Any, *args: Any, **kwargs: Any) -> Refusal:
    with pytest.raises(Refusal) as raised:
        reading(*args, **kwargs)
    return raised.value


def codes(body: Any) -> dict[str, str]:
    """Pointer to code for each field error."""
    raised = refusal(read_body, request(json.dumps(body).encode()), Account, check=faults)
    assert isinstance(raised, ValidationFailed)
    assert SECRET not in repr(raised.errors)
    return {error.pointer: error.code for error in raised.errors}


@pytest.mark.parametrize("content_type", [JSON, "Application/JSON", "application/json; charset=utf-8"])
def test_a_good_body_becomes_the_struct(content_type: str) -> None:
    """An absent optional field, and one that is null, get their default."""
    for body in (
        b'{"email":"a","password":"12345678"}',
        b'{"email":"a","password":"12345678","fullName":null}',
    ):
        assert read_body(request(body, content_type), Account) == Account("a", "12345678")


@pytest.mark.parametrize(
    "content_type", [None, "", "text/plain", FORM, "multipart/form-data", "application/jsonx"]
)
def test_another_content_type_is_unsupported(content_type: str | None) -> None:
    """Forms too, where they are not allowed."""
    assert isinstance(refusal(read_body, request(b"{}", content_type), Account), UnsupportedMediaType)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"1",
        b'{"email":"a","email":"b","password":"12345678"}',
        b'{"email":"a","password":{"x":1,"x":2}}',
        b'{"email":"a","password":[{"x":1,"x":2}]}',
        b'{"email":NaN}',
        b'{"email":-Infinity}',
        b'{"email":"\xff"}',
        b'\xef\xbb\xbf{"email":"a"}',
        b'{"email":' + b"[" * 8000,
        b'{"email":' + b"9" * 5000 + b"}",
        b'{"email":"a"} {}',
    ],
)
def test_what_is_not_one_json_object_is_body_invalid(body: bytes) -> None:
    """Nothing is guessed, and nothing crashes the parser."""
    assert isinstance(refusal(read_body, request(body), Account), BodyInvalid)


def test_every_fault_of_every_field_is_told_at_once_in_order() -> None:
    """Types, what is missing and the check's own faults come together."""
    assert list(codes({"zz": SECRET, "password": "short", "fullName": "too long", "id": 1}).items()) == [
        ("/email", "FIELD_MISSING"),
        ("/password", "PASSWORD_TOO_SHORT"),
        ("/fullName", "FIELD_INVALID"),
        ("", "FIELD_UNKNOWN"),
    ]


@pytest.mark.parametrize("value", [0, True, 1.5, [SECRET], {SECRET: 1}, None, "\ud800" + SECRET])
def test_a_wrong_type_is_field_invalid(value: Any) -> None:
    """A lone surrogate is no text either."""
    assert codes({"email": value, "password": "12345678"}) == {"/email": "FIELD_INVALID"}


def test_the_check_sees_only_what_is_well_typed() -> None:
    """It never has to ask for types, nor for presence."""
    seen: list[dict[str, Any]] = []

    def note(values: Any) -> list[FieldError]:
        seen.append(dict(values))
        return []

    refusal(read_body, request(b'{"email":1,"password":"12345678"}'), Account, check=note)
    assert seen == [{"password": "12345678"}]


def test_a_pattern_is_field_invalid_without_the_value() -> None:
    """Meta both checks and documents."""

    class Phone(msgspec.Struct):
        phoneNo: Annotated[str, msgspec.Meta(pattern="^[0-9]*$")] | None = None

    raised = refusal(read_body, request(json.dumps({"phoneNo": SECRET}).encode()), Phone)
    assert [(error.pointer, error.code) for error in raised.errors] == [("/phoneNo", "FIELD_INVALID")]
    assert SECRET not in raised.errors[0].detail


def test_a_form_is_read_like_json_where_it_is_allowed() -> None:
    """Plus signs and percent signs are decoded, once."""
    form = request(b"token=a.b&password=p%C3%A4ss+w%2Brd", FORM)
    assert read_body(form, NewPassword, form_allowed=True) == NewPassword("a.b", "päss w+rd")


@pytest.mark.parametrize(
    "body", [b"token=a&password=b&password=c", b"token=a&password=%ff", b"\xff=1", b"a=1&" * 101]
)
def test_a_doubtful_form_is_body_invalid(body: bytes) -> None:
    """Given twice, not UTF-8, or endless."""
    assert isinstance(refusal(read_body, request(body, FORM), NewPassword, form_allowed=True), BodyInvalid)


@pytest.mark.parametrize(
    "body",
    [
        b'{"password":"12345678"}',
        b'{"token":null,"password":"12345678"}',
        b'{"token":1,"password":"12345678"}',
        b'{"token":"\\ud800","password":"12345678"}',
        b'{"token":"a","token":"b","password":"12345678"}',
        b'{"token":{"a":1,"a":2},"password":"1"}',
    ],
)
def test_whatever_is_wrong_with_a_token_is_link_invalid(body: bytes) -> None:
    """Before anything else is judged."""
    assert isinstance(refusal(read_body, request(body), NewPassword), LinkInvalid)
    assert isinstance(
        refusal(read_body, request(b"token=a&token=b", FORM), NewPassword, form_allowed=True), LinkInvalid
    )


@pytest.mark.parametrize(
    ("body", "content_type", "token"),
    [
        (b'{"token":"a.b"}', JSON, "a.b"),
        (b"token=a.b", FORM, "a.b"),
        (b"{}", JSON, None),
        (b"", FORM, None),
        (b'{"token":1}', JSON, None),
        (b'{"token":"a","token":"b"}', JSON, None),
        (b"token=a&token=b", FORM, None),
    ],
)
def test_the_token_of_a_body_is_one_or_none(body: bytes, content_type: str, token: str | None) -> None:
    """Missing, doubled and no string are alike: the reader of tokens refuses None."""
    assert read_token_body(request(body, content_type)) == token


def test_a_token_body_has_nothing_else() -> None:
    """Unknown fields are refused there too."""
    assert isinstance(refusal(read_token_body, request(b'{"token":"a","id":1}')), ValidationFailed)
    assert isinstance(refusal(read_token_body, request(b"token=a", "text/plain")), UnsupportedMediaType)


@pytest.mark.parametrize(
    ("query", "token"),
    [
        (b"token=a.b", "a.b"),
        (b"x=1&token=a", "a"),
        (b"", None),
        (b"token=", ""),
        (b"token=a&token=a", None),
        (b"Token=a", None),
    ],
)
def test_the_token_of_a_query_is_one_or_none(query: bytes, token: str | None) -> None:
    """Given twice is as good as not given, even if both are alike."""
    assert read_token_query(request(target=b"/link?" + query)) == token


def test_other_parameters_given_twice_are_body_invalid() -> None:
    """The token is left to its own reader, where there is one."""
    assert isinstance(refusal(refuse_repeated_parameters, request(target=b"/x?a=1&a=2")), BodyInvalid)
    assert isinstance(refusal(refuse_repeated_parameters, request(target=b"/x?token=1&token=2")), BodyInvalid)
    refuse_repeated_parameters(request(target=b"/x?token=1&token=2&a=1"), apart_from="token")
