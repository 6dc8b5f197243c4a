"""/openapi.json and /docs: one document, for programs and for people; neither needs the internet."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
from sanic import HTTPResponse, Request

from apps.web.health import project_version
from apps.web.openapi import ON_EVERY_ROUTE, openapi_document
from apps.web.operations import Answer, Operation
from apps.web.pages import page_answer

COMMON_CODES = frozenset(refusal.code for refusal in ON_EVERY_ROUTE)


def document_operations(
    service: str, operations: Sequence[Operation], public_url: str | None = None
) -> list[Operation]:
    """The two operations that show the document of `operations` (and of themselves)."""

    page = ""

    @cache
    def document() -> dict[str, Any]:
        return openapi_document(service, project_version(), [*operations, *own], public_url)

    @cache
    def written() -> bytes:
        return msgspec.json.encode(document())

    async def openapi(request: Request) -> HTTPResponse:
        return HTTPResponse(written(), content_type="application/json")

    async def docs(request: Request) -> HTTPResponse:
        nonlocal page
        page = page or request.app.ctx.pages.render("docs.html", **docs_view(document()))
        return page_answer(page)

    own = [
        Operation(
            method="GET",
            path="/openapi.json",
            handler=openapi,
            name="openapi",
            summary="This document (OpenAPI 3.1)",
            answers={200: Answer("The document.", {"type": "object"})},
        ),
        Operation(
            method="GET",
            path="/docs",
            handler=docs,
            name="docs",
            summary="This document as a page",
            answers={200: Answer("The page.", is_page=True)},
        ),
    ]
    return own


def docs_view(document: Mapping[str, Any]) -> dict[str, Any]:
    """What docs.html shows of a document: plain values only."""
    sections = [
        _section(path, method, operation, document)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    common = [(refusal.status, refusal.code, refusal.detail) for refusal in ON_EVERY_ROUTE]
    return {"info": document["info"], "sections": sections, "common": sorted(common)}


def _section(
    path: str, method: str, operation: Mapping[str, Any], document: Mapping[str, Any]
) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {})
    schema = next((media["schema"] for media in body.values()), None)
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation["summary"],
        "description": operation.get("description", ""),
        "needs": _needs(operation),
        "media": list(body),
        "fields": [*_parameter_fields(operation), *(_fields(schema, document) if schema else ())],
        "answers": list(_answers(operation)),
    }


def _needs(operation: Mapping[str, Any]) -> str:
    security = operation.get("security")
    if not security:
        return ""
    return "Bearer token, optional" if {} in security else "Bearer token"


def _parameter_fields(operation: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    for parameter in operation.get("parameters", ()):
        place = {"path": "in the path", "query": "in the query"}[parameter["in"]]
        yield {"name": parameter["name"], "required": True, "rules": f"text, {place}"}


def _fields(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    schema = _resolved(schema, document)
    for name, rules in schema.get("properties", {}).items():
        yield {"name": name, "required": name in schema.get("required", ()), "rules": _rules(rules)}


def _resolved(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return found


def _rules(schema: Mapping[str, Any]) -> str:
    rules = next((part for part in schema.get("anyOf", [schema]) if part.get("type") != "null"), schema)
    words = [
        {"string": "text", "integer": "whole number"}.get(rules.get("type", ""), rules.get("type", "value"))
    ]
    words += [rules["format"]] if "format" in rules else []
    words += [f"at least {rules['minLength']} characters"] if "minLength" in rules else []
    words += [f"at most {rules['maxLength']} characters"] if "maxLength" in rules else []
    words += ["one of " + ", ".join(rules["enum"])] if "enum" in rules else []
    return ", ".join(words)


def _answers(operation: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """The successful answers and the refusals of this operation's own; the common ones are told once."""
    for status, answer in operation["responses"].items():
        if "$ref" in answer:
            continue
        content = answer.get("content", {})
        problem = content.get("application/problem+json")
        if problem is None:
            yield {"status": status, "codes": [], "text": answer["description"], "media": list(content)}
            continue
        codes = problem["schema"]["allOf"][1]["properties"]["code"]["enum"]
        if own := [code for code in codes if code not in COMMON_CODES]:
            yield {"status": status, "codes": own, "text": "", "media": []}
