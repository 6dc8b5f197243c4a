"""Reads request bodies and queries strictly: one object, each name once, every fault of every field at once.

A body is described by a msgspec Struct whose fields are strings (or other plain types), narrowed by
msgspec.Meta where the rule is a length or a pattern. What needs words of its own (an address, a password) is
the caller's `check`. A field named `token` is the token of a link: whatever is wrong with it is LINK_INVALID.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar, cast
from urllib.parse import parse_qsl

import msgspec
from msgspec.structs import FieldInfo, fields
from sanic import Request

from apps.auth.errors import FieldError, ValidationFailed
from apps.web.refusals import BodyInvalid, LinkInvalid, UnsupportedMediaType

__all__ = [
    "BodyInvalid",
    "LinkInvalid",
    "UnsupportedMediaType",
    "read_body",
    "read_token_body",
    "read_token_query",
    "refuse_repeated_parameters",
]

Body = TypeVar("Body", bound=msgspec.Struct)
Check = Callable[[Mapping[str, Any]], Sequence[FieldError]]

JSON_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"
MAX_FORM_FIELDS = 100

_GIVEN_TWICE = object()


def read_body(
    request: Request, shape: type[Body], *, check: Check | None = None, form_allowed: bool = False
) -> Body:
    """The request's body as `shape`.

    Args:
        shape: the Struct to fill. null stands for an absent value where the field has a default.
        check: gets the fields that are present and of the right type; returns what else is wrong with them.
        form_allowed: whether an HTML form is taken as well as JSON.

    Raises:
        UnsupportedMediaType: neither JSON nor an allowed form.
        BodyInvalid: not UTF-8, not JSON, not an object, NaN, or a name given twice.
        LinkInvalid: the field `token` is missing, not a string or given twice.
        ValidationFailed: with one FieldError for each invalid field.
    """
    given = _read_mapping(request, form_allowed=form_allowed)
    declared = {field.encode_name: field for field in fields(shape)}
    if "token" in declared and not _is_text(given.get("token")):
        raise LinkInvalid
    _refuse_twice(given)
    errors: dict[str, FieldError] = {}
    values: dict[str, Any] = {}
    for name, field in declared.items():
        value = given.get(name)
        if value is None and (name not in given or not field.required):
            if field.required:
                errors[f"/{name}"] = FieldError(f"/{name}", "FIELD_MISSING", "This field is required.")
            continue
        try:
            values[name] = _convert(value, field)
        except ValueError:
            errors[f"/{name}"] = FieldError(f"/{name}", "FIELD_INVALID", _expectation(field))
    for error in check(values) if check else ():
        errors.setdefault(error.pointer, error)
    if not given.keys() <= declared.keys():
        errors.setdefault(
            "", FieldError("", "FIELD_UNKNOWN", "There is a field that this request does not have.")
        )
    if errors:
        order = [f"/{name}" for name in declared]
        raise ValidationFailed(sorted(errors.values(), key=lambda e: _place(order, e.pointer)))
    return shape(**{declared[name].name: value for name, value in values.items()})


def read_token_body(request: Request) -> str | None:
    """The token of a link from a JSON or form body {token}; None if it is missing, given twice or no string.

    Raises:
        UnsupportedMediaType, BodyInvalid: as read_body.
        ValidationFailed: the body has other fields too.
    """
    given = _read_mapping(request, form_allowed=True)
    token = given.pop("token", None)
    _refuse_twice(given)
    if given:
        unknown = FieldError("", "FIELD_UNKNOWN", "There is a field that this request does not have.")
        raise ValidationFailed([unknown])
    return token if _is_text(token) else None


def read_token_query(request: Request) -> str | None:
    """The token of a link from the query; None if it is missing or given twice (both are LINK_INVALID)."""
    tokens = [value for name, value in _query(request) if name == "token"]
    return tokens[0] if len(tokens) == 1 and _is_text(tokens[0]) else None


def refuse_repeated_parameters(request: Request, *, apart_from: str | None = None) -> None:
    """Raises BodyInvalid if the query has a name twice, apart from one whose reader judges that itself."""
    if not request.query_string:
        return
    names = [name for name, _ in _query(request) if name != apart_from]
    if len(names) != len(set(names)):
        raise BodyInvalid


def _query(request: Request) -> list[tuple[str, str]]:
    try:
        return parse_qsl(request.query_string, keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS)
    except ValueError:
        raise BodyInvalid from None


def _read_mapping(request: Request, *, form_allowed: bool) -> dict[str, Any]:
    types = request.headers.getall("content-type", [])
    media = types[0].split(";", 1)[0].strip().lower() if len(types) == 1 else ""
    if media == JSON_TYPE:
        return _read_json(request.body)
    if media == FORM_TYPE and form_allowed:
        return _read_form(request.body)
    raise UnsupportedMediaType


def _read_json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):  # ValueError covers bad UTF-8, bad JSON and numbers beyond the limit
        raise BodyInvalid from None
    if not isinstance(value, dict):
        raise BodyInvalid
    return value


def _read_form(body: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS, errors="strict"
        )
    except ValueError:
        raise BodyInvalid from None
    return _once(cast("list[tuple[str, Any]]", pairs))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                mapping[name] = _GIVEN_TWICE
            seen.add(name)
    return mapping


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _refuse_twice(given: Mapping[str, Any]) -> None:
    if _has_twice(given):
        raise BodyInvalid


def _has_twice(value: Any) -> bool:
    parts = [value]  # a stack: what JSON's reader can nest is deeper than what a recursion here can follow
    while parts:
        part = parts.pop()
        if part is _GIVEN_TWICE:
            return True
        if isinstance(part, Mapping):
            parts += part.values()
        elif isinstance(part, list):
            parts += part
    return False


def _convert(value: Any, field: FieldInfo) -> Any:
    converted = msgspec.convert(value, field.type, strict=True)
    if isinstance(converted, str) and not _is_text(converted):
        raise ValueError(field.name)
    return converted


def _is_text(value: Any) -> bool:
    """Whether this is a string that can be written as UTF-8: JSON can spell a lone surrogate."""
    return isinstance(value, str) and (
        value.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in value)
    )


def _expectation(field: FieldInfo) -> str:
    """What the field takes, in words, from its declared type alone."""
    schema = msgspec.json.schema(field.type)
    rules = next((rule for rule in schema.get("anyOf", [schema]) if rule.get("type") != "null"), schema)
    longest = f", of at most {rules['maxLength']} characters" if "maxLength" in rules else ""
    signs = ", without other signs than it allows" if "pattern" in rules else ""
    kind = {"string": "text", "integer": "a whole number", "boolean": "true or false"}.get(
        rules.get("type", "")
    )
    return f"This field takes {kind or 'another type of value'}{longest}{signs}."


def _place(order: Sequence[str], pointer: str) -> int:
    return order.index(pointer) if pointer in order else len(order)
