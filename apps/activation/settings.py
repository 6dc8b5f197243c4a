"""The settings of activation: the only place that knows their names and defaults."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from apps.auth.tokens import PublicKeys
from apps.web.common_settings import (
    KAFKA_BOOTSTRAP_SERVERS,
    LISTEN_HOST,
    listening_on,
    public_keys,
    public_url,
)
from apps.web.settings import Secret, Setting, SettingsInvalid, origin
from apps.web.settings import load as load_settings


def _mongo_complaint(text: str) -> str | None:
    from apps.storage.mongo import url_problem  # it loads the driver, so only for a given value

    return url_problem(text)


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "QUARTET_PROFILE",
        "choice",
        "production",
        choices=("development", "production"),
        help="which rules hold: development or production",
    ),
    LISTEN_HOST,
    Setting("ACTIVATION_PORT", "port", "4000", help="where activation listens"),
    public_url("PUBLIC_ACTIVATION_URL", "where the public reaches activation, for its OpenAPI document"),
    Setting(
        "ACTIVATION_MONGO_URL",
        "secret",
        required_in_production=True,
        check=_mongo_complaint,
        help="the replica set of activation, with its password",
    ),
    KAFKA_BOOTSTRAP_SERVERS,
    public_keys(
        "SIGNUP_PUBLIC_KEYS", "keys whose activation links are accepted; two while one is being replaced"
    ),
)

_NEEDED_IN_ANY_PROFILE = ("SIGNUP_PUBLIC_KEYS",)


@dataclass(frozen=True)
class Settings:
    """The checked values, under the names of their settings in lower case."""

    quartet_profile: str
    listen_host: str | None
    activation_port: int
    public_activation_url: str | None
    activation_mongo_url: Secret | None
    kafka_bootstrap_servers: str | None
    signup_public_keys: Secret

    @property
    def is_development(self) -> bool:
        """Whether the rules of the development profile hold."""
        return self.quartet_profile == "development"

    @cached_property
    def verifying_keys(self) -> PublicKeys:
        """The keys of sign-up, read once."""
        return PublicKeys.from_pem(self.signup_public_keys.reveal())

    @property
    def host(self) -> str:
        """Where the service listens."""
        return listening_on(self.listen_host, is_development=self.is_development)


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Reads every setting.

    Raises:
        SettingsInvalid: with everything that is missing or malformed.
    """
    profile = "development" if environ.get("QUARTET_PROFILE") == "development" else "production"
    problems: list[str] = []
    values: dict[str, Any] = {}
    try:
        values = load_settings(SETTINGS, environ, profile=profile)
    except SettingsInvalid as invalid:
        problems = invalid.problems
    if profile == "development":  # in production the loader has said so
        problems += [
            f"{setting.name} is not set"
            for setting in SETTINGS
            if setting.name in _NEEDED_IN_ANY_PROFILE and origin(setting, environ) == "missing"
        ]
    if problems:
        raise SettingsInvalid(problems)
    return Settings(**values)
