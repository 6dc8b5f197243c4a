"""Sign-up over HTTP, as a client sees it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from apps.signup.app import build
from apps.signup.tables import audit, outbox, users
from apps.signup.tests.desk import ADA, Desk, open_desk
from apps.web.server import Server, bind

SIGN_UP = "/api/v1/dev/signup"
RESEND = "/api/v1/dev/resend"
GOOD = {"email": ADA, "password": "a quiet harbour"}


@dataclass
class Served:
    """A served app, a client of it, and its database."""

    desk: Desk
    client: httpx.AsyncClient

    async def sign_up(self, **fields: Any) -> httpx.Response:
        return await self.client.post(SIGN_UP, json={**GOOD, **fields})


@asynccontextmanager
async def served(folder: Path, **settings: Any) -> AsyncIterator[Served]:
    async with open_desk(folder, smtp_port=1, **settings) as desk:
        app = build(desk.settings, desk.ports)
        async with (
            Server([(app, bind())]) as server,
            httpx.AsyncClient(base_url=server.urls[app.name], timeout=10) as client,
        ):
            yield Served(desk, client)


def serve(folder: Path, story: Callable[[Served], Awaitable[None]], **settings: Any) -> None:
    async def run() -> None:
        async with served(folder, **settings) as service:
            await story(service)

    asyncio.run(run())


async def make_everybody(service: Served) -> list[str]:
    """One address for each case: new, INACTIVE, ACTIVE, suspended."""
    addresses = [f"{name}@example.org" for name in ("new", "inactive", "active", "suspended")]
    for address in addresses[1:]:
        await service.desk.sign_up(address)
    for address in addresses[2:]:
        await service.desk.activate(address)
    await service.desk.suspend(addresses[3])
    return addresses


def codes(answer: httpx.Response) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


def test_a_sign_up(tmp_path: Path) -> None:
    """202, the account INACTIVE, one mail owed, one audit row with the request's id."""

    async def story(service: Served) -> None:
        answer = await service.client.post(
            SIGN_UP,
            json={**GOOD, "fullName": "Zoë 😀 中文", "phoneNo": "+358 (0)40 123-456", "gender": None},
            headers={"X-Request-ID": "my-request"},
        )
        assert answer.status_code == 202
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-request-id"] == "my-request"
        assert answer.json().keys() == {"status", "message"}
        assert answer.json()["status"] == "INACTIVE"
        row = await service.desk.row()
        assert (row.User_status, row.fullName, row.phoneNo, row.gender) == (
            "INACTIVE",
            "Zoë 😀 中文",
            "+358 (0)40 123-456",
            None,
        )
        (mail,) = await service.desk.rows(outbox)
        assert mail.recipient == ADA
        (event,) = await service.desk.rows(audit)
        assert (event.request_id, event.client) == ("my-request", "127.0.0.1")

    serve(tmp_path, story)


def test_every_address_gets_the_same_bytes(tmp_path: Path) -> None:
    """New, INACTIVE, ACTIVE, suspended, and a mail withheld: nothing tells them apart."""

    async def story(service: Served) -> None:
        addresses = await make_everybody(service)
        for _ in range(5):
            await service.desk.sign_up("withheld@example.org")
        answers = [await service.sign_up(email=address) for address in [*addresses, "withheld@example.org"]]
        told = {
            (answer.status_code, answer.content, tuple(sorted(set(answer.headers.items()) - own(answer))))
            for answer in answers
        }
        assert len(told) == 1
        assert answers[0].status_code == 202

    def own(answer: httpx.Response) -> set[tuple[str, str]]:
        return {(name, answer.headers[name]) for name in ("x-request-id", "date") if name in answer.headers}

    serve(tmp_path, story)


def test_explicit_answers(tmp_path: Path) -> None:
    """With ANSWERS=explicit a client is told what the address was."""

    async def story(service: Served) -> None:
        new, inactive, active, suspended = await make_everybody(service)
        assert (await service.sign_up(email=new)).status_code == 201
        answer = await service.sign_up(email=inactive)
        assert (answer.status_code, answer.json()["status"]) == (200, "INACTIVE")
        for address, status, code in [
            (active, 409, "ADDRESS_TAKEN"),
            (suspended, 403, "ACCOUNT_SUSPENDED"),
        ]:
            answer = await service.sign_up(email=address)
            assert (answer.status_code, answer.json()["code"]) == (status, code)
            assert answer.headers["content-type"] == "application/problem+json"
            assert address not in answer.text
            assert len(await service.desk.rows(outbox, recipient=address, kind="taken_notice")) == 1
        resent = [await service.client.post(RESEND, json={"email": address}) for address in (new, active)]
        assert [answer.status_code for answer in resent] == [202, 202]

    serve(tmp_path, story, answers="explicit")


def test_resend_says_the_same_to_everybody(tmp_path: Path) -> None:
    """And mails only whom it concerns."""

    async def story(service: Served) -> None:
        addresses = await make_everybody(service)
        before = len(await service.desk.rows(outbox))
        answers = [await service.client.post(RESEND, json={"email": address}) for address in addresses]
        assert {(answer.status_code, answer.content) for answer in answers} == {(202, answers[0].content)}
        owed = [mail.recipient for mail in await service.desk.rows(outbox)][before:]
        assert owed == ["inactive@example.org"]

    serve(tmp_path, story)


