"""One look at a running platform: what the map shows of each service, carrier and topic."""

from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import httpx

from containers.commands.status import readiness
from containers.connectors import STATES, ConnectorView, ConnectRefused
from containers.console.flow import Carrier, Flow
from containers.engines import EngineAway, Positions, Tier

UNKNOWN = "UNKNOWN"
NOT_READY = "NOT READY"
READY = "READY"

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
    """Looks at a platform through its tier; a look blocks for some milliseconds."""

    def __init__(self, tier: Tier, flow: Flow, topics: Sequence[str]) -> None:
        self._tier, self._flow, self._topics = tier, flow, topics
        self._http = httpx.Client(timeout=2.0, trust_env=False)
        self._askers = ThreadPoolExecutor(4, thread_name_prefix="console-readiness")
        self._services: Mapping[str, bool] = {}
        self._asked_at = float("-inf")

    def look(self, now: float) -> Look:
        """Looks at everything; what does not answer is UNKNOWN, with the reason."""
        if now - self._asked_at >= READINESS_SECONDS:
            self._services, self._asked_at = readiness(self._tier, self._http, self._askers), now
        away: str | None = None
        positions, views = Positions({}, {}), dict[str, ConnectorView]()
        try:
            positions = self._tier.positions(self._topics)
        except EngineAway as error:
            away = str(error)
        try:
            views = {view.name: view for view in self._tier.connectors.overview()}
        except (EngineAway, ConnectRefused) as error:
            away = str(error)
        carriers = [self._state(carrier, positions, views, away) for carrier in self._flow.carriers]
        word, cause = worst(self._services, carriers)
        return Look(now, word, cause, self._services, carriers, positions.ends)

    def close(self) -> None:
        """Ends its threads and connections."""
        self._askers.shutdown(wait=False, cancel_futures=True)
        self._http.close()

    def _state(
        self,
        carrier: Carrier,
        positions: Positions,
        views: Mapping[str, ConnectorView],
        away: str | None,
    ) -> CarrierState:
        ends = [positions.ends.get(topic) for topic in carrier.topics]
        written = None if None in ends else sum(end or 0 for end in ends)
        if carrier.kind == "consumer":
            return self._consumer(carrier, positions, written, away)
        view = views.get(carrier.name)
        if view is None:
            return CarrierState(carrier.name, UNKNOWN, away or "Connect does not know it", None, None)
        done = written
        if carrier.kind == "sink":
            done = None if written is None or view.lag is None else max(0, written - view.lag)
        return CarrierState(
            view.name, view.state, view.cause, view.lag, done, restarts=view.restarts, parked=view.parked
        )

    def _consumer(
        self, carrier: Carrier, positions: Positions, written: int | None, away: str | None
    ) -> CarrierState:
        group = carrier.group or ""
        lag = positions.lags.get(group, {}).get(carrier.topics[0])
        done = None if written is None or lag is None else max(0, written - lag)
        if not self._services.get(group):
            return CarrierState(carrier.name, NOT_READY, f"{group} is not ready", lag, done)
        if written is None:
            return CarrierState(carrier.name, UNKNOWN, away or "its topic is not there yet", lag, done)
        return CarrierState(carrier.name, "RUNNING", f"{lag} behind" if lag else None, lag, done)


READINESS_SECONDS = 2.0
"""Each readiness asks a service's database; the rest of a look is cheaper and made more often."""


def worst(services: Mapping[str, bool], carriers: Sequence[CarrierState]) -> tuple[str, str | None]:
    """The word for the whole platform, and its cause."""
    for service, is_ready in services.items():
        if not is_ready:
            return NOT_READY, f"{service} does not answer, or not that it is ready"
    for state in (UNKNOWN, *STATES):
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
