"""Puts reset-password together: ports, courier, sweeper and routes; nothing else wires."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from apps.mail.wording import Wording
from apps.reset_password import handlers, routes
from apps.reset_password.handlers import Ports
from apps.reset_password.settings import Settings
from apps.reset_password.tables import outbox
from apps.storage.database import Database
from apps.storage.migrate import migrate
from apps.web.app import App, create_app
from apps.web.hash_pool import HashPool
from apps.web.mailing import make_courier, register_counts
from apps.web.rounds import repeat
from apps.web.startup import Startup

__all__ = ["Ports", "build", "real_ports"]

TEMPLATES = Path(__file__).parent / "templates"
SWEEP_SECONDS = 60.0


def build(settings: Settings, ports: Ports) -> App:
    """Returns the app of reset-password; what it was given of `ports` it closes, apart from the hash pool."""
    courier = make_courier(
        settings,
        database=ports.database,
        outbox=outbox,
        compose=partial(handlers.compose, wording=Wording(TEMPLATES), settings=settings),
        clock=ports.clock,
    )

    def begin(app: App) -> None:
        app.ctx.spawn(courier.run(), "courier")
        app.ctx.spawn(repeat(partial(handlers.sweep, ports=ports), every_seconds=SWEEP_SECONDS), "sweeper")

    async def stop(_: App) -> None:
        await ports.database.close()

    startup = Startup(partial(migrate, ports.database, "reset_password"), begin)
    return create_app(
        "reset_password",
        service="reset_password",
        public_url=settings.public_reset_password_url,
        clock=ports.clock,
        operations=routes.operations(settings, ports),
        checks={"database": ports.database.ping, "migrations": startup.check},
        start=startup.start,
        stop=stop,
        metrics=partial(
            register_counts, service="reset_password", courier=courier, hash_pool=ports.hash_pool
        ),
        templates=TEMPLATES,
    )


def real_ports(settings: Settings) -> Ports:
    """Returns the ports of a service that runs by itself."""
    return Ports(
        database=Database(settings.reset_password_database_url.reveal()),
        hash_pool=HashPool(),
        clock=lambda: datetime.now(UTC),
    )
