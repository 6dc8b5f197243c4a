"""Sanic's HTTP/1.1 connection, with what it leaves open closed: deadlines, lingering, half-closed peers, ids.

deadline   a request (head and body) has REQUEST_TIMEOUT seconds from its first byte, however it drips; its
           answer RESPONSE_TIMEOUT more. Sanic starts the clock anew with each byte, and keeps a connection
           open whose body never came.
linger     after a refusal that leaves input unread, what still comes is read for a moment: closing at once
           would reset the connection, and the peer would lose the answer.
framing    what a proxy in front could understand otherwise is refused (RFC 9112 sections 3.2, 5.1, 5.2, 6.3,
           7.1). An answer that does not wait for the body closes the connection, and says so.
"""

import asyncio
import re
from collections import Counter
from time import monotonic
from typing import Any

from sanic.exceptions import BadRequest, PayloadTooLarge, RequestTimeout, ServiceUnavailable
from sanic.http import Http, Stage
from sanic.server import HttpProtocol

from apps.web.logs import bind
from apps.web.refusals import HeadersTooLarge
from apps.web.requests import EdgeRequest

CHECK_SECONDS = 0.5  # how often a connection looks at its clock, at most
CUT_SECONDS = 2.0  # how long a peer may take to read the refusal of an overdue request
LINGER_SECONDS = 1.0

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FORBIDDEN_SIGNS = re.compile(r"[\r\n\0]")
_LENGTH = {10: re.compile(r"[0-9]{1,19}"), 16: re.compile(r"[0-9A-Fa-f]{1,16}")}
_ID_IN_HEAD = re.compile(rb"\r\nx-request-id:[ \t]*([A-Za-z0-9._-]{1,64})[ \t]*\r\n", re.IGNORECASE)


class EdgeHTTP(Http):
    """One connection's requests, one after another."""

    __slots__ = ("began",)

    protocol: "EdgeProtocol"
    request: Any
    response: Any

    def __init__(self, protocol: "EdgeProtocol") -> None:
        super().__init__(protocol)  # type: ignore[no-untyped-call]
        self.began: float | None = None

    def init_for_request(self) -> None:
        """Forgets the previous request."""
        super().init_for_request()  # type: ignore[no-untyped-call]
        self.began = None

    async def http1(self) -> None:
        """Serves the connection until it is to be closed."""
        await super().http1()  # type: ignore[no-untyped-call]
        if self.response is not None and self.response.status >= 400:
            await self.protocol.linger()

    async def http1_request_header(self) -> None:
        """Reads a request's head into self.request."""
        self.began = monotonic()
        try:
            await super().http1_request_header()  # type: ignore[no-untyped-call]
        except PayloadTooLarge:
            raise HeadersTooLarge from None
        bind(request_id=self.request.id)
        self._refuse_ambiguous_head()

    def _refuse_ambiguous_head(self) -> None:
        headers = self.request.headers
        is_sound = all(
            _HEADER_NAME.fullmatch(name) and not _FORBIDDEN_SIGNS.search(value)
            for name, value in headers.items()
        )
        hosts = len(headers.getall("host", []))
        if not is_sound or hosts > 1 or (hosts == 0 and self.request.version == "1.1"):
            raise BadRequest("ambiguous head")

    @staticmethod
    def _safe_int(value: str, base: int = 10) -> int:
        """A length of a body (base 10) or of a chunk (16); int() also takes other digits, "0x" and spaces."""
        if not _LENGTH[base].fullmatch(value.rstrip(" \t") if base == 10 else value):
            raise ValueError("not a length")
        return int(value, base)

    def create_empty_request(self) -> None:
        """Stands in for a request whose head could not be read; keeps its id if that much is readable."""
        super().create_empty_request()
        if found := _ID_IN_HEAD.search(bytes(self.recv_buffer[: self.HEADER_MAX_SIZE])):
            self.request.take_id(found[1].decode("ascii"))
        bind(request_id=self.request.id)

    async def error_response(self, exception: BaseException) -> None:
        """Answers an error, unless the peer has gone."""
        transport = self.protocol.transport
        if transport is None or transport.is_closing():
            self.keep_alive = False
        else:
            await super().error_response(exception)  # type: ignore[arg-type]
        if not self.keep_alive:
            self.request_body = None  # else Sanic waits for the rest of a body that never comes

    async def http1_response_header(self, data: bytes, end_stream: bool) -> None:
        """Sends an answer's head (and body), with the request's id."""
        if self.request_body or self.protocol.has_ended or self.protocol.app.ctx.is_stopping:
            self.keep_alive = False
            self.request_body = None  # else Sanic waits for the rest of a body that may never come
        self.response.headers["x-request-id"] = self.request.id
        route = self.request.route
        self.protocol.app.ctx.requests.record(
            route.extra.ident.rpartition(".")[2] if route else "none",
            self.response.status,
            monotonic() - (self.began or monotonic()),
        )
        await super().http1_response_header(data, end_stream)

    def overdue(self, now: float) -> BaseException | None:
        """What to answer if the request has taken too long; a plain CancelledError closes without a word."""
        protocol = self.protocol
        if self.began is None:
            return asyncio.CancelledError() if now - protocol._time > protocol.keep_alive_timeout else None
        if self.stage is Stage.REQUEST or self.request_body:
            return RequestTimeout() if now - self.began > protocol.request_timeout else None
        limit = protocol.request_timeout + protocol.response_timeout
        return ServiceUnavailable() if now - self.began > limit else None


