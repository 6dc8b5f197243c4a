"""Reset-password over HTTP, as a client, a browser and a mail scanner see it."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from apps.auth import tokens
from apps.reset_password.tables import audit, outbox, reset_links
from apps.reset_password.tests.desk import ADA, KEY, NEW, NOBODY, Desk, serve
from apps.web.tests.doubles import cheap_hash

DEV = "/api/v1/dev"
LINK, PROCESS = f"{DEV}/confirmPWreset", f"{DEV}/Process_New_PW"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
VARYING = {"date", "x-request-id"}
BOTH = pytest.mark.parametrize("path", [f"{DEV}//resetPW", f"{DEV}/resetPW"])


async def ask(client: httpx.AsyncClient, path: str, email: Any = ADA, **headers: str) -> httpx.Response:
    # The whole address: httpx would take a path that begins with // for a host.
    url = f"{str(client.base_url).rstrip('/')}{path}"
    return await client.post(url, json={"email": email}, headers=headers)


def shape(answer: httpx.Response) -> tuple[int, dict[str, Any], dict[str, str]]:
    """All of an answer but what differs from request to request."""
    body = {name: value for name, value in answer.json().items() if name != "request_id"}
    return answer.status_code, body, {k: v for k, v in answer.headers.items() if k not in VARYING}


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def is_safe_page(answer: httpx.Response) -> bool:
    policy = answer.headers["content-security-policy"]
    return (
        answer.headers["content-type"] == "text/html; charset=utf-8"
        and answer.headers["cache-control"] == "no-store"
        and answer.headers["referrer-policy"] == "no-referrer"
        and answer.headers["x-content-type-options"] == "nosniff"
        and "default-src 'none'" in policy
        and "frame-ancestors 'none'" in policy
        and "<script" not in answer.text
    )


@BOTH
def test_asking_for_a_link(tmp_path: Path, path: str) -> None:
    """Both spellings of the address: 202, and one mail to the stored address."""

    async def story(desk: Desk, client: httpx.AsyncClient) -> None:
        answer = await ask(client, path, ADA.upper())
        assert answer.status_code == 202
        assert answer.json().keys() == {"message"}
        (mail,) = await desk.rows(outbox)
        assert (mail.kind, mail.recipient) == ("reset", ADA)
        session = desk.issue(tokens.SESSION)
        answer = await ask(client, path, Authorization=f"Bearer {session}")
        assert answer.status_code == 202
        assert len(await desk.rows(reset_links)) == 2

    serve(tmp_path, story)


@BOTH
def test_who_is_not_logged_in(tmp_path: Path, path: str) -> None:
    """Unknown, logged out, expired, outdated: one and the same 403, and no mail."""

    async def story(desk: Desk, client: httpx.AsyncClient) -> None:
        answers = [await ask(client, path, NOBODY)]
        for receipt in (None, desk.issue(tokens.RECEIPT, seconds=0), desk.issue(tokens.SESSION)):
            await desk.set_user(auth_token=receipt)
            answers.append(await ask(client, path))
        await desk.set_user(auth_token=desk.issue(tokens.RECEIPT), pw_version=2)
        answers.append(await ask(client, path))
        assert refusal(answers[0]) == (403, "LOGIN_REQUIRED")
        assert all(shape(answer) == shape(answers[0]) for answer in answers)
        assert not await desk.rows(outbox)

    serve(tmp_path, story)


def test_silent_answers(tmp_path: Path) -> None:
    """Logged in, logged out, unknown: the same 202."""

    async def story(desk: Desk, client: httpx.AsyncClient) -> None:
        answers = [await ask(client, f"{DEV}/resetPW", email) for email in (ADA, NOBODY)]
        await desk.set_user(auth_token=None)
        answers.append(await ask(client, f"{DEV}/resetPW"))
        assert answers[0].status_code == 202
        assert all(shape(answer) == shape(answers[0]) for answer in answers)
        assert len(await desk.rows(outbox)) == 1
        assert refusal(await ask(client, f"{DEV}/resetPW", "ada"))[1] == "VALIDATION_FAILED"

    serve(tmp_path, story, reset_answers="silent")


@BOTH
def test_a_bearer_token_that_does_not_fit(tmp_path: Path, path: str) -> None:
    """Invalid, of another purpose, or of another account: 401, with or without a live login."""

    async def story(desk: Desk, client: httpx.AsyncClient) -> None:
        await desk.sink(8, "bob@example.org")
        bobs = desk.issue(tokens.SESSION, 8, "bob@example.org")
        headers = [f"Bearer {token}" for token in ("x", desk.issue(tokens.RECEIPT), bobs)] + ["Bearer"]
        answers = [await ask(client, path, Authorization=value) for value in headers]
        await desk.set_user(auth_token=None)
        answers += [await ask(client, path, Authorization=value) for value in headers]
        answers.append(await ask(client, path, NOBODY, Authorization=f"Bearer {bobs}"))
        assert {refusal(answer) for answer in answers} == {(401, "TOKEN_INVALID")}
        assert not await desk.rows(outbox)

    serve(tmp_path, story)


@BOTH
@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"email": "ada"}, "/email", "EMAIL_INVALID"),
        ({}, "/email", "FIELD_MISSING"),
        ({"email": ["a@example.org"]}, "/email", "FIELD_INVALID"),
        ({"email": ADA, "password": "x"}, "", "FIELD_UNKNOWN"),
    ],
)
def test_what_is_no_request(tmp_path: Path, path: str, body: dict[str, Any], pointer: str, code: str) -> None:
    """Nothing is looked up and nothing written."""

    async def story(desk: Desk, client: httpx.AsyncClient) -> None:
        url = f"{str(client.base_url).rstrip('/')}{path}"
        answer = await client.post(url, json=body)
        assert refusal(answer) == (400, "VALIDATION_FAILED")
        assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [(pointer, code)]
        assert not await desk.rows(audit)

    serve(tmp_path, story)


def test_a_link_as_json_and_as_a_page(tmp_path: Path) -> None:
    """Both show the link and change nothing; HEAD is no way to look at it."""

    async def story(desk: Desk, client: httpx.AsyncClient) -> None:
        token = await desk.new_link()
        commits = desk.database.counters["commits"]
        shown = await client.get(LINK, params={"token": token})
        assert shown.status_code == 200
        (link,) = await desk.rows(reset_links)
        assert shown.json()["valid"] is True
        assert datetime.fromisoformat(shown.json()["expires_at"]) == link.expires_at
        assert shown.headers["cache-control"] == "no-store"
        page = await client.get(LINK, params={"token": token}, headers=BROWSER)
        assert page.status_code == 200
        assert is_safe_page(page)
        assert f'name="token" value="{token}"' in page.text
        assert 'type="password"' in page.text
        for _ in range(3):
            assert (await client.head(LINK, params={"token": token})).status_code == 405
            assert (await client.options(LINK, params={"token": token})).status_code == 405
        assert desk.database.counters["commits"] == commits

    serve(tmp_path, story)


def test_links_that_are_not_good(tmp_path: Path) -> None:
    """Used, killed, expired, forged, missing, twice: looked at or used, as JSON or as a page."""

    async def story(desk: Desk, client: httpx.AsyncClient) -> None:
        killed, used = await desk.new_link(), await desk.new_link()
        await desk.choose(used)
        await desk.set_user(auth_token=desk.issue(tokens.RECEIPT, pw_version=2))
        expired = desk.issue(tokens.RESET, key=KEY, seconds=0)
        unknown = desk.issue(tokens.RESET, key=KEY, token_id="unknown", pw_version=2)
        for token, expected in [
            (used, (410, "LINK_USED")),
            (killed, (410, "LINK_USED")),
            (expired, (410, "LINK_EXPIRED")),
            (unknown, (400, "LINK_INVALID")),
            (used + "A", (400, "LINK_INVALID")),
            (desk.issue(tokens.SESSION), (400, "LINK_INVALID")),
            ("", (400, "LINK_INVALID")),
        ]:
            body = {"token": token, "password": NEW}
            assert refusal(await client.get(LINK, params={"token": token})) == expected
            assert refusal(await client.post(PROCESS, json=body)) == expected
            for page in (
                await client.get(LINK, params={"token": token}, headers=BROWSER),
                await client.post(PROCESS, data=body, headers=BROWSER),
            ):
                assert page.status_code == expected[0]
                assert is_safe_page(page)
                assert expected[1] in page.text
        assert refusal(await client.get(LINK)) == (400, "LINK_INVALID")
        assert refusal(await client.get(f"{LINK}?token={used}&token={used}")) == (400, "LINK_INVALID")
        assert refusal(await client.post(PROCESS, json={"password": NEW})) == (400, "LINK_INVALID")
        twice = await client.post(
            PROCESS,
            content=f"token={used}&token={used}&password=x",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert refusal(twice) == (400, "LINK_INVALID")
        assert desk.hashes.counts["done"] == 1

    serve(tmp_path, story)


@pytest.mark.parametrize("is_form", [False, True])
def test_a_new_password(tmp_path: Path, is_form: bool) -> None:
    """By JSON or by the form; answered as JSON or as a page, as the client prefers."""

    async def story(desk: Desk, client: httpx.AsyncClient) -> None:
        for headers in ({}, BROWSER):
            version = 1 if not headers else 2
            await desk.set_user(pw_version=version, auth_token=desk.issue(tokens.RECEIPT, pw_version=version))
            body = {"token": await desk.new_link(), "password": NEW}
            sent = {"data": body} if is_form else {"json": body}
            answer = await client.post(PROCESS, headers=headers, **sent)  # type: ignore[arg-type]
            assert answer.status_code == 200
            if headers:
                assert is_safe_page(answer)
                assert "has been changed" in answer.text
            else:
                assert answer.json() == {"status": "PASSWORD_CHANGED"}
            assert NEW not in answer.text
            row = await desk.row()
            assert (row.password, row.chosen_version) == (cheap_hash(NEW), version + 1)
        assert len(await desk.rows(outbox, kind="security_notice")) == 2

    serve(tmp_path, story)


def test_a_refused_password(tmp_path: Path) -> None:
    """Told as at sign-up; a browser gets the form again, filled with the token only; the link stays good."""

    async def story(desk: Desk, client: httpx.AsyncClient) -> None:
        token = await desk.new_link()
        body = {"token": token, "password": "qwzxqwz"}
        answer = await client.post(PROCESS, json=body)
        assert refusal(answer) == (400, "VALIDATION_FAILED")
        (error,) = answer.json()["errors"]
        assert (error["pointer"], error["code"]) == ("/password", "PASSWORD_TOO_SHORT")
        assert token not in answer.text
        page = await client.post(PROCESS, data=body, headers=BROWSER)
        assert page.status_code == 400
        assert is_safe_page(page)
        assert "qwzxqwz" not in page.text
        assert f'name="token" value="{token}"' in page.text
        assert 'aria-invalid="true"' in page.text
        missing = await client.post(PROCESS, json={"token": token})
        assert [each["code"] for each in missing.json()["errors"]] == ["FIELD_MISSING"]
        unknown = await client.post(PROCESS, json={**body, "User_status": "ACTIVE"})
        assert [each["code"] for each in unknown.json()["errors"]] == ["FIELD_UNKNOWN"]
        assert (await client.post(PROCESS, json={**body, "password": NEW})).status_code == 200

    serve(tmp_path, story)


def test_ten_uses_at_once(tmp_path: Path) -> None:
    """One link, ten passwords: one success, nine times LINK_USED, and the one that won is saved."""

    async def story(desk: Desk, client: httpx.AsyncClient) -> None:
        token = await desk.new_link()
        passwords = [f"harbour number {n}" for n in range(10)]
        answers = await asyncio.gather(
            *(client.post(PROCESS, json={"token": token, "password": each}) for each in passwords)
        )
        won = [each for each, answer in zip(passwords, answers, strict=True) if answer.status_code == 200]
        assert len(won) == 1
        lost = [answer for answer in answers if answer.status_code != 200]
        assert {refusal(answer) for answer in lost} == {(410, "LINK_USED")}
        assert (await desk.row()).password == cheap_hash(won[0])

    serve(tmp_path, story)


def test_the_edge_is_there(tmp_path: Path) -> None:
    """Health, metrics, and a document that lists both spellings."""

    async def story(_: Desk, client: httpx.AsyncClient) -> None:
        assert (await client.get("/readyz")).status_code == 200
        assert 'service="reset_password"' in (await client.get("/metrics")).text
        document = (await client.get("/openapi.json")).json()
        assert document["servers"] == [{"url": "https://accounts.example.org"}]
        paths = document["paths"]
        assert {f"{DEV}//resetPW", f"{DEV}/resetPW", LINK, PROCESS} <= paths.keys()
        assert (await client.post(PROCESS, content=b"x")).status_code == 415

    serve(tmp_path, story)
