"""What a tier gives to the command, the behaviour suite and the benchmarks, whatever its engines are.

| part         | meaning                                                                     |
|--------------|-----------------------------------------------------------------------------|
| urls, smtp   | where the services, the inbox and the Connect REST API answer               |
| rows, documents | what the four databases hold, read only                                  |
| records, produce | what a topic holds; one more record, as an operator would write it      |
| positions    | how far topics and the consumers of the services have come                  |
| connectors   | the Connect REST API                                                        |
| kill, start  | one of the tier's engines, where they are its own (`TierOfEngines`)         |
| capabilities | what a scenario may ask of this tier (the `needs_` tags of the features)    |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from containers.connectors import ConnectClient

CAPABILITIES: Mapping[str, frozenset[str]] = {
    "embedded": frozenset({"faults", "settings"}),
    "containers": frozenset({"faults", "settings", "engines"}),
    "external": frozenset(),
}
"""By tier: `faults` can kill and start its parts, `settings` can start a platform with other settings,
`engines` can kill and start each of its engines, which are processes of their own (`TierOfEngines`)."""

SQLDatabase = Literal["signup_db", "login_db", "rpwd_db"]


class PlatformRefused(Exception):
    """The platform cannot start or be reached; the message is one sentence that says what to do about it."""

    def __init__(self, message: str, exit_code: int = 3) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class NotRunning(PlatformRefused):
    """Nothing runs on that data folder."""


class EngineAway(Exception):
    """An engine of a running platform does not answer now."""


@dataclass(frozen=True)
class TopicRecord:
    """One record of a topic, key and value as the exact text that stands in it."""

    offset: int
    key: str | None
    value: str | None
    headers: Mapping[str, str]
    timestamp_ms: int


@dataclass(frozen=True)
class Positions:
    """How far topics and the services' consumers have come, as one look has found it.

    ends: of each topic, the offset of its next record.
    lags: by consumer group and topic, how many records the group has still to read.
    """

    ends: Mapping[str, int]
    lags: Mapping[str, Mapping[str, int]]


class Tier(Protocol):
    """A handle to a running platform."""

    @property
    def name(self) -> str: ...

    @property
    def capabilities(self) -> frozenset[str]: ...

    @property
    def urls(self) -> Mapping[str, str]:
        """Base URLs under signup, activation, login, reset_password, inbox, connect; console if it runs."""

    @property
    def smtp(self) -> str:
        """host:port of the inbox."""

    @property
    def connectors(self) -> ConnectClient: ...

    def rows(self, database: SQLDatabase, table: str, **equals: Any) -> list[dict[str, Any]]:
        """The rows whose columns equal the given values, by id; times are aware UTC.

        This and what follows raises EngineAway where the engine does not answer.
        """

    def documents(self, collection: str, **equals: Any) -> list[dict[str, Any]]:
        """The documents of activation whose fields equal the given values; times are aware UTC."""

    def records(self, topic: str, first: int = 0, most: int | None = None) -> list[TopicRecord]:
        """The records that a topic still holds from an offset on, oldest first; of an unknown topic none.

        most: how many at most.
        """

    def positions(self, topics: Sequence[str]) -> Positions:
        """The ends of these topics, and how far behind them the consumers of the services are."""

    def produce(self, topic: str, key: str | None, value: str | None) -> int:
        """Writes one record and returns its offset."""

    def behind(self) -> list[str]:
        """What has still to be handed on, in words; of a platform that is at rest nothing."""

    def close(self) -> None: ...


class TierOfEngines(Tier, Protocol):
    """A tier with the capability `engines`; its parts are known by host names: `login_mysql`, `kafka`."""

    def parts(self) -> list[str]:
        """The names of all parts, those that are down as well."""

    def down(self) -> list[str]:
        """The names of the parts that do not run."""

    def kill(self, part: str) -> None:
        """Ends a part at once, as a power cut does; it stays down until start()."""

    def start(self, part: str) -> None:
        """Starts a part that was killed, on the same data and ports; of one that runs nothing."""

    def group(self) -> Mapping[str, str]:
        """The members of sign-up's group that serve, each with its role, PRIMARY or SECONDARY."""

    def replica_set(self) -> Mapping[str, str]:
        """The members of activation's replica set that serve, each with its role; of a stand-in nothing."""

    @property
    def has_mongodb(self) -> bool:
        """Whether MongoDB itself holds activation's documents, not its stand-in."""