class EdgeProtocol(HttpProtocol):
    """The transport's side of a connection."""

    HTTP_CLASS = EdgeHTTP
    __slots__ = ("has_ended",)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.has_ended = False
        self.request_class = EdgeRequest

    def check_timeouts(self) -> None:
        """Looks at the clock, and again later."""
        http: EdgeHTTP | None = self._http
        if http is None or self._task is None:
            return
        overdue = http.overdue(monotonic())
        if overdue is None:
            shortest = min(self.keep_alive_timeout, self.request_timeout, self.response_timeout)
            delay = max(0.02, min(CHECK_SECONDS, shortest / 4))
            self._callback_check_timeouts = self.loop.call_later(delay, self.check_timeouts)
            return
        http.exception = overdue
        self._task.cancel()
        self._callback_check_timeouts = self.loop.call_later(CUT_SECONDS, self._cut)

    def close_if_unserved(self) -> None:
        """Closes unless a handler is at work for it: half of a next request is not owed an answer."""
        http: EdgeHTTP | None = self._http if hasattr(self, "_http") else None
        if http is None or http.stage in (Stage.IDLE, Stage.REQUEST):
            self.close()

    def _cut(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def eof_received(self) -> bool:
        """Keeps a half-closed connection while a request that came whole is being answered."""
        self.has_ended = True
        self._data_received.set()
        http: EdgeHTTP | None = self._http if hasattr(self, "_http") else None
        return bool(self.recv_buffer) or (http is not None and http.stage is not Stage.IDLE)

    async def send(self, data: bytes) -> None:
        """Sends without the empty Alt-Svc that Sanic puts on every answer when its TouchUp is off."""
        await super().send(data.replace(b"\r\nalt-svc: \r\n", b"\r\n", 1))  # type: ignore[no-untyped-call]

    async def receive_more(self) -> None:
        """Waits for more input; raises BadRequest when the peer has said that there is none."""
        if self.has_ended:
            raise BadRequest("incomplete request")
        await super().receive_more()  # type: ignore[no-untyped-call]

    async def linger(self) -> None:
        """Says that nothing more is sent, and reads on for a moment, so that the answer is not lost."""
        transport = self.transport
        if transport is None or transport.is_closing() or self.has_ended:
            return
        transport.write_eof()
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while not self.has_ended:
                    self.recv_buffer.clear()
                    await self.receive_more()
        except TimeoutError:
            return


class RequestCounts:
    """How many requests each operation had, by status, and how long they took; read by /metrics."""

    BOUNDS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

    def __init__(self) -> None:
        self.statuses: Counter[tuple[str, int]] = Counter()
        self.seconds: Counter[str] = Counter()
        self.buckets: Counter[tuple[str, float]] = Counter()

    def record(self, operation: str, status: int, seconds: float) -> None:
        """Counts one answer."""
        self.statuses[operation, status] += 1
        self.seconds[operation] += seconds  # type: ignore[assignment]
        bound = next((bound for bound in self.BOUNDS_SECONDS if seconds <= bound), float("inf"))
        self.buckets[operation, bound] += 1
