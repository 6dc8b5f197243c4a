"""One look at a running platform: what the map shows of each service, carrier and topic."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

import httpx

from containers.connectors import STATES, UNKNOWN, ConnectorView, ConnectRefused
from containers.console.flow import Carrier, Flow
from containers.engines import EngineAway, Positions, Tier
from containers.settings import SERVICES
from containers.status import readiness
from containers.threads import in_thread

T = TypeVar("T")

NOT_READY = "NOT READY"
READY = "READY"

PATIENCE_SECONDS = 1.0
"""What is well answers in milliseconds; a page must not wait for the time-out of a client."""

RATE_SECONDS = 10.0
"""Events per second are told over so long: a story is over in one second, and people read slower."""


@dataclass(frozen=True)
class CarrierState:
    """How one carrier is.

    state: in one word, the worst of connector, tasks and lag; cause: why it is not RUNNING.
    lag: records still to hand on; None where that cannot be known.
    done: records handed on since the topics began; of a source those that it has written.
    """

    name: str
    state: str
    cause: str | None
    lag: int | None
    done: int | None
    restarts: int = 0
    parked: int = 0


@dataclass(frozen=True)
class Answer(Generic[T]):
    """What was found, or why nothing was."""

    found: T | None = None
    problem: str | None = None


class Question(Generic[T]):
    """Asks one thing again and again in a thread, and waits for an answer no longer than people do.

    An engine that hangs is asked once: until that question has been answered, there is no answer. The first
    answer may take three times as long, because clients have to connect for it.
    """

    def __init__(self, whom: str, ask: Callable[[], T]) -> None:
        self._whom, self._ask = whom, ask
        self._asked: asyncio.Task[T] | None = None
        self._is_first = True

    async def answer(self) -> Answer[T]:
        asked = self._asked
        if asked is None:
            asked = self._asked = asyncio.ensure_future(in_thread(self._ask))
        patience_seconds = PATIENCE_SECONDS * (3 if self._is_first else 1)
        self._is_first = False
        await asyncio.wait({asked}, timeout=patience_seconds)
        if not asked.done():
            return Answer(problem=f"{self._whom} has not answered for {patience_seconds:g} s")
        if self._asked is asked:  # or another one who has waited for it was told first
            self._asked = None
        try:
            return Answer(found=asked.result())
        except (EngineAway, ConnectRefused) as error:
            return Answer(problem=str(error))


@dataclass(frozen=True)
class Look:
    """What one look has found; `word` is the worst of all, `cause` why it is not READY.

    services: whether each is ready. ends: the offset of each topic's next record. taken_at: seconds of the
    monotonic clock.
    """

    taken_at: float
    word: str
    cause: str | None
    services: Mapping[str, bool]
    carriers: Sequence[CarrierState]
    ends: Mapping[str, int]


class Looker:
    """Looks at a platform through its tier."""

    def __init__(self, tier: Tier, flow: Flow, topics: Sequence[str]) -> None:
        self._flow = flow
        self._http = httpx.Client(timeout=2.0, trust_env=False)
        self._askers = ThreadPoolExecutor(len(SERVICES), thread_name_prefix="console-readiness")
        self._readiness = Question("The services", lambda: readiness(tier, self._http, self._askers))
        self._positions = Question("Kafka", lambda: tier.positions(topics))
        self._views = Question("Connect", tier.connectors.overview)
        self._services: Mapping[str, bool] = {}
        self._asked_at = float("-inf")

    async def look(self, now: float) -> Look:
        """Looks at everything; what does not answer, or not in time, is UNKNOWN, with the reason."""
        services, positions, views = await asyncio.gather(
            self._ready(now), self._positions.answer(), self._views.answer()
        )
        carriers = [self._state(carrier, services, positions, views) for carrier in self._flow.carriers]
        word, cause = worst(services, carriers)
        return Look(now, word, cause, services, carriers, positions.found.ends if positions.found else {})

    async def _ready(self, now: float) -> Mapping[str, bool]:
        if now - self._asked_at >= READINESS_SECONDS:
            answer = await self._readiness.answer()
            self._services, self._asked_at = answer.found or dict.fromkeys(SERVICES, False), now
        return self._services

    def close(self) -> None:
        """Ends its threads and connections."""
        self._askers.shutdown(wait=False, cancel_futures=True)
        self._http.close()

    def _state(
        self,
        carrier: Carrier,
        services: Mapping[str, bool],
        positions: "Answer[Positions]",
        views: "Answer[Sequence[ConnectorView]]",
    ) -> CarrierState:
        ends = positions.found.ends if positions.found else {}
        written = sum(ends[topic] for topic in carrier.topics) if ends.keys() >= {*carrier.topics} else None
        if carrier.kind == "consumer":
            return self._consumer(carrier, services, positions, written)
        view = next((view for view in views.found or () if view.name == carrier.name), None)
        if view is None:
            # Who asks for connectors asks Kafka how far they are, too.
            why = positions.problem or views.problem or "Connect does not know it"
            return CarrierState(carrier.name, UNKNOWN, why, None, None)
        done = written
        if carrier.kind == "sink":
            done = None if written is None or view.lag is None else max(0, written - view.lag)
        return CarrierState(
            view.name, view.state, view.cause, view.lag, done, restarts=view.restarts, parked=view.parked
        )

    def _consumer(
        self,
        carrier: Carrier,
        services: Mapping[str, bool],
        positions: "Answer[Positions]",
        written: int | None,
    ) -> CarrierState:
        group = carrier.group or ""
        lag = positions.found.lags.get(group, {}).get(carrier.topics[0]) if positions.found else None
        done = None if written is None or lag is None else max(0, written - lag)
        if not services.get(group):
            return CarrierState(carrier.name, NOT_READY, f"{group} is not ready", lag, done)
        if written is None:
            why = positions.problem or "its topic is not there yet"
            return CarrierState(carrier.name, UNKNOWN, why, lag, done)
        return CarrierState(carrier.name, "RUNNING", f"{lag} behind" if lag else None, lag, done)


READINESS_SECONDS = 2.0
"""Each readiness asks a service's database; the rest of a look is cheaper and made more often."""


