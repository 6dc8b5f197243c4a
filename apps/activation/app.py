"""Puts activation together: documents, consumer and routes; nothing else wires."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from apps.activation import consumers, routes, store
from apps.activation.handlers import Ports
from apps.activation.settings import Settings
from apps.auth.tokens import PublicKeys
from apps.events.consumer import Consumer
from apps.storage.errors import StorageUnavailable
from apps.web.app import App, create_app
from apps.web.logs import get_logger
from apps.web.settings import SettingsInvalid

if TYPE_CHECKING:
    from prometheus_client import Metric

__all__ = ["Ports", "build", "real_ports"]

TEMPLATES = Path(__file__).parent / "templates"
INDEX_RETRY_SECONDS = 2.0

log = get_logger("activation")


def build(settings: Settings, ports: Ports) -> App:
    """Returns the app of activation; it closes the documents that it was given."""
    consumer = _consumer(ports)

    async def start(app: App) -> None:
        app.ctx.spawn(make_index(), "index")
        if consumer is not None:
            app.ctx.spawn(consumer.run(), "consumer")

    async def make_index() -> None:
        while True:  # nothing waits for it: without the index only old counts of refused links stay
            try:
                return await store.prepare(ports.documents)
            except StorageUnavailable:
                log.warning("documents_not_there")
            await asyncio.sleep(INDEX_RETRY_SECONDS)

    async def stop(_: App) -> None:
        await ports.documents.close()

    async def check_consumer() -> None:
        if consumer is not None and not consumer.is_ready:
            raise RuntimeError("the consumer does not follow its topic")

    return create_app(
        "activation",
        service="activation",
        clock=ports.clock,
        operations=routes.operations(PublicKeys.from_pem(settings.signup_public_keys.reveal()), ports),
        checks={"documents": ports.documents.ping, "consumer": check_consumer},
        start=start,
        stop=stop,
        metrics=lambda registry: registry.register(_Counts(consumer)),
        templates=TEMPLATES,
    )


def real_ports(settings: Settings) -> Ports:
    """Returns the ports of a service that runs by itself.

    Raises:
        SettingsInvalid: no replica set or no brokers are named.
    """
    from apps.events.kafka import kafka_source
    from apps.storage.mongo import MongoDocuments

    if settings.activation_mongo_url is None or settings.kafka_bootstrap_servers is None:
        needed = {
            "ACTIVATION_MONGO_URL": settings.activation_mongo_url,
            "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        }
        raise SettingsInvalid([f"{name} is not set" for name, value in needed.items() if value is None])
    return Ports(
        documents=MongoDocuments(settings.activation_mongo_url.reveal()),
        open_source=kafka_source(settings.kafka_bootstrap_servers),
        clock=lambda: datetime.now(UTC),
    )


def _consumer(ports: Ports) -> Consumer | None:
    if ports.open_source is None:
        return None
    return Consumer(
        name="activation",
        group=consumers.GROUP,
        topics=consumers.topics(ports),
        open_source=ports.open_source,
    )


class _Counts:
    """Shows what the consumer has counted, at the moment of a scrape."""

    def __init__(self, consumer: Consumer | None) -> None:
        self._consumer = consumer

    def collect(self) -> "Iterable[Metric]":
        from prometheus_client.core import CounterMetricFamily

        family = CounterMetricFamily(
            "quartet_events", "Records by what became of them", labels=["service", "outcome"]
        )
        for outcome, number in (self._consumer.counts if self._consumer else {}).items():
            family.add_metric(["activation", outcome], number)
        yield family
