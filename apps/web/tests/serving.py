"""A real server on loopback for the edge's tests, and a client that speaks bytes."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from sanic import HTTPResponse, Request

from apps.auth.errors import FieldError, Refusal
from apps.web.answers import json_answer, no_content
from apps.web.app import create_app
from apps.web.bodies import read_body, read_token_body, read_token_query
from apps.web.operations import Answer, Operation
from apps.web.refusals import TokenRefused
from apps.web.requests import bearer, client_of, prefers_html
from apps.web.server import Server, bind

SECRET = "sv0-do-not-echo"


class Account(msgspec.Struct, forbid_unknown_fields=True):
    """A body as the services have it."""

    email: str
    password: str
    fullName: Annotated[str, msgspec.Meta(max_length=5)] | None = None


class Seen(msgspec.Struct):
    """What the handler understood."""

    seen: Any = None


class TooFast(Refusal):
    """A refusal with a wait."""

    status = 429
    code = "TOO_FAST"
    title = "Too fast"
    detail = "Wait a little."


def faults(values: Any) -> list[FieldError]:
    """A check as the services have it."""
    bad = len(values.get("password", "12345678")) < 8
    return [FieldError("/password", "PASSWORD_TOO_SHORT", "Too short.")] if bad else []


async def take(request: Request) -> HTTPResponse:
    body = read_body(request, Account, check=faults)
    return json_answer({"seen": [body.email, body.fullName]}, 202)


async def look(request: Request) -> HTTPResponse:
    token = read_token_query(request)
    if prefers_html(request):
        answer: HTTPResponse = request.app.ctx.pages.page("page.html", token=token)
        return answer
    return json_answer({"seen": token}, no_store=True)


async def press(request: Request) -> HTTPResponse:
    return json_answer({"seen": read_token_body(request)})


async def crash(request: Request) -> HTTPResponse:
    raise ValueError(SECRET)


async def too_fast(request: Request) -> HTTPResponse:
    raise TooFast(retry_after_seconds=4)


async def who(request: Request) -> HTTPResponse:
    if bearer(request) is None:
        raise TokenRefused
    return json_answer({"seen": [bearer(request), client_of(request)]})


async def drop(request: Request, session_id: str) -> HTTPResponse:
    return no_content()


async def slow(request: Request) -> HTTPResponse:
    await request.app.ctx.gate.wait()
    return json_answer({"seen": "slow"})


OPERATIONS: Sequence[Operation] = (
    Operation(
        method="POST",
        path="/take",
        handler=take,
        name="take",
        summary="Take",
        body=Account,
        answers={202: Answer("Taken.", Seen)},
    ),
    Operation(
        method="POST",
        path="/dev//take",
        handler=take,
        name="takeTwice",
        summary="Take",
        body=Account,
        answers={202: Answer("Taken.", Seen)},
        alias_of="take",
    ),
    Operation(
        method="GET",
        path="/link",
        handler=look,
        name="look",
        summary="Look",
        answers={200: Answer("Seen.", Seen, is_page=True, no_store=True)},
        takes_token_query=True,
        is_page=True,
    ),
    Operation(
        method="POST",
        path="/link",
        handler=press,
        name="press",
        summary="Press",
        answers={200: Answer("Seen.", Seen, is_page=True)},
        is_page=True,
    ),
    Operation(method="GET", path="/crash", handler=crash, name="crash", summary="Crash"),
    Operation(
        method="GET",
        path="/fast",
        handler=too_fast,
        name="fast",
        summary="Fast",
        refusals=[TooFast],
    ),
    Operation(
        method="DELETE",
        path="/link",
        handler=too_fast,
        name="fastPage",
        summary="Fast",
        refusals=[TooFast],
        is_page=True,
    ),
    Operation(
        method="GET",
        path="/who",
        handler=who,
        name="who",
        summary="Who",
        answers={200: Answer("Seen.", Seen)},
        security=True,
    ),
    Operation(
        method="DELETE",
        path="/sessions/{session_id}",
        handler=drop,
        name="drop",
        summary="Drop",
        answers={204: Answer("Gone.")},
    ),
    Operation(method="GET", path="/slow", handler=slow, name="slow", summary="Slow"),
)


@dataclass
class Reply:
    """One answer as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes
    rest: bytes = field(default=b"", repr=False)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Wire:
    """Opens connections to one app and sends bytes as they are."""

    app: Any
    url: str
    server: Server

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self.url)
        return await asyncio.open_connection(parts.hostname, parts.port)

    async def send(self, data: bytes, *, half_close: bool = False) -> Reply:
        """Sends, and reads until the peer closes (add Connection: close for an answer that keeps it open)."""
        reader, writer = await self.open()
        try:
            writer.write(data)
            if half_close:
                writer.write_eof()
            async with asyncio.timeout(8):
                return parsed(await reader.read())
        finally:
            writer.close()

    async def ask(
        self, method: str, target: str, *lines: str, body: bytes = b"", json: Any = None, raw: bytes = b""
    ) -> Reply:
        """A well-formed request with these header lines; `raw` is a header line of any bytes."""
        heads = [f"{method} {target} HTTP/1.1", "Host: test", "Connection: close", *lines]
        if json is not None:
            body, heads = msgspec.json.encode(json), [*heads, "Content-Type: application/json"]
        if body:
            heads.append(f"Content-Length: {len(body)}")
        head = "\r\n".join(heads).encode("latin-1") + (b"\r\n" + raw if raw else b"")
        return await self.send(head + b"\r\n\r\n" + body)


def parsed(data: bytes) -> Reply:
    """The first answer in `data`."""
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    length = int(headers.get("content-length", "0"))
    return Reply(int(first.split(" ")[1]), headers, rest[:length], rest[length:])


def serve(
    scenario: Callable[[Wire], Awaitable[None]],
    operations: Sequence[Operation] = OPERATIONS,
    *,
    limits: dict[str, float] | None = None,
    **options: Any,
) -> None:
    """Runs the scenario against an app of these operations; `limits` go into its Sanic configuration."""

    async def main() -> None:
        app = create_app("test", service="test", operations=operations, **options)
        app.config.update(limits or {})
        app.ctx.gate = asyncio.Event()
        async with Server([(app, bind())]) as server:
            await scenario(Wire(app, server.urls[app.name], server))

    asyncio.run(main())


def assert_problem(reply: Reply, status: int, code: str) -> None:
    """The reply is the problem that the contract describes, and nothing more."""
    assert (reply.status, reply.headers["content-type"]) == (status, "application/problem+json")
    body = reply.json
    assert body.keys() - {"errors", "failing"} == {"type", "title", "status", "detail", "code", "request_id"}
    assert (body["status"], body["code"]) == (status, code)
    assert reply.headers["x-request-id"] == body["request_id"]
