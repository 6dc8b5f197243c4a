"""The four services on the engines of the embedded tier: the same apps that run by themselves elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from apps.activation import app as activation
from apps.events.source import OpenSource
from apps.login import app as login
from apps.reset_password import app as reset_password
from apps.signup import app as signup
from apps.storage.database import Database
from apps.storage.documents import Documents
from apps.web.app import App
from apps.web.hash_pool import HashPool
from containers.service_settings import ServiceSettings


@dataclass(frozen=True)
class Engines:
    """What the services reach the world through; `databases` by service."""

    databases: Mapping[str, Database]
    documents: Documents
    open_source: OpenSource
    hash_pool: HashPool


def build_services(settings: ServiceSettings, engines: Engines) -> dict[str, App]:
    """The four apps, by service; each closes its own database when it stops."""
    databases, hash_pool, clock = engines.databases, engines.hash_pool, _now
    return {
        "signup": signup.build(
            settings.signup, signup.Ports(databases["signup"], engines.open_source, hash_pool, clock)
        ),
        "activation": activation.build(
            settings.activation, activation.Ports(engines.documents, engines.open_source, clock)
        ),
        "login": login.build(settings.login, login.Ports(databases["login"], hash_pool, clock)),
        "reset_password": reset_password.build(
            settings.reset_password, reset_password.Ports(databases["reset_password"], hash_pool, clock)
        ),
    }


def _now() -> datetime:
    return datetime.now(UTC)
