"""Activation over HTTP, as browsers, scanners of mails and programs see it."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest

from apps.activation.app import build
from apps.activation.tests.desk import OTHER_KEY, SETTINGS, USER_ID, Desk
from apps.activation.tests.test_handlers import respelled
from apps.auth import tokens
from apps.web.server import Server, bind

PATH = "/api/v1/dev/confirmuserReg"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PAGE_HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@dataclass
class Served:
    """A served app, a client of it, and its documents."""

    desk: Desk
    client: httpx.AsyncClient

    async def follow(self, token: str, *, browser: bool = False) -> httpx.Response:
        return await self.client.get(PATH, params={"token": token}, headers=BROWSER if browser else {})

    async def press(self, token: str, *, browser: bool = True) -> httpx.Response:
        headers = BROWSER if browser else {}
        return await self.client.post(PATH, data={"token": token}, headers=headers)


@asynccontextmanager
async def served() -> AsyncIterator[Served]:
    desk = Desk()
    app = build(SETTINGS, desk.ports)
    async with (
        Server([(app, bind())]) as server,
        httpx.AsyncClient(base_url=server.urls[app.name], timeout=10) as client,
    ):
        yield Served(desk, client)


def serve(story: Callable[[Served], Awaitable[None]]) -> None:
    async def run() -> None:
        async with served() as service:
            await story(service)

    asyncio.run(run())


def is_page(answer: httpx.Response) -> bool:
    policy = answer.headers.get("content-security-policy", "")
    return (
        answer.headers["content-type"].startswith("text/html")
        and PAGE_HEADERS.items() <= dict(answer.headers).items()
        and "default-src 'none'" in policy
        and "frame-ancestors 'none'" in policy
        and "<script" not in answer.text
        and not re.search(r"""(src|href|action)=["']?(https?:)?//""", answer.text)
    )


@pytest.mark.parametrize("accept", ["application/json", "*/*", "", "text/html;q=0.5, application/json"])
def test_a_program_activates_by_following_the_link(accept: str) -> None:
    """200 ACTIVE, and the same again for a repeat, which writes nothing."""

    async def story(service: Served) -> None:
        token = service.desk.link()
        for _ in range(2):
            answer = await service.client.get(PATH, params={"token": token}, headers={"Accept": accept})
            assert (answer.status_code, answer.json()) == (200, {"status": "ACTIVE"})
            assert answer.headers["cache-control"] == "no-store"
        assert [version["status"] for version in service.desk.versions] == ["ACTIVE"]

    serve(story)


def test_a_browser_sees_a_button_and_changes_nothing() -> None:
    """The page is the same for a used link; the button posts to an address without the token."""

    async def story(service: Served) -> None:
        token = service.desk.link()
        page = await service.follow(token, browser=True)
        assert page.status_code == 200
        assert is_page(page)
        assert page.text.count("<button") == 1
        assert re.findall(r'name="token" value="([^"]+)"', page.text) == [token]
        assert re.findall(r'<form method="post" action="([^"]+)"', page.text) == [PATH]
        assert dict(service.desk.documents.versions) == {}
        pressed = await service.press(token)
        assert pressed.status_code == 200
        assert is_page(pressed)
        assert "active" in pressed.text.lower()
        assert token not in pressed.text
        again = await service.follow(token, browser=True)
        assert (again.status_code, again.text) == (200, page.text)
        assert len(service.desk.versions) == 1

    serve(story)


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"])
def test_other_methods_change_nothing(method: str) -> None:
    """405, whoever asks."""

    async def story(service: Served) -> None:
        for headers in ({}, BROWSER):
            answer = await service.client.request(
                method, PATH, params={"token": service.desk.link()}, headers=headers
            )
            assert answer.status_code == 405
        assert dict(service.desk.documents.versions) == {}

    serve(story)


def test_the_button_takes_json_too() -> None:
    """The answer goes by Accept, not by what was sent."""

    async def story(service: Served) -> None:
        token = service.desk.link()
        as_json = await service.client.post(PATH, json={"token": token})
        as_form = await service.press(token, browser=False)
        for answer in (as_json, as_form):
            assert (answer.status_code, answer.json()) == (200, {"status": "ACTIVE"})
        assert is_page(await service.client.post(PATH, json={"token": token}, headers=BROWSER))
        assert len(service.desk.versions) == 1

    serve(story)


def test_twenty_clicks_at_once() -> None:
    """Links and buttons: all are answered ACTIVE, and one has written."""

    async def story(service: Served) -> None:
        token = service.desk.link()
        answers = await asyncio.gather(
            *(service.follow(token) for _ in range(10)),
            *(service.press(token, browser=False) for _ in range(10)),
        )
        assert {(answer.status_code, answer.text) for answer in answers} == {(200, '{"status":"ACTIVE"}')}
        assert len(service.desk.versions) == 1

    serve(story)


