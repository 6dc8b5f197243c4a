"""One list of operations per service, from which both its routes and its OpenAPI document are made."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Literal

import msgspec
from sanic import HTTPResponse, Request, Sanic

from apps.auth.errors import Refusal
from apps.web.bodies import refuse_repeated_parameters

Handler = Callable[..., Coroutine[Any, Any, HTTPResponse | None]]
"""None: it has sent its answer by itself, as a stream does."""


@dataclass(frozen=True)
class Answer:
    """One successful answer of an operation.

    description: a sentence for the document. body: the Struct that it holds (or a JSON schema; None: none).
    is_page: whether a client that prefers HTML gets a page instead. content_type: of the body.
    no_store: whether it carries a token, and so Cache-Control: no-store.
    """

    description: str
    body: type | Mapping[str, Any] | None = None
    content_type: str = "application/json"
    is_page: bool = False
    no_store: bool = False


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A method on a path: how it is served and how it is described.

    method, path: the path in OpenAPI's form, "/sessions/{session_id}"; the parts in braces are handed to the
        handler by name, as strings.
    name: unique in the service; the operationId, and the label in the metrics.
    body: the Struct that the handler reads with read_body; takes_form: whether an HTML form is taken as well.
    answers: the successful ones by status. refusals: what this operation itself may raise; what the edge
        refuses on every route (404, 405, 408, 413, 431, 500, and so on) is added by the document.
    security: whether a bearer token is needed, or "optional".
    takes_token_query: whether the query has the `token` of a link.
    is_page: a link page: a client that prefers HTML gets its errors as a page.
    alias_of: the name of the operation that this one repeats under another method or path.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    handler: Handler
    name: str
    summary: str
    description: str = ""
    body: type[msgspec.Struct] | None = None
    takes_form: bool = False
    answers: Mapping[int, Answer] = field(default_factory=dict)
    refusals: Sequence[type[Refusal]] = ()
    security: bool | Literal["optional"] = False
    takes_token_query: bool = False
    is_page: bool = False
    alias_of: str | None = None


def register(app: Sanic[Any, Any], operations: Sequence[Operation]) -> None:
    """Adds a route for each operation. HEAD, OPTIONS and TRACE are not routes: they are answered 405."""
    for operation in operations:
        path = operation.path.replace("{", "<").replace("}", ":str>")
        # With an error format given, Sanic does not parse the handler's source to guess one.
        route = app.route(path, [operation.method], name=operation.name, error_format="json")
        route(_guarded(operation))


def _guarded(operation: Operation) -> Handler:
    own_parameter = "token" if operation.takes_token_query else None

    @wraps(operation.handler)
    async def handle(request: Request, **parts: str) -> HTTPResponse | None:
        refuse_repeated_parameters(request, apart_from=own_parameter)
        return await operation.handler(request, **parts)

    return handle
