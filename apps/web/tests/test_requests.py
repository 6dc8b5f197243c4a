"""What the edge reads from headers."""

from typing import Any

import pytest
from sanic.compat import Header

from apps.web.requests import EdgeRequest, bearer, prefers_html, request_id


def request(*headers: tuple[str, str]) -> Any:
    return EdgeRequest(b"/", Header(headers), "1.1", "GET", None, None)


@pytest.mark.parametrize(
    ("accept", "is_html"),
    [
        (None, False),
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("text/html", True),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("TEXT/HTML", True),
        ("text/*", True),
        ("text/html, application/json", False),
        ("text/html;q=0.5, application/json", False),
        ("text/html;q=0.9, application/json;q=0.8", True),
        ("text/html, application/problem+json", False),
        ("text/html;q=0, */*", False),
        ("application/json;q=0, */*", True),
        ("text/html;q=nonsense", False),
        ("text/html;level=1;q=0.4,*/*;q=0.3", True),
        ("application/*, text/html;q=0.9", False),
        (";,;;=,\udcff", False),
    ],
)
def test_html_is_preferred_only_if_it_is_liked_better_than_json(accept: str | None, is_html: bool) -> None:
    """The more specific range decides; a tie is JSON, for it has more readers."""
    headers = () if accept is None else (("accept", accept),)
    assert prefers_html(request(*headers)) is is_html


@pytest.mark.parametrize(
    ("values", "token"),
    [
        ([], None),
        (["Bearer abc.d-_"], "abc.d-_"),
        (["bearer  abc"], "abc"),
        (["Basic abc"], None),
        (["Bearerabc"], None),
        (["Bearer"], ""),
        (["Bearer a b"], ""),
        (["Bearer \udcff"], ""),
        (["Bearer a", "Bearer a"], ""),
        (["Basic a", "Bearer b"], ""),
    ],
)
def test_a_bearer_token_is_plain_text_or_empty_or_absent(values: list[str], token: str | None) -> None:
    """Empty is a token that is not valid; absent is no token at all."""
    assert bearer(request(*(("authorization", value) for value in values))) == token


def test_a_request_keeps_its_id() -> None:
    """One id in the answer and in the log; two headers are none."""
    one = request()
    assert request_id(one) == request_id(one) == one.id
    assert request_id(request(("x-request-id", "a"))) == "a"
    assert request_id(request(("x-request-id", "a"), ("x-request-id", "a"))) != "a"
