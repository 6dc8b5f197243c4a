"""The flow of data as the connector files say it: stores, topics, and what carries data between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from containers.connect_configs import DATABASES, Configs
from containers.connector_files.settings import SinkSettings, SourceSettings, read_settings
from containers.embedded.environment import connector_environ
from containers.hops import CONSUMERS

Kind = Literal["source", "sink", "consumer"]

SERVICE_OF: Mapping[str, str] = {
    "signup_db": "signup",
    "activate_user_reg_db": "activation",
    "login_db": "login",
    "rpwd_db": "reset_password",
}
"""Whose database each is; only its own service, and sinks, write to it."""


@dataclass(frozen=True)
class Carrier:
    """A connector, or a service's consumer of one topic: what moves data between a store and topics.

    name: of a connector its own, of a consumer `GROUP consumes TOPIC`. store: the database that it reads
    (source) or writes (sink, consumer). group: of a consumer, its consumer group.
    """

    name: str
    kind: Kind
    store: str
    topics: tuple[str, ...]
    group: str | None = None


@dataclass(frozen=True)
class Flow:
    """All of it; `stores` are databases by name, `topics` those that carry changes."""

    stores: tuple[str, ...]
    topics: tuple[str, ...]
    carriers: tuple[Carrier, ...]


def read_flow(configs: Configs) -> Flow:
    """What these connector configurations, and the services' consumers, move from where to where."""
    carriers = [*_connectors(configs), *_consumers()]
    topics = dict.fromkeys(topic for carrier in carriers for topic in carrier.topics)
    return Flow(tuple(SERVICE_OF), tuple(topics), tuple(carriers))


def _connectors(configs: Configs) -> Sequence[Carrier]:
    environ, found = connector_environ({}), []
    for name, config in configs.items():
        settings = read_settings(name, config, environ=environ, databases=DATABASES)
        if isinstance(settings, SinkSettings):
            found.append(Carrier(name, "sink", settings.database, settings.topics))
        else:
            topics = tuple(settings.topic(table) for table in _captured(settings, config))
            found.append(Carrier(name, "source", settings.database, topics))
    return found


def _captured(settings: SourceSettings, config: Mapping[str, str]) -> Sequence[str]:
    """The tables that the file names, without their database; or the collection."""
    if settings.collection is not None:
        return [settings.collection]
    return [name.strip().rpartition(".")[2] for name in config["table.include.list"].split(",")]


def _consumers() -> Sequence[Carrier]:
    store_of = {service: store for store, service in SERVICE_OF.items()}
    return [
        Carrier(f"{group} consumes {topic}", "consumer", store_of[group], (topic,), group)
        for group, topics in CONSUMERS.items()
        for topic in topics
    ]
