"""What raw bytes on a socket are answered with."""

import asyncio
import time

import pytest

from apps.web import protocol
from apps.web.tests.serving import SECRET, Wire, assert_problem, parsed, serve

HOST = b"Host: test\r\n"


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", 400, "REQUEST_MALFORMED"),
        (b"GET no-slash HTTP/1.1\r\n" + HOST + b"\r\n", 400, "REQUEST_MALFORMED"),
        (b"rubbish\r\n\r\n", 400, "REQUEST_MALFORMED"),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400, "REQUEST_MALFORMED"),
        (b"GET /livez HTTP/2.7\r\n" + HOST + b"\r\n", 400, "REQUEST_MALFORMED"),
        (b"GET /livez HTTP/1.1\r\n\r\n", 400, "REQUEST_MALFORMED"),
        (b"GET /livez HTTP/1.1\r\n" + HOST + HOST + b"\r\n", 400, "REQUEST_MALFORMED"),
        (b"GET /livez HTTP/1.1\r\n" + HOST + b"no colon\r\n\r\n", 400, "REQUEST_MALFORMED"),
        (b"GET /livez HTTP/1.1\r\n" + HOST + b"Spaced : 1\r\n\r\n", 400, "REQUEST_MALFORMED"),
        (b"GET /livez HTTP/1.1\r\n" + HOST + b"X: a\nSet-Cookie: b\r\n\r\n", 400, "REQUEST_MALFORMED"),
        (b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n", 400, "REQUEST_MALFORMED"),
        (b"POST /take HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n", 400, "REQUEST_MALFORMED"),
        (
            b"POST /take HTTP/1.1\r\n" + HOST + b"Content-Length: \xd9\xa2\r\n\r\n{}",
            400,
            "REQUEST_MALFORMED",
        ),
        (
            b"POST /take HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
            400,
            "REQUEST_MALFORMED",
        ),
        (
            b"POST /take HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
            400,
            "REQUEST_MALFORMED",
        ),
        (
            b"POST /take HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
            400,
            "REQUEST_MALFORMED",
        ),
        *(
            (
                b"POST /take HTTP/1.1\r\n"
                + HOST
                + b"Transfer-Encoding: chunked\r\n\r\n%b\r\n{}\r\n0\r\n\r\n" % size,
                400,
                "REQUEST_MALFORMED",
            )
            for size in (b"0x2", b" 2", b"2 ", b"")
        ),
        (
            b"POST /take HTTP/1.1\r\n" + HOST + b"Expect: tea\r\nContent-Length: 2\r\n\r\n{}",
            417,
            "EXPECTATION_UNKNOWN",
        ),
        (b"GET /livez HTTP/1.1\r\n" + HOST + b"X: " + b"x" * 9000 + b"\r\n\r\n", 431, "HEADERS_TOO_LARGE"),
        (b"GET /" + b"x" * 70000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 431, "HEADERS_TOO_LARGE"),
        (
            b"POST /take HTTP/1.1\r\n" + HOST + b"Content-Length: 16385\r\n\r\n" + b"x" * 16385,
            413,
            "BODY_TOO_LARGE",
        ),
        (b"POST /take HTTP/1.1\r\n" + HOST + b"Content-Length: 999999999\r\n\r\n", 413, "BODY_TOO_LARGE"),
    ],
)
def test_what_is_no_good_request_is_a_problem_and_the_connection_closes(
    data: bytes, status: int, code: str
) -> None:
    """The answer arrives whole, and nothing is left open."""

    async def scenario(wire: Wire) -> None:
        reply = await wire.send(data)
        assert_problem(reply, status, code)
        assert reply.rest == b""

    serve(scenario)


def test_a_large_body_that_keeps_coming_still_gets_to_read_its_413() -> None:
    """Closing with unread input would reset the connection before the answer is read."""

    async def scenario(wire: Wire) -> None:
        body = b"x" * 400_000
        assert_problem(await wire.ask("POST", "/take", body=body), 413, "BODY_TOO_LARGE")
        chunks = b"".join(b"1000\r\n" + b"x" * 0x1000 + b"\r\n" for _ in range(20)) + b"0\r\n\r\n"
        head = b"POST /take HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
        assert_problem(await wire.send(head + chunks), 413, "BODY_TOO_LARGE")

    serve(scenario)


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 20000\r\n\r\n" + b"x" * 20000,
        b"Content-Length: 9\r\n\r\n{",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
    ],
    ids=["too-large", "half", "half-a-chunk"],
)
@pytest.mark.parametrize(("path", "code"), [(b"/nope", "NOT_FOUND"), (b"/livez", "METHOD_NOT_ALLOWED")])
def test_an_answer_that_does_not_wait_for_the_body_says_that_it_closes(
    body: bytes, path: bytes, code: str
) -> None:
    """A client that believed in keep-alive would lose its next request."""

    async def scenario(wire: Wire) -> None:
        reply = await wire.send(b"POST " + path + b" HTTP/1.1\r\n" + HOST + body)
        assert_problem(reply, 405 if path == b"/livez" else 404, code)
        assert reply.headers["connection"] == "close"

    serve(scenario)


