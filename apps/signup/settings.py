"""The settings of sign-up: the only place that knows their names and defaults."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from apps.auth.tokens import SigningKey
from apps.web.common_settings import (
    COMMON_SETTINGS,
    KAFKA_BOOTSTRAP_SERVERS,
    CommonSettings,
    database_url,
    load_into,
    private_key,
    public_url,
)
from apps.web.settings import Secret, Setting

SETTINGS: tuple[Setting, ...] = (
    *COMMON_SETTINGS,
    Setting("SIGNUP_PORT", "port", "8080", help="where sign-up listens"),
    Setting(
        "ANSWERS",
        "choice",
        "uniform",
        choices=("uniform", "explicit"),
        help="explicit: sign-up says whether an address has an account",
    ),
    Setting("ACTIVATION_TTL_SECONDS", "seconds", "86400", minimum=1, help="lifetime of an activation link"),
    public_url("PUBLIC_SIGNUP_URL", "where the public reaches sign-up, for its OpenAPI document"),
    public_url("PUBLIC_ACTIVATION_URL", "what activation links start with", default="http://localhost:4000"),
    database_url("SIGNUP_DATABASE_URL", "the database of sign-up, with its password"),
    KAFKA_BOOTSTRAP_SERVERS,
    private_key("SIGNUP_PRIVATE_KEY", "key that signs activation links (P-256)"),
)


@dataclass(frozen=True, kw_only=True)
class Settings(CommonSettings):
    """The checked values, under the names of their settings in lower case."""

    signup_port: int
    answers: str
    activation_ttl_seconds: int
    public_signup_url: str | None
    public_activation_url: str
    signup_database_url: Secret
    kafka_bootstrap_servers: str | None
    signup_private_key: Secret

    @property
    def is_explicit(self) -> bool:
        """Whether answers say what an address is."""
        return self.answers == "explicit"

    @cached_property
    def signing_key(self) -> SigningKey:
        """The private key, read once."""
        return SigningKey.from_pem(self.signup_private_key.reveal())


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Reads every setting.

    Raises:
        SettingsInvalid: with everything that is missing or malformed.
    """
    needed = ("SIGNUP_DATABASE_URL", "PASSWORD_PEPPER", "SIGNUP_PRIVATE_KEY")
    return load_into(Settings, SETTINGS, environ, needed=needed)
