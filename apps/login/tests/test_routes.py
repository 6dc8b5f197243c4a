"""Login over HTTP, as a client sees it."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from apps.auth.tokens import PublicKeys
from apps.login.tables import audit, login_failures, outbox, sessions, suspended_users
from apps.login.tests.desk import ADA, KEY, NOBODY, RIGHT, WRONG, Desk, serve, session_of
from apps.storage.tests.engines import only_on_sqlite

DEV = "/api/v1/dev"
LOGIN = f"{DEV}/login"
GOOD = {"email": ADA, "password": RIGHT}
VARYING = {"date", "x-request-id"}


async def log_in(client: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    return await client.post(LOGIN, json={**GOOD, **fields})


async def token_of(client: httpx.AsyncClient, **fields: Any) -> str:
    answer = await log_in(client, **fields)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["token"])


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def shape(answer: httpx.Response) -> tuple[int, dict[str, Any], dict[str, str]]:
    """All of an answer but what differs from request to request."""
    body = {name: value for name, value in answer.json().items() if name != "request_id"}
    return answer.status_code, body, {k: v for k, v in answer.headers.items() if k not in VARYING}


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_a_login(tmp_path: Path) -> None:
    """A bearer token for 48 hours, which no cache keeps."""

    async def story(desk: Desk, client: httpx.AsyncClient) -> None:
        answer = await client.post(
            LOGIN,
            json={"email": "ADA@Example.ORG", "password": RIGHT},
            headers={"X-Request-ID": "r-1"},
        )
        assert answer.status_code == 200
        assert answer.json().keys() == {"token", "token_type", "expires_in"}
        assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 172800)
        assert answer.headers["cache-control"] == "no-store"
        assert session_of(answer.json()["token"], desk.clock).email == ADA
        assert (await desk.rows(audit))[0].request_id == "r-1"

    serve(tmp_path, story)


def test_a_failure_does_not_tell_why(tmp_path: Path) -> None:
    """Unknown, wrong, INACTIVE and wrong, suspended with either password: status, body, headers, hashes."""

    async def story(desk: Desk, client: httpx.AsyncClient) -> None:
        await desk.sink(8, "inactive@example.org", User_status="INACTIVE")
        await desk.sink(9, "suspended@example.org")
        for _ in range(5):
            await log_in(client, email="suspended@example.org", password=WRONG)
            desk.clock.advance(5)
        answers = []
        for email, password in [
            (NOBODY, RIGHT),
            (ADA, WRONG),
            ("inactive@example.org", WRONG),
            ("suspended@example.org", WRONG),
            ("suspended@example.org", RIGHT),
            (ADA, "x" * 5000),
            (ADA, ""),
        ]:
            desk.clock.advance(5)
            answers.append(shape(await log_in(client, email=email, password=password)))
        status, body, headers = answers[0]
        assert (status, body["code"]) == (401, "LOGIN_FAILED")
        assert headers["content-type"] == "application/problem+json"
        assert all(answer == answers[0] for answer in answers)
        assert desk.hashes.counts["done"] == 5 + len(answers)

    serve(tmp_path, story)


def test_an_inactive_account(tmp_path: Path) -> None:
    """Told only to whom knows the password."""

    async def story(desk: Desk, client: httpx.AsyncClient) -> None:
        await desk.sink_anew(User_status="INACTIVE")
        assert refusal(await log_in(client)) == (403, "ACCOUNT_INACTIVE")
        assert not await desk.rows(sessions)

    serve(tmp_path, story)


def test_too_fast(tmp_path: Path) -> None:
    """429 with the wait in whole seconds, for known and unknown alike, and no failure is counted."""

    async def story(desk: Desk, client: httpx.AsyncClient) -> None:
        for email in (ADA, NOBODY):
            assert refusal(await log_in(client, email=email, password=WRONG)) == (401, "LOGIN_FAILED")
        desk.clock.advance(0.5)
        for email in (ADA, "ADA@example.org", NOBODY):
            answer = await log_in(client, email=email)
            assert refusal(answer) == (429, "TOO_FAST")
            assert answer.headers["retry-after"] == "5"
        assert (await desk.rows(login_failures))[0].failures == 1
        desk.clock.advance(4.5)
        assert (await log_in(client)).status_code == 200

    serve(tmp_path, story)


def test_a_suspension(tmp_path: Path) -> None:
    """New logins are refused, live sessions stay, one mail is owed, and it ends by itself."""

    async def story(desk: Desk, client: httpx.AsyncClient) -> None:
        token = await token_of(client)
        answers = await asyncio.gather(*(log_in(client, password=WRONG) for _ in range(20)))
        assert {refusal(answer) for answer in answers} == {(401, "LOGIN_FAILED")}
        assert len(await desk.rows(suspended_users)) == 1
        assert [mail.recipient for mail in await desk.rows(outbox)] == [ADA]
        assert refusal(await log_in(client)) == (401, "LOGIN_FAILED")
        assert (await client.get(f"{DEV}/session", headers=bearer(token))).status_code == 200
        desk.clock.advance(1800)
        assert (await log_in(client)).status_code == 200

    serve(tmp_path, story, login_retry_seconds=0)


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({**GOOD, "email": "ada"}, [("/email", "EMAIL_INVALID")]),
        ({**GOOD, "email": 5}, [("/email", "FIELD_INVALID")]),
        ({**GOOD, "email": ["a@example.org", "b@example.org"]}, [("/email", "FIELD_INVALID")]),
        ({"email": ADA}, [("/password", "FIELD_MISSING")]),
        ({**GOOD, "password": None}, [("/password", "FIELD_INVALID")]),
        ({**GOOD, "User_status": "ACTIVE"}, [("", "FIELD_UNKNOWN")]),
        ({}, [("/email", "FIELD_MISSING"), ("/password", "FIELD_MISSING")]),
    ],
)
def test_what_is_no_login(tmp_path: Path, body: Any, errors: list[tuple[str, str]]) -> None:
    """Every fault of every field, nothing hashed, nothing written."""

    async def story(desk: Desk, client: httpx.AsyncClient) -> None:
        answer = await client.post(LOGIN, json=body)
        assert refusal(answer) == (400, "VALIDATION_FAILED")
        assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == errors
        assert desk.hashes.counts["done"] == 0
        assert not await desk.rows(audit)

    serve(tmp_path, story)


def test_the_session_of_a_token(tmp_path: Path) -> None:
    """Whose it is and how long it lasts, in RFC 3339."""

    async def story(desk: Desk, client: httpx.AsyncClient) -> None:
        token = await token_of(client)
        claims = session_of(token, desk.clock)
        answer = await client.get(f"{DEV}/session", headers=bearer(token))
        assert answer.status_code == 200
        shown = answer.json()
        assert shown.keys() == {"user_id", "email", "session_id", "issued_at", "expires_at"}
        assert (shown["user_id"], shown["email"], shown["session_id"]) == (7, ADA, claims.token_id)
        assert datetime.fromisoformat(shown["issued_at"]) == desk.clock.now
        assert datetime.fromisoformat(shown["expires_at"]) == claims.expires_at
        assert answer.headers["cache-control"] == "no-store"

    serve(tmp_path, story, session_ttl_seconds=60)


def test_what_opens_no_session(tmp_path: Path) -> None:
    """Missing, forged, a receipt, of another scheme, outdated, expired, logged out: one and the same 401."""

    async def story(desk: Desk, client: httpx.AsyncClient) -> None:
        token = await token_of(client)
        outdated = await token_of(client)
        receipt = (await desk.row()).auth_token
        gone = await token_of(client)
        await client.post(f"{DEV}/logout", headers=bearer(gone))
        given = [
            {},
            {"Authorization": "Bearer"},
            bearer("x.y.z"),
            bearer(receipt),
            bearer(token + "A"),
            bearer(gone),
        ]
        given += [{"Authorization": f"Basic {token}"}, {"Authorization": token}]
        answers = [await client.get(f"{DEV}/session", headers=headers) for headers in given]
        await desk.set_user(pw_version=2)
        answers.append(await client.get(f"{DEV}/session", headers=bearer(outdated)))
        fresh = await token_of(client)
        assert (await client.get(f"{DEV}/session", headers=bearer(fresh))).status_code == 200
        desk.clock.advance(60)
        answers.append(await client.get(f"{DEV}/session", headers=bearer(fresh)))
        assert {refusal(answer) for answer in answers} == {(401, "TOKEN_INVALID")}
        assert all(shape(answer) == shape(answers[0]) for answer in answers)
        for method, path in [("GET", "sessions"), ("DELETE", "sessions"), ("DELETE", "sessions/x")]:
            answer = await client.request(method, f"{DEV}/{path}", headers=bearer(token))
            assert refusal(answer) == (401, "TOKEN_INVALID")

    serve(tmp_path, story, session_ttl_seconds=60)


def test_listing_and_revoking(tmp_path: Path) -> None:
    """One by its id, then all others; what is not one's own is unknown."""

    async def story(desk: Desk, client: httpx.AsyncClient) -> None:
        await desk.sink(8, "bob@example.org")
        bobs = await token_of(client, email="bob@example.org")
        made = []
        for _ in range(4):
            desk.clock.advance(1)
            made.append(await token_of(client))
        ids = [session_of(token, desk.clock).token_id for token in made]
        own = bearer(made[1])
        listed = (await client.get(f"{DEV}/sessions", headers=own)).json()["sessions"]
        assert [each["session_id"] for each in listed] == ids[::-1]
        assert [each["current"] for each in listed] == [False, False, True, False]
        assert listed[0].keys() == {"session_id", "issued_at", "expires_at", "current"}
        newest, oldest = (datetime.fromisoformat(listed[n]["issued_at"]) for n in (0, -1))
        assert newest - oldest == timedelta(seconds=3)

        answer = await client.delete(f"{DEV}/sessions/{ids[3]}", headers=own)
        assert (answer.status_code, answer.content) == (204, b"")
        assert (await client.get(f"{DEV}/session", headers=bearer(made[3]))).status_code == 401
        assert (await desk.receipt()).token_id == ids[2]  # type: ignore[union-attr]
        for unknown in (ids[3], session_of(bobs, desk.clock).token_id, "nothing", "%C3%A4"):
            answer = await client.delete(f"{DEV}/sessions/{unknown}", headers=own)
            assert refusal(answer) == (404, "SESSION_UNKNOWN")

        assert (await client.delete(f"{DEV}/sessions", headers=own)).status_code == 204
        statuses = [(await client.get(f"{DEV}/session", headers=bearer(token))).status_code for token in made]
        assert statuses == [401, 200, 401, 401]
        assert (await client.get(f"{DEV}/session", headers=bearer(bobs))).status_code == 200
        assert (await desk.receipt()).token_id == ids[1]  # type: ignore[union-attr]

    serve(tmp_path, story)


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_logging_out(tmp_path: Path, method: str) -> None:
    """204, dead at once, the receipt gone; the same 204 for what was never a session."""

    async def story(desk: Desk, client: httpx.AsyncClient) -> None:
        token = await token_of(client)
        first = await client.request(method, f"{DEV}/logout", headers=bearer(token))
        assert (first.status_code, first.content) == (204, b"")
        assert refusal(await client.get(f"{DEV}/session", headers=bearer(token))) == (401, "TOKEN_INVALID")
        assert (await desk.row()).auth_token is None
        for headers in (bearer(token), bearer("x"), {}):
            again = await client.request(method, f"{DEV}/logout", headers=headers)
            assert (again.status_code, again.content) == (204, b"")

    serve(tmp_path, story)


