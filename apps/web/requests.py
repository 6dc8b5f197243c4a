"""What the edge reads from a request besides its body: id, client, bearer token, preferred form of answer."""

import re
from typing import Any
from uuid import uuid4

from sanic import Request
from sanic.exceptions import BadURL

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_BEARER = re.compile(r"bearer(?: +(.*))?", re.IGNORECASE | re.DOTALL)
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/=-]+")
_QUALITY = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


class EdgeRequest(Request):
    """A request whose id is safe to echo and to log, and which exists even for an unreadable target."""

    def __init__(self, url_bytes: bytes, *args: Any, **kwargs: Any) -> None:
        try:
            super().__init__(url_bytes, *args, **kwargs)
        except BadURL:
            # Sanic builds a request called NONE to answer an error with, from the same unreadable target
            # (CONNECT host:443), and would fail a second time with nobody left to answer.
            if kwargs.get("method") != "NONE":
                raise
            super().__init__(b"*", *args, **kwargs)

    @property
    def id(self) -> str:
        """The client's X-Request-ID if there is exactly one and it is well formed, otherwise a new one."""
        if not isinstance(self._id, str):
            given = self.headers.getall("x-request-id", [])
            is_good = len(given) == 1 and _REQUEST_ID.fullmatch(given[0])
            self._id = given[0] if is_good else uuid4().hex
        return self._id

    def take_id(self, given: str) -> None:
        """Uses the id that was found in a request that could not be read to its end."""
        if _REQUEST_ID.fullmatch(given):
            self._id = given


def request_id(request: Request) -> str:
    """The id that this request has in its answer and in every line of the log."""
    return str(request.id)


def client_of(request: Request) -> str:
    """The peer's address, at most 64 characters. X-Forwarded-* is ignored: anyone can write it."""
    return str(request.ip)[:64]


def bearer(request: Request) -> str | None:
    """The bearer token, "" if it is malformed or given twice, None if there is none (or another scheme).

    What is returned is plain ASCII, so that no reader of tokens meets a surrogate.
    """
    given = request.headers.getall("authorization", [])
    if not given:
        return None
    matches = [_BEARER.fullmatch(value.strip()) for value in given]
    if not any(matches):
        return None
    if len(given) > 1 or matches[0] is None:
        return ""
    token = matches[0][1] or ""
    return token if _TOKEN68.fullmatch(token) else ""


def prefers_html(request: Request) -> bool:
    """Whether the client likes text/html better than JSON (RFC 9110 section 12.5.1); a tie is JSON.

    The JSON of a problem counts only by name: a wildcard that is for all but JSON is for pages.
    """
    ranges = _accepted(",".join(request.headers.getall("accept", [])))
    html = _quality(ranges, "text/html")
    return html > max(_quality(ranges, "application/json"), ranges.get("application/problem+json", 0.0))


def _accepted(header: str) -> dict[str, float]:
    ranges: dict[str, float] = {}
    for part in header.split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                quality = float(parameter[2:]) if _QUALITY.fullmatch(parameter[2:]) else 0.0
        ranges[media] = max(quality, ranges.get(media, 0.0))
    return ranges


def _quality(ranges: dict[str, float], media: str) -> float:
    for name in (media, f"{media.split('/', 1)[0]}/*", "*/*"):
        if name in ranges:
            return ranges[name]
    return 0.0
