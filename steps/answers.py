"""What a person is told: the platform's stable codes, in the words of the features."""

import json

import httpx
from pytest_bdd import parsers, then

from steps.world import World

REFUSALS = {
    "VALIDATION_FAILED": 400,
    "BODY_INVALID": 400,
    "LINK_INVALID": 400,
    "LINK_EXPIRED": 410,
    "LINK_SUPERSEDED": 410,
    "LINK_USED": 410,
    "LOGIN_FAILED": 401,
    "TOKEN_INVALID": 401,
    "ACCOUNT_INACTIVE": 403,
    "LOGIN_REQUIRED": 403,
    "SESSION_UNKNOWN": 404,
    "TOO_FAST": 429,
}
"""The status that belongs to each code (CONTRACT: HTTP)."""


def refusal(answer: httpx.Response, code: str) -> dict[str, object]:
    """Checks that the answer is the refusal `code` in the form that all refusals have, and returns it."""
    assert answer.status_code == REFUSALS[code], f"{answer.status_code}: {answer.text}"
    assert answer.headers["content-type"].split(";")[0] == "application/problem+json"
    problem: dict[str, object] = answer.json()
    assert problem["code"] == code
    assert {"type", "title", "status", "detail", "code", "request_id"} <= problem.keys()
    assert problem["status"] == answer.status_code
    assert problem["request_id"] == answer.headers["x-request-id"]
    return problem


def without_request_id(answer: httpx.Response) -> tuple[int, dict[str, str], object]:
    """What two answers must share to tell the same: status, headers, and body."""
    headers = {k: v for k, v in answer.headers.items() if k not in {"x-request-id", "date", "content-length"}}
    body = {k: v for k, v in answer.json().items() if k != "request_id"}
    return answer.status_code, headers, body


@then(parsers.re(r"(?P<name>\w+) is refused with (?P<code>[A-Z_]+)"))
@then(parsers.re(r"the (?P<name>stranger) is refused with (?P<code>[A-Z_]+)"))
def is_refused(world: World, name: str, code: str) -> None:
    refusal(world.answer, code)


@then(parsers.re(r'\w+ is refused with VALIDATION_FAILED, (?P<code>[A-Z_]+) at "(?P<pointer>[^"]*)"'))
@then(
    parsers.re(r'the answer is a refusal with VALIDATION_FAILED, (?P<code>[A-Z_]+) at "(?P<pointer>[^"]*)"')
)
def names_the_field(world: World, code: str, pointer: str) -> None:
    errors = refusal(world.answer, "VALIDATION_FAILED")["errors"]
    assert isinstance(errors, list)
    assert [(entry["pointer"], entry["code"]) for entry in errors] == [(pointer, code)]


@then(parsers.parse("the answer names {codes}"))
def names_every_field(world: World, codes: str) -> None:
    errors = refusal(world.answer, "VALIDATION_FAILED")["errors"]
    assert isinstance(errors, list)
    assert sorted(entry["code"] for entry in errors) == sorted(codes.replace(" and ", ", ").split(", "))


@then(parsers.re(r"\w+ is refused with TOO_FAST and told to wait at most (?P<seconds>\d+) seconds"))
def is_too_fast(world: World, seconds: str) -> None:
    refusal(world.answer, "TOO_FAST")
    assert 1 <= int(world.answer.headers["retry-after"]) <= int(seconds)


@then(parsers.re(r"\w+ is answered (?P<status>ACTIVE|INACTIVE)"))
def is_answered(world: World, status: str) -> None:
    assert world.answer.status_code == (200 if status == "ACTIVE" else 202), world.answer.text
    assert world.answer.json()["status"] == status


@then(parsers.re(r"\w+ is told (?P<status>PASSWORD_CHANGED)"))
def is_told(world: World, status: str) -> None:
    assert world.answer.status_code == 200, world.answer.text
    assert world.answer.json() == {"status": status}


@then("the answer is as for everybody")
def answer_is_as_for_everybody(world: World) -> None:
    assert world.answer.status_code == 202, world.answer.text


@then("the two answers are the same but for the request id")
def two_answers_are_the_same(world: World) -> None:
    assert without_request_id(world.answers[-1]) == without_request_id(world.answers[-2])


@then("the answers are the same, byte for byte")
@then("every answer is the same, byte for byte")
def every_answer_is_the_same(world: World) -> None:
    assert len(world.answers) > 1
    assert {answer.status_code for answer in world.answers} == {202}
    assert len({answer.content for answer in world.answers}) == 1


@then("every answer is ACTIVE")
def every_answer_is_active(world: World) -> None:
    told = {(answer.status_code, answer.text) for answer in world.answers[-20:]}
    assert {status for status, _ in told} == {200}
    assert {json.loads(text)["status"] for _, text in told} == {"ACTIVE"}
