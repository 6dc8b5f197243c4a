"""Puts sign-up together: ports, courier, consumer, sweeper and routes; nothing else wires."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from apps.mail.wording import Wording
from apps.signup import consumers, routes
from apps.signup.handlers import Ports, compose, sweep
from apps.signup.settings import Settings
from apps.signup.tables import outbox
from apps.storage.database import Database
from apps.storage.migrate import migrate
from apps.web.app import App, create_app
from apps.web.consuming import Consuming
from apps.web.hash_pool import HashPool
from apps.web.mailing import make_courier, register_counts
from apps.web.rounds import repeat
from apps.web.settings import SettingsInvalid
from apps.web.startup import Startup

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

__all__ = ["Ports", "build", "real_ports"]

TEMPLATES = Path(__file__).parent / "templates"
SWEEP_SECONDS = 10.0


def build(settings: Settings, ports: Ports) -> App:
    """Returns the app of sign-up; what it was given of `ports` it closes, apart from the hash pool."""
    courier = make_courier(
        settings,
        database=ports.database,
        outbox=outbox,
        compose=partial(compose, wording=Wording(TEMPLATES), settings=settings),
        clock=ports.clock,
    )
    consuming = Consuming(consumers.GROUP, consumers.topics(ports), ports.open_source)

    def begin(app: App) -> None:
        app.ctx.spawn(courier.run(), "courier")
        consuming.begin(app)
        app.ctx.spawn(repeat(partial(sweep, ports=ports), every_seconds=SWEEP_SECONDS), "sweeper")

    async def stop(_: App) -> None:
        await ports.database.close()

    def metrics(registry: "CollectorRegistry") -> None:
        register_counts(registry, service="signup", courier=courier, hash_pool=ports.hash_pool)
        consuming.register_counts(registry)

    startup = Startup(partial(migrate, ports.database, "signup"), begin)
    return create_app(
        "signup",
        service="signup",
        public_url=settings.public_signup_url,
        clock=ports.clock,
        operations=routes.operations(settings, ports),
        checks={
            "database": ports.database.ping,
            "migrations": startup.check,
            "consumer": consuming.check,
        },
        start=startup.start,
        stop=stop,
        metrics=metrics,
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
