"""Puts activation together: documents, consumer and routes; nothing else wires."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from apps.activation import consumers, routes, store
from apps.activation.handlers import Ports
from apps.activation.settings import Settings
from apps.web.app import App, create_app
from apps.web.consuming import Consuming
from apps.web.settings import SettingsInvalid
from apps.web.startup import Startup

__all__ = ["Ports", "build", "real_ports"]

TEMPLATES = Path(__file__).parent / "templates"


def build(settings: Settings, ports: Ports) -> App:
    """Returns the app of activation; it closes the documents that it was given."""
    consuming = Consuming(consumers.GROUP, consumers.topics(ports), ports.open_source)
    startup = Startup(partial(store.prepare, ports.documents), consuming.begin)

    async def stop(_: App) -> None:
        await ports.documents.close()

    return create_app(
        "activation",
        service="activation",
        public_url=settings.public_activation_url,
        clock=ports.clock,
        operations=routes.operations(settings.verifying_keys, ports),
        checks={
            "documents": ports.documents.ping,
            "index": startup.check,
            "consumer": consuming.check,
        },
        start=startup.start,
        stop=stop,
        metrics=consuming.register_counts,
        templates=TEMPLATES,
    )


def real_ports(settings: Settings) -> Ports:
    """Returns the ports of a service that runs by itself.

    Raises:
        SettingsInvalid: no replica set or no brokers are named.
    """
    from apps.events.kafka import kafka_source
    from apps.storage.mongo import MongoDocuments

    url, servers = settings.activation_mongo_url, settings.kafka_bootstrap_servers
    if url is None or servers is None:
        needed = {"ACTIVATION_MONGO_URL": url, "KAFKA_BOOTSTRAP_SERVERS": servers}
        raise SettingsInvalid([f"{name} is not set" for name, value in needed.items() if value is None])
    return Ports(
        documents=MongoDocuments(url.reveal()),
        open_source=kafka_source(servers),
        clock=lambda: datetime.now(UTC),
    )