def worst(services: Mapping[str, bool], carriers: Sequence[CarrierState]) -> tuple[str, str | None]:
    """The word for the whole platform, and its cause; beside a service what is away, which may be why."""
    away = next((f"; {carrier.cause}" for carrier in carriers if carrier.state == UNKNOWN), "")
    for service, is_ready in services.items():
        if not is_ready:
            return NOT_READY, f"{service} does not answer, or not that it is ready{away}"
    for state in STATES:
        for carrier in carriers:
            if carrier.state == state != "RUNNING":
                return state, f"{carrier.name}: {carrier.cause or state}"
    return READY, None


class Rates:
    """Records per second of each carrier, over the looks of the last ten seconds."""

    def __init__(self) -> None:
        self._looks: deque[Look] = deque()

    def add(self, look: Look) -> Mapping[str, float | None]:
        """The rates as of this look, by carrier; None where they cannot be known."""
        self._looks.append(look)
        while look.taken_at - self._looks[0].taken_at > RATE_SECONDS:
            self._looks.popleft()
        before = {carrier.name: carrier.done for carrier in self._looks[0].carriers}
        return {carrier.name: _rate(before.get(carrier.name), carrier.done) for carrier in look.carriers}


def _rate(before: int | None, now: int | None) -> float | None:
    return None if before is None or now is None else round(max(0, now - before) / RATE_SECONDS, 1)


def as_json(look: Look, rates: Mapping[str, float | None]) -> dict[str, Any]:
    """The look for programs and for the page."""
    return {
        "word": look.word,
        "cause": look.cause,
        "services": dict(look.services),
        "carriers": [asdict(carrier) | {"per_second": rates.get(carrier.name)} for carrier in look.carriers],
        "topics": dict(look.ends),
    }