@pytest.mark.parametrize("path", [SIGN_UP, RESEND])
@pytest.mark.parametrize(
    "address", ["ada", "ada@", "Ada <ada@example.org>", "ada@example.org\n", "ä@example.org", "x" * 300, ""]
)
def test_a_malformed_address(tmp_path: Path, path: str, address: str) -> None:
    """400 with the field, whatever else the service would answer; nothing is written."""

    async def story(service: Served) -> None:
        body = {"email": address} if path == RESEND else {**GOOD, "email": address}
        answer = await service.client.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_FAILED")
        assert codes(answer) == [("/email", "EMAIL_INVALID")]
        assert await service.desk.rows(audit) == []

    serve(tmp_path, story)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"password": "short"}, [("/password", "PASSWORD_TOO_SHORT")]),
        ({"password": "x" * 257}, [("/password", "PASSWORD_TOO_LONG")]),
        ({"password": "x ADA@example.org x"}, [("/password", "PASSWORD_CONTAINS_EMAIL")]),
        ({"password": "a quiet\u0000harbour"}, [("/password", "FIELD_INVALID")]),
        ({"password": 12345678}, [("/password", "FIELD_INVALID")]),
        ({"password": None}, [("/password", "FIELD_INVALID")]),
        ({"email": ["ada@example.org"]}, [("/email", "FIELD_INVALID")]),
        ({"email": {"$ne": ""}}, [("/email", "FIELD_INVALID")]),
        ({"fullName": "x" * 201}, [("/fullName", "FIELD_INVALID")]),
        ({"fullName": "Ada\r\nBcc: all"}, [("/fullName", "FIELD_INVALID")]),
        ({"address": "x" * 501}, [("/address", "FIELD_INVALID")]),
        ({"phoneNo": "1" * 33}, [("/phoneNo", "FIELD_INVALID")]),
        ({"phoneNo": "call me"}, [("/phoneNo", "FIELD_INVALID")]),
        ({"phoneNo": "040\n"}, [("/phoneNo", "FIELD_INVALID")]),
        ({"phoneNo": "٠٤٠"}, [("/phoneNo", "FIELD_INVALID")]),
        ({"gender": "x" * 17}, [("/gender", "FIELD_INVALID")]),
        ({"gender": True}, [("/gender", "FIELD_INVALID")]),
        (
            {"email": "nobody", "password": "short", "phoneNo": "call me", "userRole": "Admin"},
            [
                ("/email", "EMAIL_INVALID"),
                ("/password", "PASSWORD_TOO_SHORT"),
                ("/phoneNo", "FIELD_INVALID"),
                ("", "FIELD_UNKNOWN"),
            ],
        ),
    ],
)
def test_every_invalid_field_is_named(
    tmp_path: Path, fields: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    """All of them at once, without any value, and nothing is written or hashed."""

    async def story(service: Served) -> None:
        answer = await service.sign_up(**fields)
        assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_FAILED")
        assert sorted(codes(answer)) == sorted(expected)
        for value in fields.values():
            if isinstance(value, str):
                assert value not in answer.text
        assert await service.desk.rows(users) == await service.desk.rows(audit) == []
        assert service.desk.hashes.counts["done"] == 0

    serve(tmp_path, story)


def test_longest_values_are_kept_whole(tmp_path: Path) -> None:
    """Lengths count characters, not bytes."""

    async def story(service: Served) -> None:
        profile = {"fullName": "中" * 200, "address": "😀" * 500, "phoneNo": "1" * 32, "gender": "é" * 16}
        answer = await service.sign_up(password="é" * 256, **profile)
        assert answer.status_code == 202
        row = await service.desk.row()
        assert {name: row._mapping[name] for name in profile} == profile

    serve(tmp_path, story)


@pytest.mark.parametrize(
    "name", ["id", "userRole", "User_status", "pw_version", "auth_token", "regDate", "reason_for_inactive"]
)
def test_privileges_cannot_be_signed_up_for(tmp_path: Path, name: str) -> None:
    """An unknown field is refused without its name, and nothing is written."""

    async def story(service: Served) -> None:
        for path, body in [(SIGN_UP, {**GOOD, name: "1"}), (RESEND, {"email": ADA, name: "1"})]:
            answer = await service.client.post(path, json=body)
            assert answer.status_code == 400
            assert codes(answer) == [("", "FIELD_UNKNOWN")]
            assert f'"{name}"' not in answer.text
        assert await service.desk.rows(users) == []

    serve(tmp_path, story)


@pytest.mark.parametrize("field", ["email", "password"])
def test_a_missing_field(tmp_path: Path, field: str) -> None:
    """It is named."""

    async def story(service: Served) -> None:
        body = {name: value for name, value in GOOD.items() if name != field}
        answer = await service.client.post(SIGN_UP, json=body)
        assert answer.status_code == 400
        assert codes(answer) == [(f"/{field}", "FIELD_MISSING")]

    serve(tmp_path, story)


@pytest.mark.parametrize(
    ("body", "media", "status", "code"),
    [
        (b"", "application/json", 400, "BODY_INVALID"),
        (b"[]", "application/json", 400, "BODY_INVALID"),
        (b'{"email": "a@example.org", "email": "b@example.org"}', "application/json", 400, "BODY_INVALID"),
        (b"email=ada%40example.org", "application/x-www-form-urlencoded", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (json.dumps(GOOD).encode(), "text/plain", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (json.dumps({**GOOD, "fullName": "x" * 17000}).encode(), "application/json", 413, "BODY_TOO_LARGE"),
    ],
)
def test_bodies_that_cannot_be_read(tmp_path: Path, body: bytes, media: str, status: int, code: str) -> None:
    """They are refused as problems, and the service lives on."""

    async def story(service: Served) -> None:
        for path in (SIGN_UP, RESEND):
            answer = await service.client.post(path, content=body, headers={"Content-Type": media})
            assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert await service.desk.rows(users) == []
        assert (await service.client.get("/livez")).status_code == 200

    serve(tmp_path, story)


def test_one_address_in_every_spelling(tmp_path: Path) -> None:
    """Addresses are kept in one canonical form."""

    async def story(service: Served) -> None:
        for address in ("Ada@Bücher.example", "ada@BÜCHER.example", "ADA@xn--bcher-kva.example"):
            assert (await service.sign_up(email=address)).status_code == 202
        (row,) = await service.desk.rows(users)
        assert row.email == "ada@xn--bcher-kva.example"

    serve(tmp_path, story)


def test_twenty_sign_ups_at_once(tmp_path: Path) -> None:
    """One address is one row, every answer the same, and no mail beyond the limit."""

    async def story(service: Served) -> None:
        answers = await asyncio.gather(*(service.sign_up(password=f"harbour number {n}") for n in range(20)))
        assert {(answer.status_code, answer.content) for answer in answers} == {(202, answers[0].content)}
        assert len(await service.desk.rows(users)) == 1
        assert len(await service.desk.rows(outbox)) == 5

    serve(tmp_path, story)


def test_another_method_is_refused(tmp_path: Path) -> None:
    """GET and HEAD of a sign-up are 405."""

    async def story(service: Served) -> None:
        for path in (SIGN_UP, RESEND):
            assert (await service.client.get(path)).status_code == 405
            assert (await service.client.head(path)).status_code == 405

    serve(tmp_path, story)


def test_operations_are_described_and_measured(tmp_path: Path) -> None:
    """The document declares what is answered, the metrics count it, and the service is ready."""

    async def story(service: Served) -> None:
        await service.sign_up()
        assert (await service.client.get("/readyz")).status_code == 200
        document = (await service.client.get("/openapi.json")).json()
        assert document["servers"] == [{"url": "https://signup.example.org"}]
        responses = document["paths"][SIGN_UP]["post"]["responses"]
        assert {"202", "400", "415", "503"} <= responses.keys()
        assert "201" not in responses
        schema = document["components"]["schemas"]["SignUpBody"]
        assert set(schema["properties"]) == {"email", "password", "fullName", "address", "phoneNo", "gender"}
        assert schema["required"] == ["email", "password"]
        metrics = (await service.client.get("/metrics")).text
        assert re.search(r'quartet_hashes_total{.*outcome="done".*} 1.0', metrics)
        assert 'quartet_hashes_in_flight{service="signup"} 0.0' in metrics
        assert re.search(r"^process_resident_memory_bytes \S+$", metrics, re.MULTILINE)
        assert "quartet_mail_queue_age_seconds" in metrics

    serve(tmp_path, story)


def test_explicit_answers_are_described(tmp_path: Path) -> None:
    """The document follows the setting."""

    async def story(service: Served) -> None:
        document = (await service.client.get("/openapi.json")).json()
        assert {"200", "201", "403", "409"} <= document["paths"][SIGN_UP]["post"]["responses"].keys()

    serve(tmp_path, story, answers="explicit")


def test_a_database_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    """The service starts, says that it is not ready, and refuses what it cannot write."""
    from apps.storage.database import Database

    async def run() -> None:
        async with open_desk(tmp_path) as desk:
            gone = Database(f"sqlite+aiosqlite:///{tmp_path}/no/such/folder/signup_db.sqlite")
            app = build(desk.settings, replace(desk.ports, database=gone))
            async with (
                Server([(app, bind())]) as server,
                httpx.AsyncClient(base_url=server.urls[app.name]) as client,
            ):
                assert (await client.get("/livez")).status_code == 200
                ready = await client.get("/readyz")
                assert (ready.status_code, "retry-after" in ready.headers) == (503, True)
                answer = await client.post(SIGN_UP, json=GOOD)
                assert (answer.status_code, answer.json()["code"]) == (503, "STORAGE_UNAVAILABLE")
                assert int(answer.headers["retry-after"]) >= 1

    asyncio.run(run())
