"""The settings of reset-password: the only place that knows their names and defaults."""

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
    Setting("RESET_PASSWORD_PORT", "port", "4001", help="where reset-password listens"),
    Setting(
        "RESET_ANSWERS",
        "choice",
        "explicit",
        choices=("explicit", "silent"),
        help="silent: a request for a link does not say whether the address is logged in",
    ),
    Setting("RESET_TTL_SECONDS", "seconds", "1800", minimum=1, help="lifetime of a reset link"),
    public_url("PUBLIC_RESET_PASSWORD_URL", "what reset links start with", default="http://localhost:4001"),
    database_url("RESET_PASSWORD_DATABASE_URL", "the database of reset-password, with its password"),
    private_key("RESET_PASSWORD_PRIVATE_KEY", "key that signs reset links (P-256)"),
    public_keys("LOGIN_PUBLIC_KEYS", "keys of login, whose sessions and receipts are accepted"),
)


@dataclass(frozen=True, kw_only=True)
class Settings(CommonSettings):
    """The checked values, under the names of their settings in lower case."""

    reset_password_port: int
    reset_answers: str
    reset_ttl_seconds: int
    public_reset_password_url: str
    reset_password_database_url: Secret
    reset_password_private_key: Secret
    login_public_keys: Secret

    @property
    def is_silent(self) -> bool:
        """Whether a request for a link is answered alike, logged in or not."""
        return self.reset_answers == "silent"

    @cached_property
    def signing_key(self) -> SigningKey:
        """The private key, read once."""
        return SigningKey.from_pem(self.reset_password_private_key.reveal())

    @cached_property
    def link_keys(self) -> PublicKeys:
        """The keys whose links are accepted: our own."""
        return self.signing_key.public_keys()

    @cached_property
    def login_keys(self) -> PublicKeys:
        """The keys whose sessions and receipts are accepted."""
        return PublicKeys.from_pem(self.login_public_keys.reveal())


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Reads every setting.

    Raises:
        SettingsInvalid: with everything that is missing or malformed.
    """
    needed = (
        "RESET_PASSWORD_DATABASE_URL",
        "PASSWORD_PEPPER",
        "RESET_PASSWORD_PRIVATE_KEY",
        "LOGIN_PUBLIC_KEYS",
    )
    return load_into(Settings, SETTINGS, environ, needed=needed)
