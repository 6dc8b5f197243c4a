"""Asks pages of the console as a browser does, on loopback."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from apps.web.app import create_app
from apps.web.operations import Operation
from apps.web.server import Server, bind
from containers.console.context import Context
from containers.console.pages import Pages
from containers.engines import EngineAway
from containers.inbox_client import InboxClient
from containers.tests.fake_platform import FakeTier

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def context_of(tier: Any) -> Context:
    """What pages are made from that neither watch nor draw."""
    nothing: Any = None
    return Context(tier, nothing, nothing, Pages({"tier": tier}))


def ask(operations: Sequence[Operation], path: str, method: str = "GET", **options: Any) -> httpx.Response:
    """The answer of an app with these operations."""

    async def tell() -> httpx.Response:
        app = create_app("console", service="console", operations=operations)
        async with Server([(app, bind())]) as server, httpx.AsyncClient(trust_env=False) as client:
            return await client.request(method, server.urls[app.name] + path, **options)

    return asyncio.run(tell())


def inbox_of(transport: httpx.BaseTransport) -> Callable[[], InboxClient]:
    """Opens the inbox behind a transport."""
    return lambda: InboxClient("http://inbox.test", transport=transport)


def silent() -> httpx.MockTransport:
    """Nothing listens there."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    return httpx.MockTransport(refuse)


class AwayTier(FakeTier):
    """A platform whose database of login is away."""

    def rows(self, database: str, table: str, **equals: Any) -> list[dict[str, Any]]:
        raise EngineAway("login_db does not answer (timed out)")

    def positions(self, topics: Sequence[str]) -> Any:
        raise EngineAway("Kafka does not answer (TimeoutError)")


def assert_harmless(answer: httpx.Response) -> None:
    """Markup of others stands there as text, and the policy would let none of it run."""
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "<script>alert" not in answer.text
    assert "<img" not in answer.text
    assert " style=" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
