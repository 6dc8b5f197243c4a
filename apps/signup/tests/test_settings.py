import subprocess
import sys

import pytest

from apps.signup.settings import load
from apps.signup.tests.desk import ENVIRON, PEPPER, PRIVATE_PEM
from apps.web.settings import SettingsInvalid

PRODUCTION = {
    "SIGNUP_DATABASE_URL": "mysql+aiomysql://signup:s3cret@db/signup_db",
    "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
    "PASSWORD_PEPPER": PEPPER,
    "SIGNUP_PRIVATE_KEY": PRIVATE_PEM,
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
    assert (settings.signup_port, settings.answers, settings.host) == (8080, "uniform", "0.0.0.0")
    assert (settings.activation_ttl_seconds, settings.mail_per_address, settings.mail_window_seconds) == (
        86400,
        5,
        900,
    )
    assert settings.password_rules.min_length == 12
    assert not settings.is_development


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PASSWORD_PEPPER", "sesame-open"),
        ("PASSWORD_PEPPER", "x" * 64),
        ("SIGNUP_PRIVATE_KEY", "not PEM"),
        ("SIGNUP_PRIVATE_KEY", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"),
        ("SIGNUP_DATABASE_URL", "postgresql://db/signup_db"),
        ("SIGNUP_DATABASE_URL", "mysql+aiomysql://signup:s3cret@db:abc/signup_db"),
        ("KAFKA_BOOTSTRAP_SERVERS", "kafka:abc"),
        ("SMTP_HOST", "mail.example.org:25"),
        ("MAIL_FROM", "nobody"),
        ("ANSWERS", "some"),
        ("ACTIVATION_TTL_SECONDS", "-86400"),
        ("ACTIVATION_TTL_SECONDS", "soon"),
        ("MAIL_PER_ADDRESS", "-5"),
        ("SIGNUP_PORT", "70000"),
        ("PUBLIC_ACTIVATION_URL", "ftp://example.org"),
        ("QUARTET_PROFILE", "staging"),
    ],
)
def test_weak_and_malformed_values_are_refused_by_name(name: str, value: str) -> None:
    """The complaint names the setting and does not repeat its value."""
    (problem,) = problems({**PRODUCTION, name: value})
    assert problem.startswith(f"{name} ")
    assert value not in problem.removeprefix(name)


def test_a_wrong_profile_still_names_the_rest() -> None:
    """A typing error in one setting hides no other."""
    named = {problem.split()[0] for problem in problems({"QUARTET_PROFILE": "prod"})}
    assert {"QUARTET_PROFILE", "PASSWORD_PEPPER", "SIGNUP_PRIVATE_KEY"} <= named


def test_development_needs_what_nothing_stands_in_for() -> None:
    """The platform brings database, pepper and key along; mail goes to its inbox."""
    assert {
        problem.split()[0] for problem in problems({"QUARTET_PROFILE": "development", "ANSWERS": "x"})
    } == {
        "ANSWERS",
        "SIGNUP_DATABASE_URL",
        "PASSWORD_PEPPER",
        "SIGNUP_PRIVATE_KEY",
    }
    settings = load(ENVIRON)
    assert (settings.smtp_host, settings.smtp_port, settings.host) == ("localhost", 1025, "127.0.0.1")
    assert settings.password_rules.min_length == 8


def test_secrets_do_not_show() -> None:
    """A settings object that is printed gives nothing away."""
    shown = repr(load({**PRODUCTION, "SMTP_PASSWORD": "sesame"}))
    for secret in ("s3cret", PEPPER, "PRIVATE KEY", "sesame"):
        assert secret not in shown


def test_a_service_that_lacks_settings_says_so_and_exits() -> None:
    """`python -m apps.signup` names everything that is missing, a line each, and exits 2."""
    started = subprocess.run(
        [sys.executable, "-m", "apps.signup"], env={"PATH": ""}, capture_output=True, text=True, timeout=30
    )
    assert started.returncode == 2
    assert {line.split()[1] for line in started.stderr.splitlines()} == set(PRODUCTION)
