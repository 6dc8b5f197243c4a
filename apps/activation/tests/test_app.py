"""The parts of activation working together: what its consumer reads decides about links."""

import asyncio
from dataclasses import replace

import httpx

from apps.activation.app import build
from apps.activation.store import FAILED_ACTIVATIONS
from apps.activation.tests.desk import SETTINGS, USER_ID, Desk
from apps.events.tests.fakes import MemorySource, record
from apps.web.server import Server, bind


def test_the_consumer_learns_of_newer_sign_ups() -> None:
    """A link of the older version is superseded from then on; a malformed row is parked."""
    desk = Desk()
    source = MemorySource([record({"id": USER_ID, "pw_version": 2}), record({"id": "x"}, offset=1)])
    asked = []

    def open_source(group: str, topics: list[str]) -> MemorySource:
        asked.append((group, topics))
        return source

    async def story() -> None:
        app = build(SETTINGS, replace(desk.ports, open_source=open_source))
        async with (
            Server([(app, bind())]) as server,
            httpx.AsyncClient(base_url=server.urls[app.name]) as client,
        ):
            async with asyncio.timeout(5):
                await source.is_drained.wait()
            assert (await client.get("/readyz")).status_code == 200
            path = "/api/v1/dev/confirmuserReg"
            old = await client.get(path, params={"token": desk.link(1)})
            new = await client.get(path, params={"token": desk.link(2)})
            assert (old.json()["code"], new.json()) == ("LINK_SUPERSEDED", {"status": "ACTIVE"})

    asyncio.run(story())
    assert asked == [("activation", ["users"])]
    assert ("park", 1, "dlq.activation", "ROW_INVALID") in source.acts
    assert desk.documents.expiries == [(FAILED_ACTIVATIONS, "expires_at")]


def test_documents_that_are_away_are_waited_for() -> None:
    """The service starts, says that it is not ready, and what it cannot write it refuses."""
    desk = Desk()
    desk.documents.is_down = True

    async def story() -> None:
        app = build(SETTINGS, desk.ports)
        async with (
            Server([(app, bind())]) as server,
            httpx.AsyncClient(base_url=server.urls[app.name]) as client,
        ):
            assert (await client.get("/livez")).status_code == 200
            ready = await client.get("/readyz")
            assert (ready.status_code, ready.json()["failing"]) == (503, ["documents", "index"])

    asyncio.run(story())