@pytest.mark.parametrize("depth", [100, 400, 960, 2000, 8000])
def test_nested_json_is_refused_however_deep(depth: int) -> None:
    """It is read to where the reader of JSON gives up, and then it is no JSON."""

    async def scenario(wire: Wire) -> None:
        for opened, closed in ((b"[", b"]"), (b'{"a":', b"}")):
            body = b'{"a": ' + opened * depth + b"1" + closed * depth + b"}"
            reply = await wire.ask("POST", "/take", "Content-Type: application/json", body=body[:16384])
            assert_problem(reply, 400, str(reply.json["code"]))

    serve(scenario)


@pytest.mark.parametrize(
    "start",
    [
        b"POST /take HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{",
        b"POST /take HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"GET /livez HTTP/1.1\r\nHost: te",
    ],
)
def test_a_request_that_is_never_finished_is_a_408_and_the_connection_closes(start: bytes) -> None:
    """The clock runs from the first byte."""

    async def scenario(wire: Wire) -> None:
        began = time.monotonic()
        assert_problem(await wire.send(start), 408, "REQUEST_TIMEOUT")
        assert time.monotonic() - began < 1.5

    serve(scenario, limits={"REQUEST_TIMEOUT": 0.2})


def test_a_slow_drip_does_not_move_the_deadline() -> None:
    """Each byte would start Sanic's own clock anew."""

    async def scenario(wire: Wire) -> None:
        reader, writer = await wire.open()
        writer.write(b"POST /take HTTP/1.1\r\nHost: test\r\nContent-Length: 5000\r\n\r\n")
        began = time.monotonic()
        answer = asyncio.ensure_future(reader.read())
        while not answer.done() and time.monotonic() - began < 4:
            writer.write(b"x")
            await asyncio.wait([answer], timeout=0.02)
        assert_problem(parsed(await answer), 408, "REQUEST_TIMEOUT")
        assert time.monotonic() - began < 3
        writer.close()

    serve(scenario, limits={"REQUEST_TIMEOUT": 0.3})


def test_a_handler_that_takes_too_long_is_a_503_with_retry_after() -> None:
    """The client learns that it may come back."""

    async def scenario(wire: Wire) -> None:
        reply = await wire.ask("GET", "/slow")
        assert_problem(reply, 503, "UNAVAILABLE")
        assert reply.headers["retry-after"] == "1"

    serve(scenario, limits={"REQUEST_TIMEOUT": 0.1, "RESPONSE_TIMEOUT": 0.2})


