"""What the settings that several services share refuse besides what their kind does."""

import pytest

from apps.web.common_settings import COMMON_SETTINGS, KAFKA_BOOTSTRAP_SERVERS, Setting, database_url
from apps.web.settings import SettingsInvalid, load

DATABASE = database_url("X_DATABASE_URL", "a database")
DECLARED = {setting.name: setting for setting in (*COMMON_SETTINGS, KAFKA_BOOTSTRAP_SERVERS, DATABASE)}


def load_one(name: str, text: str) -> None:
    setting: Setting = DECLARED[name]
    load([setting], {name: text}, profile="production")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SMTP_HOST", "mail.example.org"),
        ("SMTP_HOST", "10.0.0.25"),
        ("SMTP_HOST", "fd00::25"),
        ("LISTEN_HOST", "::"),
        ("MAIL_FROM", "no-reply@example.org"),
        ("MAIL_FROM", '"Quartet, Inc." <no-reply@example.org>'),
        ("KAFKA_BOOTSTRAP_SERVERS", "h:9092,h2:9092"),
        ("KAFKA_BOOTSTRAP_SERVERS", "h:9092, h2:9092"),
        ("KAFKA_BOOTSTRAP_SERVERS", "[::1]:9092"),
        ("X_DATABASE_URL", "mysql+aiomysql://u:s3cret@h:3306/db"),
    ],
)
def test_good_values_are_taken(name: str, text: str) -> None:
    """IPv6 in brackets only where a port follows."""
    load_one(name, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SMTP_HOST", "http://x"),
        ("SMTP_HOST", "h:25"),
        ("SMTP_HOST", "a b"),
        ("SMTP_HOST", "[::1]"),
        ("LISTEN_HOST", "127.0.0.1:8000"),
        ("PASSWORD_PEPPER", "sesame-open"),
        ("PASSWORD_PEPPER", "x" * 64),
        ("MAIL_PER_ADDRESS", "-5"),
        ("MAIL_WINDOW_SECONDS", "soon"),
        ("SMTP_PORT", "70000"),
        ("SMTP_STARTTLS", "perhaps"),
        ("QUARTET_PROFILE", "staging"),
        ("MAIL_FROM", "nobody"),
        ("MAIL_FROM", "Foo <a@example.org>, b@example.org"),
        ("MAIL_FROM", "a@example.org b@example.org"),
        ("KAFKA_BOOTSTRAP_SERVERS", "h"),
        ("KAFKA_BOOTSTRAP_SERVERS", ","),
        ("KAFKA_BOOTSTRAP_SERVERS", "::::"),
        ("KAFKA_BOOTSTRAP_SERVERS", "h:9092,"),
        ("KAFKA_BOOTSTRAP_SERVERS", "h:abc"),
        ("KAFKA_BOOTSTRAP_SERVERS", "h:99999"),
        ("KAFKA_BOOTSTRAP_SERVERS", "http://h:9092"),
        ("X_DATABASE_URL", "mysql+aiomysql://u:s3cret@h:abc/db"),
        ("X_DATABASE_URL", "sqlite+aiosqlite:///"),
    ],
)
def test_weak_and_malformed_values_are_refused_by_name(name: str, text: str) -> None:
    """The complaint does not repeat the value, which may hold a password."""
    with pytest.raises(SettingsInvalid) as invalid:
        load_one(name, text)
    (problem,) = invalid.value.problems
    assert problem.startswith((f"{name} must ", f"{name} is too weak"))
    assert "s3cret" not in problem
