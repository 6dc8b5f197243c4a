"""Turns every error into an answer: problem+json (RFC 9457), or a page on the link pages.

Nothing that was submitted, no text of an exception, no path and no version gets into an answer: its words
come from the class of a Refusal alone.
"""

from asyncio import CancelledError
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta
from sanic import HTTPResponse, Request
from sanic import exceptions as framework
from sanic.handlers import ErrorHandler

from apps.auth.errors import FieldError, Refusal
from apps.web import refusals
from apps.web.logs import get_logger
from apps.web.requests import prefers_html, request_id

if TYPE_CHECKING:
    from apps.web.pages import Pages

log = get_logger("web")

RETRY_AFTER_SECONDS = 1  # for a 429 or 503 that does not know better

_FRAMEWORK: Sequence[tuple[type[BaseException], type[Refusal]]] = (
    (framework.NotFound, refusals.NotFound),
    (framework.MethodNotAllowed, refusals.MethodNotAllowed),
    (framework.RequestTimeout, refusals.RequestTimeout),
    (framework.PayloadTooLarge, refusals.BodyTooLarge),
    (framework.URITooLong, refusals.URITooLong),
    (framework.ExpectationFailed, refusals.ExpectationUnknown),
    (framework.ServiceUnavailable, refusals.Unavailable),
    (CancelledError, refusals.Unavailable),
    (framework.BadRequest, refusals.RequestMalformed),
)


class Problem(msgspec.Struct, omit_defaults=True):
    """The body of every refusal (RFC 9457 with code, request_id and errors)."""

    type: Annotated[str, Meta(extra_json_schema={"format": "uri"})]
    title: str
    status: int
    detail: str
    code: Annotated[str, Meta(extra_json_schema={"pattern": "^[A-Z][A-Z_]*$"})]
    request_id: Annotated[str, Meta(extra_json_schema={"pattern": "^[A-Za-z0-9._-]{1,64}$"})]
    errors: Annotated[list[FieldError], Meta(description="One for each invalid field.")] = []
    failing: Annotated[list[str], Meta(description="On /readyz: the checks that fail.")] = []


def problem_type(refusal: type[Refusal]) -> str:
    """The URI that names this kind of problem."""
    return f"urn:quartet:problem:{refusal.code.lower().replace('_', '-')}"


def problem_answer(request: Request, refusal: Refusal, *, failing: Sequence[str] = ()) -> HTTPResponse:
    """The refusal as problem+json, with the headers that its status asks for."""
    body = Problem(
        type=problem_type(type(refusal)),
        title=refusal.title,
        status=refusal.status,
        detail=refusal.detail,
        code=refusal.code,
        request_id=request_id(request),
        errors=list(refusal.errors),
        failing=list(failing),
    )
    return HTTPResponse(
        msgspec.json.encode(body),
        refusal.status,
        {**_headers(refusal), "cache-control": "no-store"},
        content_type="application/problem+json",
    )


class EdgeErrorHandler(ErrorHandler):
    """Sanic's error handler, replaced as a whole: nothing of its own texts reaches a client."""

    def __init__(self, pages: "Pages", page_paths: frozenset[str]) -> None:
        super().__init__()
        self.pages = pages
        self.page_paths = page_paths

    def response(self, request: Request, exception: BaseException) -> HTTPResponse:
        """The answer for an exception; an unknown one is logged and answered as INTERNAL."""
        refusal = as_refusal(exception)
        if isinstance(refusal, refusals.Internal):
            log.error("request_failed", method=request.method, error=exception)
        answer = self._page(request, refusal) or problem_answer(request, refusal)
        if isinstance(exception, framework.MethodNotAllowed):
            answer.headers["allow"] = ", ".join(sorted(exception.headers.get("Allow", "").split(", ")))
        return answer

    def _page(self, request: Request, refusal: Refusal) -> HTTPResponse | None:
        if request.path.rstrip("/") not in self.page_paths or not prefers_html(request):
            return None
        answer = self.pages.page(
            "error.html", refusal.status, refusal=refusal, request_id=request_id(request)
        )
        answer.headers.update(_headers(refusal))
        return answer


def as_refusal(exception: BaseException) -> Refusal:
    """The refusal that stands for an exception of the framework, or of anything else."""
    if isinstance(exception, Refusal):
        return exception
    for raised, refusal in _FRAMEWORK:
        if isinstance(exception, raised):
            return refusal()
    return refusals.Internal()


def _headers(refusal: Refusal) -> Mapping[str, str]:
    if refusal.status in (429, 503):
        return {"retry-after": str(max(1, refusal.retry_after_seconds or RETRY_AFTER_SECONDS))}
    if refusal.status == 401:  # RFC 9110 section 15.5.2 wants it on every 401
        return {"www-authenticate": "Bearer"}
    return {}
