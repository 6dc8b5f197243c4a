"""What errors look like to clients, and what is in the log."""

import asyncio
import json

import pytest

from apps.web.tests.serving import SECRET, Wire, assert_problem, serve

HTML = "Accept: text/html,application/xhtml+xml,*/*;q=0.8"
PAGE_HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "content-type": "text/html; charset=utf-8",
}


def test_an_unknown_exception_is_internal_and_its_text_stays_out_of_the_log(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The log has class, frames and the request's id; the client has the id."""

    async def scenario(wire: Wire) -> None:
        reply = await wire.ask("GET", "/crash", "X-Request-ID: find-me")
        assert_problem(reply, 500, "INTERNAL")
        assert SECRET.encode() not in reply.body

    serve(scenario)
    written = capfd.readouterr().err
    assert SECRET not in written
    line = next(json.loads(line) for line in written.splitlines() if "request_failed" in line)
    assert (line["request_id"], line["level"], line["error"][0]["class"]) == (
        "find-me",
        "error",
        "builtins.ValueError",
    )
    assert line["error"][0]["frames"][-1].endswith(" crash")


def test_refusals_carry_the_headers_of_their_status() -> None:
    """Retry-After on 429 and 503, WWW-Authenticate on 401."""

    async def scenario(wire: Wire) -> None:
        fast = await wire.ask("GET", "/fast")
        assert_problem(fast, 429, "TOO_FAST")
        assert fast.headers["retry-after"] == "4"
        who = await wire.ask("GET", "/who")
        assert_problem(who, 401, "TOKEN_INVALID")
        assert who.headers["www-authenticate"] == "Bearer"

    serve(scenario)


def test_field_errors_are_listed() -> None:
    """pointer, code and detail, and nothing of what was sent."""

    async def scenario(wire: Wire) -> None:
        reply = await wire.ask("POST", "/dev//take", json={"email": [SECRET], "password": "12345678"})
        assert_problem(reply, 400, "VALIDATION_FAILED")
        assert [(e["pointer"], e["code"]) for e in reply.json["errors"]] == [("/email", "FIELD_INVALID")]
        assert SECRET.encode() not in reply.body
        good = await wire.ask("POST", "/dev//take", json={"email": "a", "password": "12345678"})
        assert (good.status, good.json) == (202, {"seen": ["a", None]})
        assert (await wire.ask("POST", "/dev/take")).status == 404

    serve(scenario)


@pytest.mark.parametrize(
    ("method", "target", "body", "status"),
    [
        ("GET", "/link?a=1&a=2", b"", 400),
        ("POST", "/link", b"", 415),
        ("PUT", "/link", b"", 405),
        ("GET", "/link/?a=1&a=2", b"", 400),
        ("POST", "/link", b"x" * 20_000, 413),
    ],
)
def test_a_link_page_shows_its_errors_to_people_as_a_page(
    method: str, target: str, body: bytes, status: int
) -> None:
    """Same status, page headers; programs still get the problem."""

    async def scenario(wire: Wire) -> None:
        page = await wire.ask(method, target, HTML, body=body)
        assert page.status == status
        assert page.headers.items() >= PAGE_HEADERS.items()
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert b"<script" not in page.body
        assert page.headers["x-request-id"].encode() in page.body
        assert (await wire.ask(method, target, body=body)).headers[
            "content-type"
        ] == "application/problem+json"

    serve(scenario)


def test_a_page_has_the_headers_of_its_status_too() -> None:
    """Retry-After is for whoever comes back."""

    async def scenario(wire: Wire) -> None:
        page = await wire.ask("DELETE", "/link", HTML)
        assert (page.status, page.headers["retry-after"]) == (429, "4")
        assert page.headers.items() >= PAGE_HEADERS.items()

    serve(scenario)


def test_other_routes_answer_problems_even_to_browsers() -> None:
    """Only the link pages are for people."""

    async def scenario(wire: Wire) -> None:
        assert_problem(await wire.ask("GET", "/nope", HTML), 404, "NOT_FOUND")
        assert_problem(await wire.ask("POST", "/take", HTML, json={}), 400, "VALIDATION_FAILED")

    serve(scenario)


def test_twenty_refusals_at_once_keep_their_ids() -> None:
    """Ids do not mix between connections."""

    async def scenario(wire: Wire) -> None:
        replies = await asyncio.gather(*(wire.ask("GET", "/nope", f"X-Request-ID: r{n}") for n in range(20)))
        assert [reply.json["request_id"] for reply in replies] == [f"r{n}" for n in range(20)]

    serve(scenario)
