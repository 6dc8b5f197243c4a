"""The served app: pages, JSON, both spellings of the address."""

from pathlib import Path

import httpx
import pytest

from apps.reset_password.tests.desk import ADA, NEW, Desk, serve
from apps.web.tests.doubles import cheap_hash

DEV = "/api/v1/dev"
BROWSER = {"Accept": "text/html,*/*;q=0.8"}


@pytest.mark.parametrize("path", ["//resetPW", "/resetPW"])
def test_both_spellings_mail_a_link(tmp_path: Path, path: str):
    """The original's double slash and the single one do the same."""

    async def story(desk: Desk, client: httpx.AsyncClient) -> None:
        url = f"{str(client.base_url).rstrip('/')}{DEV}{path}"
        answer = await client.post(url, json={"email": ADA.upper()})
        assert answer.status_code == 202
        assert len(await desk.mails("reset")) == 1

    serve(tmp_path, story)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"email": "nobody"}, "EMAIL_INVALID"),
        ({}, "FIELD_MISSING"),
        ({"email": 1}, "FIELD_INVALID"),
        ({"email": ADA, "userRole": "Admin"}, "FIELD_UNKNOWN"),
    ],
)
def test_a_bad_body_is_refused(tmp_path: Path, body: dict[str, object], code: str):
    """With the field named, and nobody mailed."""

    async def story(desk: Desk, client: httpx.AsyncClient) -> None:
        answer = await client.post(f"{DEV}/resetPW", json=body)
        assert answer.status_code == 400
        assert [error["code"] for error in answer.json()["errors"]] == [code]
        assert await desk.mails("reset") == []

    serve(tmp_path, story)


def test_a_link_is_looked_at_and_used(tmp_path: Path):
    """JSON and page show the link without touching it; the form sets the password."""

    async def story(desk: Desk, client: httpx.AsyncClient) -> None:
        token = await desk.ask_for_link()
        shown = await client.get(f"{DEV}/confirmPWreset", params={"token": token})
        assert shown.json()["valid"] is True
        assert shown.headers["cache-control"] == "no-store"
        page = await client.get(f"{DEV}/confirmPWreset", params={"token": token}, headers=BROWSER)
        assert page.headers["referrer-policy"] == "no-referrer"
        assert f'value="{token}"' in page.text
        form = {"token": token, "password": "qwzx"}
        refused = await client.post(f"{DEV}/Process_New_PW", data=form, headers=BROWSER)
        assert refused.status_code == 400
        assert refused.headers["content-type"].startswith("text/html")
        assert "qwzx" not in refused.text
        changed = await client.post(f"{DEV}/Process_New_PW", data={**form, "password": NEW}, headers=BROWSER)
        assert changed.status_code == 200
        assert (await desk.user()).password == cheap_hash(NEW)
        again = await client.post(f"{DEV}/Process_New_PW", json={"token": token, "password": NEW})
        assert (again.status_code, again.json()["code"]) == (410, "LINK_USED")

    serve(tmp_path, story)


def test_a_token_given_twice_is_no_link(tmp_path: Path):
    """Neither of the two is taken."""

    async def story(desk: Desk, client: httpx.AsyncClient) -> None:
        token = await desk.ask_for_link()
        answer = await client.get(f"{DEV}/confirmPWreset?token={token}&token={token}")
        assert (answer.status_code, answer.json()["code"]) == (400, "LINK_INVALID")
        form = f"token={token}&token={token}&password=a+harbour+in+the+evening"
        answer = await client.post(
            f"{DEV}/Process_New_PW",
            content=form,
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
        assert (answer.status_code, answer.json()["code"]) == (400, "LINK_INVALID")
        assert (await desk.user()).password is None

    serve(tmp_path, story)
