"""The OpenAPI 3.1 document of a service, made from its operations: every answer that a route can give."""

from collections.abc import Iterable, Mapping, Sequence
from inspect import cleandoc
from typing import Any

import msgspec

from apps.auth.errors import Refusal, ValidationFailed
from apps.web import refusals
from apps.web.bodies import FORM_TYPE, JSON_TYPE
from apps.web.errors import Problem
from apps.web.operations import Answer, Operation

Schema = dict[str, Any]

PROBLEM_TYPE = "application/problem+json"
HTML_TYPE = "text/html"

ON_EVERY_ROUTE: Sequence[type[Refusal]] = (
    refusals.RequestMalformed,
    refusals.BodyInvalid,
    refusals.MethodNotAllowed,
    refusals.RequestTimeout,
    refusals.BodyTooLarge,
    refusals.URITooLong,
    refusals.ExpectationUnknown,
    refusals.HeadersTooLarge,
    refusals.Internal,
    refusals.Unavailable,
)

_EDGE_REFUSALS: Mapping[int, list[type[Refusal]]] = {
    status: [refusal for refusal in ON_EVERY_ROUTE if refusal.status == status]
    for status in sorted({refusal.status for refusal in ON_EVERY_ROUTE})
}

_HEADERS: Mapping[int, tuple[str, str]] = {
    401: ("WWW-Authenticate", "The scheme that is expected: Bearer."),
    405: ("Allow", "The methods of this path."),
    429: ("Retry-After", "Whole seconds to wait."),
    503: ("Retry-After", "Whole seconds to wait."),
}

_INTRODUCTION = (
    "Errors are `application/problem+json` (RFC 9457) with a stable `code`. Send `X-Request-ID` "
    "(`[A-Za-z0-9._-]`, at most 64 characters) to find a request in the log by your own id; "
    "every answer carries one. Times are RFC 3339 in UTC."
)


def openapi_document(
    service: str, version: str, operations: Sequence[Operation], public_url: str | None = None
) -> Schema:
    """The document as plain values, ready to be written as JSON.

    Args:
        service: its title. version: of the project. operations: all that the service serves.
        public_url: where the public reaches it; None: where the document comes from.
    """
    schemas, components = _component_schemas(operations)
    paths: Schema = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": f"Quartet {service}", "version": version, "description": _INTRODUCTION},
        "servers": [{"url": public_url or "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "responses": {
                _shared_name(status): _refused(status, classes, schemas[Problem], is_page=False)
                for status, classes in _EDGE_REFUSALS.items()
            },
            "headers": {
                "X-Request-ID": {
                    "description": "The id of this request in the log.",
                    "required": True,
                    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
                }
            },
        },
    }


def _component_schemas(operations: Sequence[Operation]) -> tuple[dict[Any, Schema], Schema]:
    """The schema to use for each type, and what goes under components/schemas."""
    bodies = [operation.body for operation in operations if operation.body is not None]
    answers = [answer.body for operation in operations for answer in operation.answers.values()]
    types: list[Any] = list(dict.fromkeys([Problem, *bodies, *(body for body in answers if _is_type(body))]))
    used, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    for name in ("Problem", "FieldError", *(body.__name__ for body in bodies)):
        components[name]["additionalProperties"] = False
    for component in components.values():
        if "description" in component:
            component["description"] = cleandoc(component["description"]).partition("\n\n")[0]
    return dict(zip(types, used, strict=True)), components


def _is_type(body: object) -> bool:
    return body is not None and not isinstance(body, Mapping)


def _operation(operation: Operation, schemas: Mapping[Any, Schema]) -> Schema:
    described: Schema = {
        "operationId": operation.name,
        "summary": operation.summary,
        "responses": _responses(operation, schemas),
    }
    same = f"The same as `{operation.alias_of}`." if operation.alias_of else ""
    if text := f"{operation.description} {same}".strip():
        described["description"] = text
    if parameters := list(_parameters(operation)):
        described["parameters"] = parameters
    if operation.body is not None:
        media = [JSON_TYPE, *([FORM_TYPE] if operation.takes_form else [])]
        content = {name: {"schema": schemas[operation.body]} for name in media}
        described["requestBody"] = {"required": True, "content": content}
    if operation.security:
        described["security"] = [{"bearer": []}, *([{}] if operation.security == "optional" else [])]
    return described


def _parameters(operation: Operation) -> Iterable[Schema]:
    for part in operation.path.split("/"):
        if part.startswith("{"):
            schema = {"type": "string", "minLength": 1}
            yield {"name": part.strip("{}"), "in": "path", "required": True, "schema": schema}
    if operation.takes_token_query:
        schema = {"type": "string", "minLength": 1}
        yield {
            "name": "token",
            "in": "query",
            "required": True,
            "description": "The token of the link.",
            "schema": schema,
        }


def _responses(operation: Operation, schemas: Mapping[Any, Schema]) -> Schema:
    responses = {str(status): _answer(answer, schemas) for status, answer in operation.answers.items()}
    by_status: dict[int, list[type[Refusal]]] = {}
    for refusal in dict.fromkeys(_refusals(operation)):
        by_status.setdefault(refusal.status, []).append(refusal)
    for status in sorted(by_status):
        classes = by_status[status]
        if not operation.is_page and classes == _EDGE_REFUSALS.get(status):
            responses[str(status)] = {"$ref": f"#/components/responses/{_shared_name(status)}"}
        else:
            responses[str(status)] = _refused(status, classes, schemas[Problem], is_page=operation.is_page)
    return responses


def _shared_name(status: int) -> str:
    return f"Refused{status}"


def _refusals(operation: Operation) -> Iterable[type[Refusal]]:
    yield from operation.refusals
    if operation.body is not None:
        yield ValidationFailed
        yield refusals.UnsupportedMediaType
    if operation.takes_token_query or "token" in getattr(operation.body, "__struct_fields__", ()):
        yield refusals.LinkInvalid
    if operation.security:
        yield refusals.TokenRefused
    if "{" in operation.path:
        yield refusals.NotFound
    yield from ON_EVERY_ROUTE


def _answer(answer: Answer, schemas: Mapping[Any, Schema]) -> Schema:
    described: Schema = {"description": answer.description, "headers": _answer_headers()}
    if answer.no_store or answer.is_page:
        described["headers"]["Cache-Control"] = {"schema": {"const": "no-store"}}
    content: Schema = {}
    if answer.body is not None:
        schema = schemas[answer.body] if _is_type(answer.body) else answer.body
        content[answer.content_type.partition(";")[0]] = {"schema": schema}
    if answer.is_page:
        content[HTML_TYPE] = {"schema": {"type": "string"}}
    if content:
        described["content"] = content
    return described


def _refused(status: int, classes: Sequence[type[Refusal]], problem: Schema, *, is_page: bool) -> Schema:
    codes = [refusal.code for refusal in classes]
    narrowed = {"properties": {"status": {"const": status}, "code": {"enum": codes}}}
    content: Schema = {PROBLEM_TYPE: {"schema": {"allOf": [problem, narrowed]}}}
    if is_page:
        content[HTML_TYPE] = {"schema": {"type": "string"}}
    headers = _answer_headers()
    if status in _HEADERS:
        name, description = _HEADERS[status]
        headers[name] = {"description": description, "required": True, "schema": {"type": "string"}}
    reasons = ". ".join(f"`{refusal.code}`: {refusal.detail.rstrip('.')}" for refusal in classes)
    return {"description": f"{reasons}.", "headers": headers, "content": content}


def _answer_headers() -> Schema:
    return {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}}
