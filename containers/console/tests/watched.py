"""A tier that the console can watch: connectors in any state, topics that grow, an engine that goes away."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, cast

import httpx

from apps.web.server import Server, bind
from containers.connect_configs import read_configs
from containers.connectors import ConnectClient, ConnectorView, TaskView
from containers.console.app import build
from containers.console.flow import read_flow
from containers.engines import EngineAway, Positions, Tier, TopicRecord
from containers.hops import CONSUMERS
from containers.tests.fake_platform import FakeTier, at, record

T = TypeVar("T")

FLOW = read_flow(read_configs({}))
CONNECTORS = [carrier for carrier in FLOW.carriers if carrier.kind != "consumer"]


class FakeConnectors:
    """Connect with the seven connectors, all running; `states`, `lags` and `causes` by name change that."""

    def __init__(self) -> None:
        self.states: dict[str, str] = {}
        self.lags: dict[str, int | None] = {}
        self.causes: dict[str, str] = {}
        self.is_away = False
        self.asked: list[tuple[str, str]] = []

    def overview(self) -> Sequence[ConnectorView]:
        if self.is_away:
            raise EngineAway("Nothing answers at Connect")
        return [
            ConnectorView(
                name=carrier.name,
                type="sink" if carrier.kind == "sink" else "source",
                state=self.states.get(carrier.name, "RUNNING"),
                tasks=(TaskView(0, "RUNNING"),),
                lag=self.lags.get(carrier.name, 0),
                restarts=0,
                parked=0,
                cause=self.causes.get(carrier.name),
            )
            for carrier in CONNECTORS
        ]

    def pause(self, name: str) -> None:
        self.asked.append(("pause", name))
        self.states[name] = "PAUSED"

    def resume(self, name: str) -> None:
        self.asked.append(("resume", name))
        self.states.pop(name, None)

    def stop(self, name: str) -> None:
        self.asked.append(("stop", name))

    def status(self, name: str) -> dict[str, Any]:
        return {"connector": {"state": "STOPPED"}, "tasks": []}

    def forget_offsets(self, name: str) -> None:
        self.asked.append(("forget offsets", name))


class WatchedTier(FakeTier):
    """A platform whose topics a test fills; the four services answer on `urls`, or nobody does."""

    def __init__(self) -> None:
        super().__init__()
        self.fake = FakeConnectors()
        self.connectors = cast(ConnectClient, self.fake)
        self.group_lags: dict[str, dict[str, int]] = {}
        self.is_kafka_away = False
        self.looks = 0
        self.late: list[str] = []

    def positions(self, topics: Sequence[str]) -> Positions:
        self.looks += 1
        if self.is_kafka_away:
            raise EngineAway("Kafka does not answer")
        ends = {topic: len(self.topics.get(topic, [])) for topic in topics}
        lags = {
            group: dict.fromkeys(theirs, 0) | self.group_lags.get(group, {})
            for group, theirs in CONSUMERS.items()
        }
        return Positions(ends, lags)

    def produce(self, topic: str, key: str | None, value: str | None) -> int:
        held = self.topics.setdefault(topic, [])
        held.append(TopicRecord(len(held), key, value, {}, int(at(len(held)).timestamp() * 1000)))
        return held[-1].offset

    def behind(self) -> list[str]:
        return self.late

    def grow(self, topic: str, row: dict[str, Any]) -> None:
        """Writes a record of the user 7."""
        held = self.topics.setdefault(topic, [])
        held.append(record(len(held), row, at=at(len(held)), key={"id": 7}))


def as_tier(tier: WatchedTier) -> Tier:
    return cast(Tier, tier)


def serve(tier: WatchedTier, story: Callable[[httpx.AsyncClient], Awaitable[T]]) -> T:
    """The console of this tier on a port of its own, while the story is told to it."""

    async def tell() -> T:
        app = build(as_tier(tier))
        bound = bind()
        async with Server([(app, bound)], grace_seconds=0.1) as server:
            url = server.urls[app.name].replace("127.0.0.1", "localhost")
            async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
                return await story(client)

    return asyncio.run(tell())
