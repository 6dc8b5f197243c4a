"""A client of the Connect REST API, and what people see of a connector.

What is seen is the worst of three: the connector's own state, the states of its tasks, and how far it is
behind; the cause stands beside it. Connect alone shows RUNNING for a connector whose only task has failed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote

import httpx

from containers.engines import EngineAway
from containers.masking import masked_url

UNKNOWN = "UNKNOWN"
STATES = (UNKNOWN, "FAILED", "STOPPED", "PAUSED", "UNASSIGNED", "RESTARTING", "LAGGING", "RUNNING")
"""Worst first. UNKNOWN is ours, and what Connect says itself that we have not heard of: where Kafka does not
answer, Connect goes on telling what was true before."""

LAGGING_RECORDS = 10_000
"""So far behind that it is no burst: several seconds of what the slowest measured sink writes."""

TIMEOUT_SECONDS = 10.0


class ConnectRefused(Exception):
    """Connect has answered with an error; the message is its own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ConnectUnreachable(EngineAway):
    """Nothing answers at the address of the Connect REST API, or nothing of Connect yet."""


@dataclass(frozen=True)
class TaskView:
    """One task of a connector."""

    id: int
    state: str


@dataclass(frozen=True)
class ConnectorView:
    """What people see of one connector.

    lag: records (of a source: changes) that it has still to hand on; None where that cannot be known.
    restarts: how often its tasks were started again after a failure.
    parked: records that a sink could not use and that were set aside in its dead-letter topic, ever.
    cause: why it is not RUNNING, or what it is busy with; its first line says it.
    """

    name: str
    type: str
    state: str
    tasks: tuple[TaskView, ...]
    lag: int | None
    restarts: int
    parked: int
    cause: str | None

    def as_json(self) -> dict[str, Any]:
        """The view in the shape of `quartet status --json`."""
        return asdict(self)


class ConnectClient:
    """The Connect REST API at one base URL.

    Raises:
        ConnectRefused, ConnectUnreachable: from every method.
    """

    def __init__(self, url: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS, trust_env=False, transport=transport)
        self._where = masked_url(str(self._http.base_url))

    def list(self) -> Sequence[str]:
        """The names of the connectors."""
        return sorted(self._ask("GET", "/connectors"))

    def overview(self) -> Sequence[ConnectorView]:
        """What people see of every connector, by name."""
        return [view_of(status) for status in self.statuses()]

    def statuses(self) -> Sequence[dict[str, Any]]:
        """Connect's own status of every connector, by name."""
        return [known["status"] for known in self._expanded("status")]

    def status(self, name: str) -> dict[str, Any]:
        """Connect's own status of a connector."""
        answer: dict[str, Any] = self._ask("GET", f"/connectors/{_part(name)}/status")
        return answer

    def config(self, name: str) -> dict[str, str]:
        """The configuration of a connector, its placeholders not filled in."""
        answer: dict[str, str] = self._ask("GET", f"/connectors/{_part(name)}/config")
        return answer

    def offsets(self, name: str) -> Sequence[dict[str, Any]]:
        """How far a connector has come: partition and offset of each of its sources or topics."""
        answer: Sequence[dict[str, Any]] = self._ask("GET", f"/connectors/{_part(name)}/offsets")["offsets"]
        return answer

    def put(self, name: str, config: Mapping[str, str]) -> None:
        """Makes the connector, or gives it another configuration."""
        self._ask("PUT", f"/connectors/{_part(name)}/config", dict(config))

    def set_offset(self, name: str, topic: str, offset: int) -> None:
        """Lets a stopped sink go on at this offset of a topic."""
        partition = {"kafka_topic": topic, "kafka_partition": 0}
        body = {"offsets": [{"partition": partition, "offset": {"kafka_offset": offset}}]}
        self._ask("PATCH", f"/connectors/{_part(name)}/offsets", body)

    def forget_offsets(self, name: str) -> None:
        """Lets a stopped connector begin anew: a source with a snapshot, a sink with the oldest record."""
        self._ask("DELETE", f"/connectors/{_part(name)}/offsets")

    def pause(self, name: str) -> None:
        """Stops handing on; where it stands is kept."""
        self._ask("PUT", f"/connectors/{_part(name)}/pause")

    def resume(self, name: str) -> None:
        """Goes on after pause or stop."""
        self._ask("PUT", f"/connectors/{_part(name)}/resume")

    def stop(self, name: str) -> None:
        """Ends the tasks; only a stopped connector's offsets can be changed."""
        self._ask("PUT", f"/connectors/{_part(name)}/stop")

    def restart(self, name: str, *, only_failed: bool = False) -> None:
        """Starts a connector and its tasks again, or only those that have failed."""
        query = f"includeTasks=true&onlyFailed={str(only_failed).lower()}"
        self._ask("POST", f"/connectors/{_part(name)}/restart?{query}")

    def close(self) -> None:
        self._http.close()

    def _expanded(self, *details: str) -> Sequence[dict[str, Any]]:
        """What Connect tells of every connector at once, by name.

        It does so while it shares its tasks out anew, too, when it refuses to tell the configuration of one.
        """
        query = "&".join(f"expand={detail}" for detail in details)
        found: dict[str, dict[str, Any]] = self._ask("GET", f"/connectors?{query}")
        return [found[name] for name in sorted(found)]

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {} if method == "GET" else {"content-type": "application/json"}
        content = None if body is None else json.dumps(body)
        try:
            answer = self._http.request(method, path, headers=headers, content=content)
        except httpx.HTTPError as error:
            raise ConnectUnreachable(f"Nothing answers at {self._where}: {error}") from error
        if answer.is_success:
            return answer.json() if answer.content else None
        message = _message(answer)
        if answer.status_code == httpx.codes.NOT_FOUND and message is None:
            # Connect's own 404 says what is missing; until its API is in place the web server answers alone.
            raise ConnectUnreachable(f"Connect at {self._where} is still starting")
        raise ConnectRefused(answer.status_code, message or f"HTTP {answer.status_code}")


def view_of(status: Mapping[str, Any]) -> ConnectorView:
    """What people see of a connector with this status.

    Beside Connect's own fields it may hold `lag`, `restarts`, `parked` and `cause`, and under `away` why
    nothing of what Connect says can be relied upon.
    """
    tasks = tuple(TaskView(task["id"], task["state"]) for task in status["tasks"])
    lag: int | None = status.get("lag")
    states = [status["connector"]["state"], *(task.state for task in tasks)]
    if not tasks and states == ["RUNNING"]:
        states.append("UNASSIGNED")
    if lag is not None and lag >= LAGGING_RECORDS:
        states.append("LAGGING")
    if status.get("away"):
        states = [UNKNOWN]
    state = min(states, key=_rank)
    return ConnectorView(
        name=status["name"],
        type=status["type"],
        state=state,
        tasks=tasks,
        lag=lag,
        restarts=status.get("restarts", 0),
        parked=status.get("parked", 0),
        cause=_cause(status, state, lag),
    )


def _rank(state: str) -> int:
    return STATES.index(state) if state in STATES else 0


def _cause(status: Mapping[str, Any], state: str, lag: int | None) -> str | None:
    if status.get("away"):
        return str(status["away"])
    if status.get("cause"):
        return str(status["cause"])
    traces = [part["trace"] for part in (status["connector"], *status["tasks"]) if part.get("trace")]
    if traces and state != "RUNNING":
        return str(traces[0])
    return f"{lag} behind" if lag else None


def _message(answer: httpx.Response) -> str | None:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return None


def _part(name: str) -> str:
    return quote(name, safe="")
