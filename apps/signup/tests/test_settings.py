"""The settings of sign-up: defaults, what production demands, and how each fault is told."""

import pytest

from apps.signup.settings import load
from apps.signup.tests.desk import ENVIRON, PEPPER, PRIVATE_PEM
from apps.web.tests import settings_rules
from apps.web.tests.settings_rules import Subject

PRODUCTION = {
    "SIGNUP_DATABASE_URL": "mysql+aiomysql://signup:s3cret@db/signup_db",
    "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
    "PASSWORD_PEPPER": PEPPER,
    "SIGNUP_PRIVATE_KEY": PRIVATE_PEM,
    "SMTP_HOST": "mail.example.org",
    "MAIL_FROM": "Quartet <no-reply@example.org>",
}

SUBJECT = Subject("signup", load, PRODUCTION, ENVIRON)


@pytest.mark.parametrize("rule", settings_rules.RULES, ids=settings_rules.name_of)
def test_rules(rule: settings_rules.Rule) -> None:
    """What holds of every service that handles passwords and sends mail."""
    rule(SUBJECT)


def test_own_defaults() -> None:
    """Those of the contract."""
    settings = load(PRODUCTION)
    assert (settings.signup_port, settings.answers) == (8080, "uniform")
    assert settings.activation_ttl_seconds == 86400


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIGNUP_PRIVATE_KEY", "not PEM"),
        ("SIGNUP_PRIVATE_KEY", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"),
        ("SIGNUP_DATABASE_URL", "postgresql://db/signup_db"),
        ("SIGNUP_DATABASE_URL", "mysql+aiomysql://signup:s3cret@db:abc/signup_db"),
        ("ANSWERS", "some"),
        ("ACTIVATION_TTL_SECONDS", "-86400"),
        ("ACTIVATION_TTL_SECONDS", "soon"),
        ("SIGNUP_PORT", "70000"),
        ("PUBLIC_ACTIVATION_URL", "ftp://example.org"),
    ],
)
def test_malformed_values_are_refused_by_name(name: str, value: str) -> None:
    """The complaint names the setting and does not repeat its value."""
    settings_rules.refused_by_name(SUBJECT, name, value)
