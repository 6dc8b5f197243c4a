"""The OpenAPI document, its page, and what they promise."""

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from apps.web.documents import docs_view
from apps.web.errors import problem_type
from apps.web.openapi import ON_EVERY_ROUTE, openapi_document
from apps.web.tests.serving import OPERATIONS, Wire, serve


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi_document("test", "1.2.3", OPERATIONS)


def answers(document: dict[str, Any], path: str, method: str) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][path][method]["responses"]
    return found


def codes(document: dict[str, Any], path: str, method: str, status: int) -> list[str]:
    schema = answers(document, path, method)[str(status)]["content"]["application/problem+json"]["schema"]
    found: list[str] = schema["allOf"][1]["properties"]["code"]["enum"]
    return found


def test_the_served_document_is_valid_openapi_3_1() -> None:
    """Health, metrics and the document itself are in it."""

    async def scenario(wire: Wire) -> None:
        reply = await wire.ask("GET", "/openapi.json")
        assert reply.headers["content-type"] == "application/json"
        OpenAPIV31SpecValidator(reply.json).validate()
        assert reply.json["paths"].keys() >= {
            "/livez",
            "/readyz",
            "/version",
            "/metrics",
            "/openapi.json",
            "/docs",
        }
        assert reply.json["openapi"].startswith("3.1")

    serve(scenario)


def test_the_server_is_where_the_public_reaches_the_service(document: dict[str, Any]) -> None:
    """A client made from the document asks there; unless told, where it has got the document from."""
    assert document["servers"] == [{"url": "/"}]
    public = openapi_document("test", "1.2.3", OPERATIONS, "https://accounts.example.org/base")
    assert public["servers"] == [{"url": "https://accounts.example.org/base"}]


def test_every_refusal_of_the_edge_is_declared_on_every_route(document: dict[str, Any]) -> None:
    """A fuzzer meets no answer that is not in the document."""
    for path, methods in document["paths"].items():
        for method in methods:
            assert answers(document, path, method).keys() >= {
                str(refusal.status) for refusal in ON_EVERY_ROUTE
            }


def test_own_refusals_stand_beside_those_of_the_edge(document: dict[str, Any]) -> None:
    """One entry per status, with all its codes."""
    assert codes(document, "/take", "post", 400) == ["VALIDATION_FAILED", "REQUEST_MALFORMED", "BODY_INVALID"]
    assert codes(document, "/take", "post", 415) == ["UNSUPPORTED_MEDIA_TYPE"]
    assert codes(document, "/link", "get", 400)[0] == "LINK_INVALID"
    assert codes(document, "/fast", "get", 429) == ["TOO_FAST"]
    assert codes(document, "/who", "get", 401) == ["TOKEN_INVALID"]
    assert codes(document, "/sessions/{session_id}", "delete", 404) == ["NOT_FOUND"]
    assert "Retry-After" in answers(document, "/fast", "get")["429"]["headers"]


def test_bodies_are_closed_and_constrained(document: dict[str, Any]) -> None:
    """What read_body refuses, the schema refuses."""
    schemas = document["components"]["schemas"]
    for name in ("Account", "Problem", "FieldError"):
        assert schemas[name]["additionalProperties"] is False
    schema = schemas["Account"]
    assert schema["required"] == ["email", "password"]
    assert schema["properties"]["fullName"]["anyOf"] == [{"type": "string", "maxLength": 5}, {"type": "null"}]


def test_link_pages_are_declared_as_json_and_as_pages(document: dict[str, Any]) -> None:
    """Successes and refusals alike."""
    found = answers(document, "/link", "get")
    assert found["200"]["content"].keys() == {"application/json", "text/html"}
    assert found["400"]["content"].keys() == {"application/problem+json", "text/html"}


def test_the_page_shows_every_operation_without_the_internet() -> None:
    """No script, no foreign host, page headers."""

    async def scenario(wire: Wire) -> None:
        reply = await wire.ask("GET", "/docs")
        text = reply.body.decode()
        assert reply.headers["content-type"] == "text/html; charset=utf-8"
        for operation in OPERATIONS:
            assert f'id="{operation.name}"' in text
        assert "TOO_FAST" in text
        assert "http://" not in text
        assert "https://" not in text
        assert "<script" not in text

    serve(scenario)


def test_the_view_names_what_an_operation_takes(document: dict[str, Any]) -> None:
    """Fields with their rules, in words."""
    take = next(section for section in docs_view(document)["sections"] if section["id"] == "takeTwice")
    assert take["description"] == "The same as `take`."
    assert take["fields"][2] == {"name": "fullName", "required": False, "rules": "text, at most 5 characters"}
    look = next(section for section in docs_view(document)["sections"] if section["id"] == "look")
    assert look["fields"] == [{"name": "token", "required": True, "rules": "text, in the query"}]


def test_problem_types_are_named_after_their_code() -> None:
    """The URI is as stable as the code."""
    assert problem_type(ON_EVERY_ROUTE[0]) == "urn:quartet:problem:request-malformed"
