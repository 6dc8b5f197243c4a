"""The parts of sign-up working together: what its consumer reads, what its courier sends."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import httpx
import sqlalchemy as sa

from apps.events.tests.fakes import MemorySource, record
from apps.signup.app import build
from apps.signup.consumers import ACTIVE_USERS, CHOSEN_PASSWORDS
from apps.signup.tables import users
from apps.signup.tests.desk import Desk, with_desk
from apps.signup.tests.test_consumers import DOCUMENT, PASSWORD
from apps.web.server import Server, bind
from apps.web.tests.doubles import cheap_hash


def test_the_consumer_follows_both_topics(tmp_path: Path) -> None:
    """It applies, parks what is poison, commits each record once, and counts; the service is ready."""
    asked: list[tuple[str, list[str]]] = []

    async def story(desk: Desk) -> None:
        await desk.sign_up()
        source = MemorySource(
            [
                record(DOCUMENT, topic=ACTIVE_USERS, key=1, offset=0),
                record({**DOCUMENT, "_id": 99}, topic=ACTIVE_USERS, key=99, offset=1),
                record(PASSWORD, topic=CHOSEN_PASSWORDS, key=1, offset=2),
            ]
        )

        def open_source(group: str, topics: list[str]) -> MemorySource:
            asked.append((group, topics))
            return source

        app = build(replace(desk.settings, smtp_port=1), replace(desk.ports, open_source=open_source))
        async with (
            Server([(app, bind())]) as server,
            httpx.AsyncClient(base_url=server.urls[app.name]) as client,
        ):
            async with asyncio.timeout(5):
                await source.is_drained.wait()
            assert (await client.get("/readyz")).status_code == 200
            metrics = (await client.get("/metrics")).text
        async with desk.database.engine.connect() as connection:  # the app has closed its pool: a new one
            row = (await connection.execute(sa.select(users))).one()
        assert (row.User_status, row.password, row.pw_version) == ("ACTIVE", cheap_hash("new"), 2)
        assert source.acts == [
            ("start",),
            ("commit", 0),
            ("park", 1, "dlq.signup", "USER_UNKNOWN"),
            ("commit", 1),
            ("commit", 2),
            ("close",),
        ]
        assert re.search(r'quartet_events_total{.*"handled".*} 2.0', metrics)
        assert re.search(r'quartet_events_total{.*"parked".*} 1.0', metrics)

    with_desk(tmp_path, story)
    assert asked == [("signup", [ACTIVE_USERS, CHOSEN_PASSWORDS])]


def test_topics_that_are_away_make_the_service_unready(tmp_path: Path) -> None:
    """Requests are still answered: the events flow later."""

    async def story(desk: Desk) -> None:
        ports = replace(desk.ports, open_source=lambda group, topics: MemorySource(broken="start"))
        app = build(replace(desk.settings, smtp_port=1), ports)
        async with (
            Server([(app, bind())]) as server,
            httpx.AsyncClient(base_url=server.urls[app.name]) as client,
        ):
            ready = await client.get("/readyz")
            assert (ready.status_code, ready.json()["failing"]) == (503, ["consumer"])
            body = {"email": "ada@example.org", "password": "a quiet harbour"}
            assert (await client.post("/api/v1/dev/signup", json=body)).status_code == 202

    with_desk(tmp_path, story)