def test_an_expired_link() -> None:
    """410 as JSON and as a page; only an attempt to activate saves the reason, and only once."""

    async def story(service: Served) -> None:
        token = service.desk.link(seconds=10)
        service.desk.clock.advance(10)
        page = await service.follow(token, browser=True)
        assert page.status_code == 410
        assert is_page(page)
        assert service.desk.versions == []
        for answer in (await service.follow(token), await service.press(token, browser=False)):
            assert (answer.status_code, answer.json()["code"]) == (410, "LINK_EXPIRED")
            assert answer.headers["content-type"] == "application/problem+json"
        assert [version["reason"] for version in service.desk.versions] == ["LINK_EXPIRED"]
        await service.follow(service.desk.link())
        assert (await service.follow(token)).status_code == 410
        assert service.desk.versions[-1]["status"] == "ACTIVE"
        assert service.desk.failures == 0

    serve(story)


def test_a_superseded_link() -> None:
    """410 as JSON and as a page, once the newer version is known; until then an old link may answer 200."""

    async def story(service: Served) -> None:
        old, older = service.desk.link(2), service.desk.link(1)
        assert (await service.follow(old)).status_code == 200
        assert (await service.follow(service.desk.link(3))).status_code == 200
        assert (await service.follow(old)).status_code == 200
        answer = await service.follow(older)
        assert (answer.status_code, answer.json()["code"]) == (410, "LINK_SUPERSEDED")
        page = await service.press(older)
        assert page.status_code == 410
        assert is_page(page)
        assert [version["pw_version"] for version in service.desk.versions] == [2, 3]

    serve(story)


def test_links_that_are_not_ours() -> None:
    """400 LINK_INVALID for each kind, as JSON and as a page; counted; no document of any user."""

    async def story(service: Served) -> None:
        good = service.desk.link()
        queries = [
            f"?token={service.desk.link(key=OTHER_KEY)}",
            f"?token={respelled(good)}",
            f"?token={good}=",
            "?token=not-a-token",
            "?token=",
            "?token=%ff",
            "",
            f"?token={good}&token={good}",
            f"?token={service.desk.link(purpose=tokens.SESSION)}",
        ]
        for query in queries:
            answer = await service.client.get(PATH + query)
            assert (answer.status_code, answer.json()["code"]) == (400, "LINK_INVALID"), query
            assert good not in answer.text
            page = await service.client.get(PATH + query, headers=BROWSER)
            assert page.status_code == 400
            assert is_page(page)
        assert service.desk.failures == 2 * len(queries)
        assert service.desk.versions == []

    serve(story)


@pytest.mark.parametrize(
    ("body", "media", "status", "code"),
    [
        ("{}", "application/json", 400, "LINK_INVALID"),
        ('{"token": 7}', "application/json", 400, "LINK_INVALID"),
        ('{"token": null}', "application/json", 400, "LINK_INVALID"),
        ('{"token": "TOKEN", "token": "TOKEN"}', "application/json", 400, "LINK_INVALID"),
        ("token=TOKEN&token=TOKEN", "application/x-www-form-urlencoded", 400, "LINK_INVALID"),
        ("", "application/x-www-form-urlencoded", 400, "LINK_INVALID"),
        ("not json", "application/json", 400, "BODY_INVALID"),
        ('["TOKEN"]', "application/json", 400, "BODY_INVALID"),
        ('{"token": "TOKEN", "status": "ACTIVE"}', "application/json", 400, "VALIDATION_FAILED"),
        ("token=TOKEN", "text/plain", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ],
)
def test_bodies_of_the_button(body: str, media: str, status: int, code: str) -> None:
    """What is not one token is refused, and activates nobody."""

    async def story(service: Served) -> None:
        content = body.replace("TOKEN", service.desk.link())
        answer = await service.client.post(PATH, content=content, headers={"Content-Type": media})
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert service.desk.versions == []

    serve(story)


def test_an_outage_of_the_documents() -> None:
    """503 with a time to wait, as JSON and as a page; the same link works afterwards."""

    async def story(service: Served) -> None:
        token = service.desk.link()
        service.desk.documents.is_down = True
        answer = await service.follow(token)
        assert (answer.status_code, answer.json()["code"]) == (503, "STORAGE_UNAVAILABLE")
        assert int(answer.headers["retry-after"]) >= 1
        assert is_page(await service.press(token))
        assert (await service.client.get("/readyz")).status_code == 503
        service.desk.documents.is_down = False
        assert (await service.follow(token)).status_code == 200
        assert (await service.client.get("/readyz")).status_code == 200
        assert service.desk.document is not None
        assert service.desk.document["_id"] == USER_ID

    serve(story)


def test_operations_are_described_and_measured() -> None:
    """The document declares what is answered; the metrics are there."""

    async def story(service: Served) -> None:
        document = (await service.client.get("/openapi.json")).json()
        assert document["servers"] == [{"url": "https://activation.example.org"}]
        path = document["paths"][PATH]
        assert path.keys() == {"get", "post"}
        for operation in path.values():
            assert {"200", "400", "410", "503"} <= operation["responses"].keys()
            assert operation["responses"]["200"]["content"].keys() == {"application/json", "text/html"}
        metrics = (await service.client.get("/metrics")).text
        assert "# TYPE quartet_events counter" in metrics

    serve(story)
