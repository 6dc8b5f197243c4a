"""The settings of login: defaults, what production demands, and how each fault is told."""

import subprocess
import sys

import pytest

from apps.login.settings import load
from apps.login.tests.desk import ENVIRON, PEPPER, PRIVATE_PEM
from apps.web.settings import SettingsInvalid

PRODUCTION = {
    "LOGIN_DATABASE_URL": "mysql+aiomysql://login:s3cret@db/login_db",
    "PASSWORD_PEPPER": PEPPER,
    "LOGIN_PRIVATE_KEY": PRIVATE_PEM,
    "SMTP_HOST": "mail.example.org",
    "MAIL_FROM": "Quartet <no-reply@example.org>",
}


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsInvalid) as invalid:
        load(environ)
    return invalid.value.problems


def test_production_is_the_default_and_names_all_that_it_lacks() -> None:
    """One start shows everything that has to be set."""
    assert {problem.split()[0] for problem in problems({})} == set(PRODUCTION)


def test_complete_settings() -> None:
    """What is required suffices, and the rest has the defaults of the contract."""
    settings = load(PRODUCTION)
    assert not settings.is_development
    assert settings.password_rules.min_length == 12
    assert (settings.login_port, settings.host) == (8000, "0.0.0.0")
    assert (settings.session_ttl_seconds, settings.login_retry_seconds) == (172800, 5)
    assert (settings.login_max_failures, settings.login_suspension_seconds) == (5, 1800)
    assert (settings.mail_per_address, settings.mail_window_seconds) == (5, 900)
    assert load({**PRODUCTION, "LOGIN_RETRY_SECONDS": "0"}).login_retry_seconds == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PASSWORD_PEPPER", "sesame-open"),
        ("PASSWORD_PEPPER", "x" * 64),
        ("LOGIN_PRIVATE_KEY", "not PEM"),
        ("LOGIN_PRIVATE_KEY", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"),
        ("LOGIN_PUBLIC_KEYS", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"),
        ("LOGIN_DATABASE_URL", "postgresql://db/login_db"),
        ("MAIL_FROM", "nobody"),
        ("MAIL_PER_ADDRESS", "-5"),
        ("MAIL_WINDOW_SECONDS", "soon"),
        ("SMTP_PORT", "70000"),
        ("SMTP_STARTTLS", "perhaps"),
        ("LOGIN_PORT", "70000"),
        ("SESSION_TTL_SECONDS", "-86400"),
        ("LOGIN_RETRY_SECONDS", "-5"),
        ("LOGIN_MAX_FAILURES", "-5"),
        ("LOGIN_SUSPENSION_SECONDS", "1e9"),
        ("QUARTET_PROFILE", "staging"),
    ],
)
def test_weak_and_malformed_values_are_refused_by_name(name: str, value: str) -> None:
    """The complaint names the setting and does not repeat its value."""
    (problem,) = problems({**PRODUCTION, name: value})
    assert problem.startswith(f"{name} ")
    assert value not in problem.removeprefix(name)


def test_development_needs_what_nothing_stands_in_for() -> None:
    """The platform brings database, pepper and keys along; a wrong value hides nothing that is missing."""
    named = {problem.split()[0] for problem in problems({"QUARTET_PROFILE": "development", "SMTP_PORT": "x"})}
    assert named == {"SMTP_PORT", *(set(PRODUCTION) - {"SMTP_HOST", "MAIL_FROM"})}
    settings = load(ENVIRON)
    assert (settings.smtp_host, settings.smtp_port, settings.host) == ("localhost", 1025, "127.0.0.1")
    assert settings.password_rules.min_length == 8


def test_secrets_do_not_show() -> None:
    """A settings object that is printed gives nothing away."""
    shown = repr(load({**PRODUCTION, "SMTP_PASSWORD": "sesame"}))
    for secret in ("s3cret", PEPPER, "PRIVATE KEY", "sesame"):
        assert secret not in shown


def test_a_service_that_lacks_settings_says_so_and_exits() -> None:
    """`python -m apps.login` names everything that is missing, a line each, and exits 2."""
    started = subprocess.run(
        [sys.executable, "-m", "apps.login"], env={"PATH": ""}, capture_output=True, text=True, timeout=30
    )
    assert started.returncode == 2
    assert {line.split()[1] for line in started.stderr.splitlines()} == set(PRODUCTION)


def test_listens_where_it_is_told() -> None:
    """A container of the development profile has to be reached from outside of it."""
    assert load({**ENVIRON, "LISTEN_HOST": "10.0.0.7"}).host == "10.0.0.7"
