"""The settings of sign-up: the only place that knows their names and defaults."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any

from apps.auth.addresses import AddressInvalid, canonical_address
from apps.auth.passwords import DEVELOPMENT, PRODUCTION, PasswordRules, pepper_problem
from apps.auth.tokens import KeyInvalid, SigningKey
from apps.web.settings import Secret, Setting, SettingsInvalid, origin
from apps.web.settings import load as load_settings


def _pepper(text: str) -> str | None:
    problem = pepper_problem(text)
    return problem and f"is too weak: {problem}"


def _private_key(text: str) -> str | None:
    try:
        SigningKey.from_pem(text)
    except KeyInvalid as error:
        return f"is not a key to sign with: {error}"
    return None


def _sender(text: str) -> str | None:
    try:
        canonical_address(parseaddr(text)[1], allow_test_domains=True)
    except AddressInvalid:
        return "must be an address, with or without a name before it"
    return None


def _database_url(text: str) -> str | None:
    if text.startswith(("mysql+aiomysql://", "sqlite+aiosqlite:///")):
        return None
    return "must begin with mysql+aiomysql:// or sqlite+aiosqlite:///"


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "QUARTET_PROFILE",
        "choice",
        "production",
        choices=("development", "production"),
        help="which rules hold: development or production",
    ),
    Setting("SIGNUP_PORT", "port", "8080", help="where sign-up listens"),
    Setting(
        "ANSWERS",
        "choice",
        "uniform",
        choices=("uniform", "explicit"),
        help="explicit: sign-up says whether an address has an account",
    ),
    Setting("ACTIVATION_TTL_SECONDS", "seconds", "86400", minimum=1, help="lifetime of an activation link"),
    Setting(
        "MAIL_PER_ADDRESS", "count", "5", help="mails of one kind that one address gets within the window"
    ),
    Setting("MAIL_WINDOW_SECONDS", "seconds", "900", minimum=1, help="the window of the mail limit"),
    Setting(
        "PUBLIC_ACTIVATION_URL",
        "url",
        "http://localhost:4000",
        choices=("http", "https"),
        help="what activation links start with",
    ),
    Setting(
        "SMTP_HOST",
        "text",
        "localhost",
        required_in_production=True,
        help="the mail server; no scheme, no port",
    ),
    Setting("SMTP_PORT", "port", "1025", help="port of the mail server"),
    Setting("SMTP_USERNAME", "text", help="name for the mail server, if it asks for one"),
    Setting("SMTP_PASSWORD", "secret", help="password for the mail server"),
    Setting("SMTP_STARTTLS", "flag", "false", help="send mail only over an encrypted connection"),
    Setting(
        "MAIL_FROM",
        "text",
        "Quartet <no-reply@quartet.test>",
        required_in_production=True,
        check=_sender,
        help="whom mail is from",
    ),
    Setting(
        "SIGNUP_DATABASE_URL",
        "secret",
        required_in_production=True,
        check=_database_url,
        help="the database of sign-up, with its password",
    ),
    Setting("KAFKA_BOOTSTRAP_SERVERS", "text", required_in_production=True, help="host:port of the brokers"),
    Setting(
        "PASSWORD_PEPPER",
        "secret",
        required_in_production=True,
        check=_pepper,
        help="secret of every password hash, the same in each service",
    ),
    Setting(
        "SIGNUP_PRIVATE_KEY",
        "pem",
        required_in_production=True,
        check=_private_key,
        help="key that signs activation links (P-256)",
    ),
)

_NEEDED_IN_ANY_PROFILE = ("SIGNUP_DATABASE_URL", "PASSWORD_PEPPER", "SIGNUP_PRIVATE_KEY")


@dataclass(frozen=True)
class Settings:
    """The checked values, under the names of their settings in lower case."""

    quartet_profile: str
    signup_port: int
    answers: str
    activation_ttl_seconds: int
    mail_per_address: int
    mail_window_seconds: int
    public_activation_url: str
    smtp_host: str
    smtp_port: int
    smtp_username: str | None
    smtp_password: Secret | None
    smtp_starttls: bool
    mail_from: str
    signup_database_url: Secret
    kafka_bootstrap_servers: str | None
    password_pepper: Secret
    signup_private_key: Secret

    @property
    def is_development(self) -> bool:
        """Whether the rules of the development profile hold."""
        return self.quartet_profile == "development"

    @property
    def password_rules(self) -> PasswordRules:
        """What a new password must fulfil."""
        return DEVELOPMENT if self.is_development else PRODUCTION

    @property
    def host(self) -> str:
        """Where the service listens: in development nobody outside of this machine can reach it."""
        return "127.0.0.1" if self.is_development else "0.0.0.0"  # noqa: S104 - in its container


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