def test_the_published_keys(tmp_path: Path) -> None:
    """The public half of the signing key, and nothing private."""

    async def story(_: Desk, client: httpx.AsyncClient) -> None:
        answer = await client.get("/.well-known/jwks.json")
        (key,) = answer.json()["keys"]
        assert key["kid"] == KEY.kid
        assert "d" not in key
        assert answer.json() == PublicKeys.from_pem(KEY.public_pem).jwks()

    serve(tmp_path, story)


def test_the_edge_is_there(tmp_path: Path) -> None:
    """Health, metrics with mails and hashes, and a document that lists every route."""

    async def story(_: Desk, client: httpx.AsyncClient) -> None:
        assert (await client.get("/readyz")).status_code == 200
        await log_in(client)
        metrics = (await client.get("/metrics")).text
        assert 'quartet_hashes_total{outcome="done",service="login"} 1.0' in metrics
        assert "quartet_mail_queue_age_seconds" in metrics
        document = (await client.get("/openapi.json")).json()
        assert document["servers"] == [{"url": "https://login.example.org"}]
        paths = document["paths"]
        assert {LOGIN, f"{DEV}/logout", f"{DEV}/session", f"{DEV}/sessions"} <= paths.keys()
        assert paths[f"{DEV}/logout"].keys() >= {"get", "post"}
        assert (await client.head(f"{DEV}/logout")).status_code == 405

    serve(tmp_path, story)


@only_on_sqlite
def test_a_database_that_is_away(tmp_path: Path) -> None:
    """The service answers that it is not ready, and no login gets a false answer."""

    async def story(desk: Desk, client: httpx.AsyncClient) -> None:
        await desk.database.close()
        path = tmp_path / "login_db.sqlite"
        path.unlink()
        path.mkdir()
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/readyz")).status_code == 503
        answer = await log_in(client)
        assert refusal(answer) == (503, "STORAGE_UNAVAILABLE")
        assert int(answer.headers["retry-after"]) >= 1

    serve(tmp_path, story)
