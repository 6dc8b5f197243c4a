"""The four services on the engines of the embedded tier: the same apps that run by themselves elsewhere."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from apps.activation import app as activation
from apps.activation import settings as activation_settings
from apps.events.source import OpenSource
from apps.login import app as login
from apps.login import settings as login_settings
from apps.reset_password import app as reset_password
from apps.reset_password import settings as reset_password_settings
from apps.signup import app as signup
from apps.signup import settings as signup_settings
from apps.storage.database import Database
from apps.storage.documents import Documents
from apps.web.app import App
from apps.web.hash_pool import HashPool
from apps.web.settings import SettingsInvalid


@dataclass(frozen=True)
class ServiceSettings:
    """The checked settings of the four services."""

    signup: signup_settings.Settings
    activation: activation_settings.Settings
    login: login_settings.Settings
    reset_password: reset_password_settings.Settings


@dataclass(frozen=True)
class Engines:
    """What the services reach the world through; `databases` by service."""

    databases: Mapping[str, Database]
    documents: Documents
    open_source: OpenSource
    hash_pool: HashPool


def load_services(environ: Mapping[str, str]) -> ServiceSettings:
    """The settings of the four services.

    Raises:
        SettingsInvalid: with every problem of each of them, told once.
    """
    found: dict[str, Any] = {}
    problems: list[str] = []
    for service, load in _LOADERS.items():
        try:
            found[service] = load(environ)
        except SettingsInvalid as invalid:
            problems += invalid.problems
    if problems:
        raise SettingsInvalid(list(dict.fromkeys(problems)))
    return ServiceSettings(**found)


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


_LOADERS: Mapping[str, Callable[[Mapping[str, str]], Any]] = {
    "signup": signup_settings.load,
    "activation": activation_settings.load,
    "login": login_settings.load,
    "reset_password": reset_password_settings.load,
}
