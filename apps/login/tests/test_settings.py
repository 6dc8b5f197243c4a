"""The settings of login: defaults, what production demands, and how each fault is told."""

import pytest

from apps.login.settings import load
from apps.login.tests.desk import ENVIRON, PEPPER, PRIVATE_PEM
from apps.web.tests import settings_rules
from apps.web.tests.settings_rules import Subject

PRODUCTION = {
    "LOGIN_DATABASE_URL": "mysql+aiomysql://login:s3cret@db/login_db",
    "PASSWORD_PEPPER": PEPPER,
    "LOGIN_PRIVATE_KEY": PRIVATE_PEM,
    "SMTP_HOST": "mail.example.org",
    "MAIL_FROM": "Quartet <no-reply@example.org>",
}

SUBJECT = Subject("login", load, PRODUCTION, ENVIRON)


@pytest.mark.parametrize("rule", settings_rules.RULES, ids=settings_rules.name_of)
def test_rules(rule: settings_rules.Rule) -> None:
    """What holds of every service that handles passwords and sends mail."""
    rule(SUBJECT)


def test_own_defaults() -> None:
    """Those of the contract."""
    settings = load(PRODUCTION)
    assert settings.login_port == 8000
    assert (settings.session_ttl_seconds, settings.login_retry_seconds) == (172800, 5)
    assert (settings.login_max_failures, settings.login_suspension_seconds) == (5, 1800)
    assert load({**PRODUCTION, "LOGIN_RETRY_SECONDS": "0"}).login_retry_seconds == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOGIN_PRIVATE_KEY", "not PEM"),
        ("LOGIN_PRIVATE_KEY", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"),
        ("LOGIN_PUBLIC_KEYS", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"),
        ("LOGIN_DATABASE_URL", "postgresql://db/login_db"),
        ("LOGIN_PORT", "70000"),
        ("SESSION_TTL_SECONDS", "-86400"),
        ("LOGIN_RETRY_SECONDS", "-5"),
        ("LOGIN_MAX_FAILURES", "-5"),
        ("LOGIN_SUSPENSION_SECONDS", "1e9"),
    ],
)
def test_malformed_values_are_refused_by_name(name: str, value: str) -> None:
    """The complaint names the setting and does not repeat its value."""
    settings_rules.refused_by_name(SUBJECT, name, value)
