"""The settings of reset-password: defaults, what production demands, and how each fault is told."""

import pytest

from apps.reset_password.settings import load
from apps.reset_password.tests.desk import ENVIRON, LOGIN_KEY, PEPPER, PRIVATE_PEM
from apps.web.tests import settings_rules
from apps.web.tests.settings_rules import Subject

PRODUCTION = {
    "RESET_PASSWORD_DATABASE_URL": "mysql+aiomysql://reset_password:s3cret@db/rpwd_db",
    "PASSWORD_PEPPER": PEPPER,
    "RESET_PASSWORD_PRIVATE_KEY": PRIVATE_PEM,
    "LOGIN_PUBLIC_KEYS": LOGIN_KEY.public_pem,
    "SMTP_HOST": "mail.example.org",
    "MAIL_FROM": "Quartet <no-reply@example.org>",
}

SUBJECT = Subject("reset_password", load, PRODUCTION, ENVIRON)


@pytest.mark.parametrize("rule", settings_rules.RULES, ids=settings_rules.name_of)
def test_rules(rule: settings_rules.Rule) -> None:
    """What holds of every service that handles passwords and sends mail."""
    rule(SUBJECT)


def test_own_defaults() -> None:
    """Those of the contract."""
    settings = load(PRODUCTION)
    assert settings.reset_password_port == 4001
    assert (settings.reset_answers, settings.is_silent) == ("explicit", False)
    assert settings.reset_ttl_seconds == 1800


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RESET_PASSWORD_PRIVATE_KEY", "not PEM"),
        ("RESET_PASSWORD_PRIVATE_KEY", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"),
        ("LOGIN_PUBLIC_KEYS", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"),
        ("RESET_PASSWORD_DATABASE_URL", "postgresql://db/rpwd_db"),
        ("RESET_PASSWORD_PORT", "web"),
        ("RESET_TTL_SECONDS", "-86400"),
        ("RESET_ANSWERS", "quiet"),
        ("PUBLIC_RESET_PASSWORD_URL", "ftp://example.org"),
    ],
)
def test_malformed_values_are_refused_by_name(name: str, value: str) -> None:
    """The complaint names the setting and does not repeat its value."""
    settings_rules.refused_by_name(SUBJECT, name, value)