def test_a_peer_that_never_reads_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unread answers must not hold a connection for ever."""

    async def scenario(wire: Wire) -> None:
        reader, writer = await wire.open()
        writer.transport.pause_reading()
        one = b"GET /openapi.json HTTP/1.1\r\nHost: test\r\n\r\n"
        for _ in range(2000):
            writer.write(one)
        async with asyncio.timeout(3):
            while not writer.transport.is_closing():
                writer.write(one)
                await asyncio.sleep(0.05)
        del reader

    monkeypatch.setattr(protocol, "CUT_SECONDS", 0.1)
    serve(
        scenario, limits={"REQUEST_TIMEOUT": 0.1, "RESPONSE_TIMEOUT": 0.1, "GRACEFUL_TCP_CLOSE_TIMEOUT": 60}
    )


def test_an_idle_connection_closes_without_a_word() -> None:
    """No bytes came, so there is nothing to answer."""

    async def scenario(wire: Wire) -> None:
        reader, writer = await wire.open()
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()

    serve(scenario, limits={"KEEP_ALIVE_TIMEOUT": 0.1})


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "POST", "BREW"])
def test_other_methods_on_a_get_route_are_405_with_allow(method: str) -> None:
    """A route takes what it declares."""

    async def scenario(wire: Wire) -> None:
        reply = await wire.ask(method, "/livez")
        assert reply.headers["allow"] == "GET"
        if method == "HEAD":
            assert (reply.status, reply.body) == (405, b"")
        else:
            assert_problem(reply, 405, "METHOD_NOT_ALLOWED")
        both = await wire.ask("PUT", "/link")
        assert both.headers["allow"] == "DELETE, GET, POST"

    serve(scenario)


def test_an_unknown_path_is_a_404_that_does_not_repeat_it() -> None:
    """Nothing that was sent comes back."""

    async def scenario(wire: Wire) -> None:
        for target in (f"/{SECRET}", f"/{SECRET}?token={SECRET}", "/%00%ff", "/a/../b", "*"):
            reply = await wire.ask("GET", target)
            assert_problem(reply, 404, "NOT_FOUND")
            assert SECRET.encode() not in reply.body

    serve(scenario)


@pytest.mark.parametrize(
    "line",
    [
        b"Authorization: Bearer \xff\xfe",
        b"X-Request-ID: \xff",
        b"Accept: \xff",
        b"Content-Type: \xff",
        b"Cookie: \xff",
    ],
)
def test_raw_bytes_in_headers_never_make_a_5xx(line: bytes) -> None:
    """Header bytes beyond ASCII reach handlers as surrogates, which break most encoders."""

    async def scenario(wire: Wire) -> None:
        for target in ("/who", "/link", "/livez"):
            reply = await wire.ask("GET", target, raw=line)
            assert reply.status < 500
            assert reply.headers["x-request-id"].isascii()
        assert (await wire.ask("POST", "/take", body=b"{}", raw=line)).status in (400, 415)

    serve(scenario)


@pytest.mark.parametrize(
    ("given", "is_taken"),
    [("abc.DEF_1-2", True), ("a" * 64, True), ("a" * 65, False), ("a b", False), ("", False), ("a;b", False)],
)
def test_a_request_id_is_taken_over_only_if_well_formed(given: str, is_taken: bool) -> None:
    """It is on successes, on refusals of the router, and on heads that could not be read."""

    async def scenario(wire: Wire) -> None:
        for target in ("/livez", "/nope", "/link", "no-slash"):
            reply = await wire.ask("GET", target, f"X-Request-ID: {given}")
            assert (reply.headers["x-request-id"] == given) is is_taken
            assert 1 <= len(reply.headers["x-request-id"]) <= 64

    serve(scenario)


def test_a_half_closed_client_gets_its_answer() -> None:
    """Shutting down the sending side after a request is allowed in TCP."""

    async def scenario(wire: Wire) -> None:
        reply = await wire.send(b"GET /livez HTTP/1.1\r\nHost: test\r\n\r\n", half_close=True)
        assert (reply.status, reply.json) == (200, {"status": "live"})
        cut = await wire.send(
            b"POST /take HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\n{", half_close=True
        )
        assert_problem(cut, 400, "REQUEST_MALFORMED")

    serve(scenario)


def test_an_end_that_comes_with_the_request_is_no_reason_to_drop_it() -> None:
    """The task of the connection may not have run yet; a connection that sent nothing may go."""

    async def scenario(wire: Wire) -> None:
        peer = protocol.EdgeProtocol(loop=asyncio.get_running_loop(), app=wire.app)
        peer.recv_buffer = bytearray()
        assert peer.eof_received() is False
        peer.recv_buffer += b"GET / HTTP/1.1"
        assert peer.eof_received() is True

    serve(scenario)


def test_a_connection_serves_pipelined_requests_in_order() -> None:
    """A refusal of one request leaves the next one intact."""

    async def scenario(wire: Wire) -> None:
        first = b"GET /nope HTTP/1.1\r\nHost: test\r\n\r\n"
        last = b"GET /livez HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
        reply = await wire.send(first + last)
        assert_problem(reply, 404, "NOT_FOUND")
        assert parsed(reply.rest).json == {"status": "live"}

    serve(scenario)


def test_a_client_that_leaves_early_leaves_no_trace(capfd: pytest.CaptureFixture[str]) -> None:
    """Gone before the answer, inside the head, inside the body: nothing is logged as an error."""

    async def scenario(wire: Wire) -> None:
        for data in (
            b"",
            b"GET /sl",
            b"GET /slow HTTP/1.1\r\nHost: test\r\n\r\n",
            b"POST /take HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\n{",
        ):
            _, writer = await wire.open()
            writer.write(data)
            await writer.drain()
            await asyncio.sleep(0.02)
            writer.transport.abort()
        wire.app.ctx.gate.set()
        assert (await wire.ask("GET", "/livez")).status == 200

    serve(scenario)
    assert "error" not in capfd.readouterr().err
