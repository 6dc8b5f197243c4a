"""Puts sign-up together: ports, courier, consumer and routes; nothing else wires."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from apps.auth.tokens import SigningKey
from apps.events.consumer import Consumer
from apps.mail.courier import Courier
from apps.mail.smtp import SMTPSender
from apps.mail.wording import Wording
from apps.signup import consumers, routes
from apps.signup.handlers import Ports, compose
from apps.signup.settings import Settings
from apps.signup.tables import outbox
from apps.storage.database import Database
from apps.storage.errors import StorageUnavailable
from apps.storage.migrate import migrate
from apps.web.app import App, create_app
from apps.web.hash_pool import HashPool
from apps.web.logs import get_logger
from apps.web.settings import SettingsInvalid

if TYPE_CHECKING:
    from prometheus_client import Metric

__all__ = ["Ports", "build", "real_ports"]

TEMPLATES = Path(__file__).parent / "templates"
MIGRATION_RETRY_SECONDS = 2.0

log = get_logger("signup")


def build(settings: Settings, ports: Ports) -> App:
    """Returns the app of sign-up; what it was given of `ports` it closes, apart from the hash pool."""
    courier = _courier(settings, ports)
    consumer = _consumer(ports)
    is_migrated = asyncio.Event()

    async def start(app: App) -> None:
        try:
            await begin(app)
        except StorageUnavailable:
            app.ctx.spawn(begin_later(app), "migrations")

    async def begin(app: App) -> None:
        await migrate(ports.database, "signup")
        is_migrated.set()
        app.ctx.spawn(courier.run(), "courier")
        if consumer is not None:
            app.ctx.spawn(consumer.run(), "consumer")

    async def begin_later(app: App) -> None:
        while not is_migrated.is_set():
            log.warning("database_not_there")
            await asyncio.sleep(MIGRATION_RETRY_SECONDS)
            try:
                await begin(app)
            except StorageUnavailable:
                continue

    async def stop(_: App) -> None:
        await ports.database.close()

    async def check_migrations() -> None:
        if not is_migrated.is_set():
            raise StorageUnavailable

    async def check_consumer() -> None:
        if consumer is not None and not consumer.is_ready:
            raise RuntimeError("the consumer does not follow its topics")

    return create_app(
        "signup",
        service="signup",
        clock=ports.clock,
        operations=routes.operations(settings, ports),
        checks={
            "database": ports.database.ping,
            "migrations": check_migrations,
            "consumer": check_consumer,
        },
        start=start,
        stop=stop,
        metrics=lambda registry: registry.register(_Counts(courier, consumer, ports.hash_pool)),
    )


def real_ports(settings: Settings) -> Ports:
    """Returns the ports of a service that runs by itself.

    Raises:
        SettingsInvalid: no brokers are named.
    """
    from apps.events.kafka import kafka_source

    if settings.kafka_bootstrap_servers is None:
        raise SettingsInvalid(["KAFKA_BOOTSTRAP_SERVERS is not set"])
    return Ports(
        database=Database(settings.signup_database_url.reveal()),
        open_source=kafka_source(settings.kafka_bootstrap_servers),
        hash_pool=HashPool(),
        clock=lambda: datetime.now(UTC),
    )


def _courier(settings: Settings, ports: Ports) -> Courier:
    key = SigningKey.from_pem(settings.signup_private_key.reveal())
    return Courier(
        database=ports.database,
        outbox=outbox,
        compose=partial(compose, wording=Wording(TEMPLATES), key=key, settings=settings),
        smtp=SMTPSender(
            settings.smtp_host,
            settings.smtp_port,
            settings.smtp_username,
            settings.smtp_password.reveal() if settings.smtp_password else None,
            settings.smtp_starttls,
        ),
        sender=settings.mail_from,
        clock=ports.clock,
        mail_window_seconds=settings.mail_window_seconds,
    )


def _consumer(ports: Ports) -> Consumer | None:
    if ports.open_source is None:
        return None
    return Consumer(
        name="signup",
        group=consumers.GROUP,
        topics=consumers.topics(ports),
        open_source=ports.open_source,
    )


class _Counts:
    """Shows what courier, consumer and hash pool have counted, at the moment of a scrape."""

    def __init__(self, courier: Courier, consumer: Consumer | None, hash_pool: HashPool) -> None:
        self._courier = courier
        self._consumer = consumer
        self._hash_pool = hash_pool

    def collect(self) -> "Iterable[Metric]":
        from prometheus_client.core import GaugeMetricFamily

        yield _counter("quartet_mails", "Mails by what became of an attempt", self._courier.counts)
        yield GaugeMetricFamily(
            "quartet_mail_queue_age_seconds",
            "How long the first mail of the queue has waited",
            value=self._courier.queue_age_seconds,
        )
        yield _counter("quartet_hashes", "Password hashes, made and refused", self._hash_pool.counts)
        if self._consumer is not None:
            yield _counter("quartet_events", "Records by what became of them", self._consumer.counts)


def _counter(name: str, documentation: str, counts: Mapping[str, int]) -> "Metric":
    from prometheus_client.core import CounterMetricFamily

    family = CounterMetricFamily(name, documentation, labels=["service", "outcome"])
    for outcome, number in counts.items():
        family.add_metric(["signup", outcome], number)
    return family
