"""What a service that sends mail sets up: its courier, and the metrics of its mails and hashes."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from apps.mail.courier import Courier
from apps.mail.letters import Letter
from apps.mail.outbox import OutboxMail
from apps.mail.smtp import SMTPSender
from apps.storage.database import Database
from apps.web.common_settings import CommonSettings
from apps.web.hash_pool import HashPool

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric


def make_courier(
    settings: CommonSettings,
    *,
    database: Database,
    outbox: sa.Table,
    compose: Callable[[OutboxMail], Letter],
    clock: Callable[[], datetime],
) -> Courier:
    """Returns the courier of a service's outbox, which hands mails to the server that the settings name."""
    return Courier(
        database=database,
        outbox=outbox,
        compose=compose,
        smtp=SMTPSender(
            settings.smtp_host,
            settings.smtp_port,
            settings.smtp_username,
            settings.smtp_password.reveal() if settings.smtp_password else None,
            settings.smtp_starttls,
        ),
        sender=settings.mail_from,
        clock=clock,
        mail_window_seconds=settings.mail_window_seconds,
    )


def register_counts(
    registry: "CollectorRegistry", *, service: str, courier: Courier, hash_pool: HashPool
) -> None:
    """Adds the counts of mails and hashes to a service's metrics; they are read when somebody scrapes."""
    registry.register(_Counts(service, courier, hash_pool))


class _Counts:
    def __init__(self, service: str, courier: Courier, hash_pool: HashPool) -> None:
        self.service = service
        self.courier = courier
        self.hash_pool = hash_pool

    def collect(self) -> "Iterable[Metric]":
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        labels = ["service", "outcome"]
        mails = CounterMetricFamily("quartet_mails", "Mails by what became of them", labels=labels)
        for outcome, number in self.courier.counts.items():
            mails.add_metric([self.service, outcome], number)
        yield mails
        age = GaugeMetricFamily(
            "quartet_mail_queue_age_seconds", "How long the first mail of the queue waits", labels=["service"]
        )
        age.add_metric([self.service], self.courier.queue_age_seconds)
        yield age
        hashes = CounterMetricFamily("quartet_hashes", "Password hashes of this process", labels=labels)
        for outcome, number in self.hash_pool.counts.items():
            hashes.add_metric([self.service, outcome], number)
        yield hashes
        in_flight = GaugeMetricFamily(
            "quartet_hashes_in_flight", "Password hashes in work or waiting", labels=["service"]
        )
        in_flight.add_metric([self.service], self.hash_pool.in_flight)
        yield in_flight
