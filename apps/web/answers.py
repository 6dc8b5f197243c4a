"""The bodies of successful answers: JSON, or nothing."""

from collections.abc import Mapping
from typing import Any

import msgspec
from sanic import HTTPResponse

_encode = msgspec.json.Encoder().encode


def json_answer(
    payload: Any, status: int = 200, *, no_store: bool = False, headers: Mapping[str, str] | None = None
) -> HTTPResponse:
    """Answers with JSON; datetimes come out as RFC 3339, so hand in aware UTC ones.

    Args:
        payload: a msgspec Struct, or plain values.
        no_store: whether caches must not keep it. Set it on every answer that carries a token.
    """
    answer = HTTPResponse(_encode(payload), status, dict(headers or {}), content_type="application/json")
    if no_store:
        answer.headers["cache-control"] = "no-store"
    return answer


def no_content() -> HTTPResponse:
    """Answers 204, without a body."""
    return HTTPResponse(b"", 204)
