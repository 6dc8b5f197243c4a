"""The settings of login: the only place that knows their names and defaults."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from apps.auth.tokens import PublicKeys, SigningKey
from apps.web.common_settings import (
    COMMON_SETTINGS,
    CommonSettings,
    database_url,
    load_into,
    private_key,
    public_keys,
    public_url,
)
from apps.web.settings import Secret, Setting

SETTINGS: tuple[Setting, ...] = (
    *COMMON_SETTINGS,
    Setting("LOGIN_PORT", "port", "8000", help="where login listens"),
    Setting("SESSION_TTL_SECONDS", "seconds", "172800", minimum=1, help="lifetime of a session"),
    Setting(
        "LOGIN_RETRY_SECONDS",
        "seconds",
        "5",
        help="how long after a failure the next attempt is TOO_FAST; 0 switches it off",
    ),
    Setting("LOGIN_MAX_FAILURES", "count", "5", help="wrong passwords in a row that suspend an account"),
    Setting("LOGIN_SUSPENSION_SECONDS", "seconds", "1800", minimum=1, help="how long a suspension lasts"),
    public_url("PUBLIC_LOGIN_URL", "where the public reaches login, for its OpenAPI document"),
    database_url("LOGIN_DATABASE_URL", "the database of login, with its password"),
    private_key("LOGIN_PRIVATE_KEY", "key that signs sessions and receipts (P-256)"),
    public_keys(
        "LOGIN_PUBLIC_KEYS",
        "further keys whose sessions are accepted while LOGIN_PRIVATE_KEY is being replaced",
        required_in_production=False,
    ),
)


@dataclass(frozen=True, kw_only=True)
class Settings(CommonSettings):
    """The checked values, under the names of their settings in lower case."""

    login_port: int
    session_ttl_seconds: int
    login_retry_seconds: int
    login_max_failures: int
    login_suspension_seconds: int
    public_login_url: str | None
    login_database_url: Secret
    login_private_key: Secret
    login_public_keys: Secret | None

    @cached_property
    def signing_key(self) -> SigningKey:
        """The private key, read once."""
        return SigningKey.from_pem(self.login_private_key.reveal())

    @cached_property
    def verifying_keys(self) -> PublicKeys:
        """Every key whose sessions are accepted; this is what the JWKS publishes."""
        own = self.signing_key.public_keys()
        return own | PublicKeys.from_pem(self.login_public_keys.reveal()) if self.login_public_keys else own


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Reads every setting.

    Raises:
        SettingsInvalid: with everything that is missing or malformed.
    """
    needed = ("LOGIN_DATABASE_URL", "PASSWORD_PEPPER", "LOGIN_PRIVATE_KEY")
    return load_into(Settings, SETTINGS, environ, needed=needed)
