"""What must hold of the settings of every service that handles passwords and sends mail.

@pytest.mark.parametrize("rule", settings_rules.RULES, ids=settings_rules.name_of)
def test_rules(rule):
    rule(SUBJECT)
"""

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from apps.web.settings import SettingsInvalid


@dataclass(frozen=True)
class Subject:
    """One service: its package in apps/, its loader, and settings that suffice in each profile."""

    service: str
    load: Callable[[Mapping[str, str]], Any]
    production: Mapping[str, str]
    development: Mapping[str, str]


Rule = Callable[[Subject], None]
RULES: list[Rule] = []

PROVIDED = {"SMTP_HOST", "MAIL_FROM", "KAFKA_BOOTSTRAP_SERVERS"}
"""What a platform of the development profile has defaults for, or does without."""


def name_of(rule: Rule) -> str:
    """The name of a rule, for the ids of parametrized tests."""
    return rule.__name__


def rule(function: Rule) -> Rule:
    RULES.append(function)
    return function


def problems(subject: Subject, environ: Mapping[str, str]) -> list[str]:
    """Everything that the loader complains of."""
    with pytest.raises(SettingsInvalid) as invalid:
        subject.load(environ)
    return invalid.value.problems


def named(subject: Subject, environ: Mapping[str, str]) -> set[str]:
    """The settings that the loader complains of."""
    return {problem.split()[0] for problem in problems(subject, environ)}


def refused_by_name(subject: Subject, name: str, value: str) -> None:
    """Asserts that this value is the one fault, told by the setting's name and not repeated."""
    (problem,) = problems(subject, {**subject.production, name: value})
    assert problem.startswith(f"{name} ")
    assert value not in problem.removeprefix(name)


@rule
def production_is_the_default_and_names_all_that_it_lacks(subject: Subject) -> None:
    """One start shows everything that has to be set."""
    assert named(subject, {}) == set(subject.production)


@rule
def what_is_required_suffices(subject: Subject) -> None:
    """The rest has the defaults of the contract."""
    settings = subject.load(subject.production)
    assert (settings.is_development, settings.host) == (False, "0.0.0.0")
    assert settings.password_rules.min_length == 12
    assert (settings.mail_per_address, settings.mail_window_seconds) == (5, 900)


@rule
def development_needs_what_nothing_stands_in_for(subject: Subject) -> None:
    """The platform brings databases, pepper and keys along, and takes the mail."""
    settings = subject.load(subject.development)
    assert (settings.smtp_host, settings.smtp_port, settings.host) == ("localhost", 1025, "127.0.0.1")
    assert settings.password_rules.min_length == 8


@rule
def a_wrong_value_hides_nothing_that_is_missing(subject: Subject) -> None:
    """Not even a wrong profile, which counts as production."""
    development = {"QUARTET_PROFILE": "development", "SMTP_PORT": "x"}
    assert named(subject, development) == {"SMTP_PORT", *(set(subject.production) - PROVIDED)}
    assert named(subject, {"QUARTET_PROFILE": "prod"}) == {"QUARTET_PROFILE", *subject.production}


@rule
def secrets_do_not_show(subject: Subject) -> None:
    """A settings object that is printed gives nothing away."""
    shown = repr(subject.load({**subject.production, "SMTP_PASSWORD": "sesame"}))
    for secret in ("s3cret", subject.production["PASSWORD_PEPPER"], "PRIVATE KEY", "sesame"):
        assert secret not in shown


@rule
def a_service_that_lacks_settings_says_so_and_exits(subject: Subject) -> None:
    """It names everything that is missing, a line each, and exits 2."""
    started = subprocess.run(
        [sys.executable, "-m", f"apps.{subject.service}"],
        env={"PATH": ""},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert started.returncode == 2
    assert {line.split()[1] for line in started.stderr.splitlines()} == set(subject.production)


@rule
def it_listens_where_it_is_told(subject: Subject) -> None:
    """A container of the development profile has to be reached from outside of it."""
    assert subject.load({**subject.development, "LISTEN_HOST": "10.0.0.7"}).host == "10.0.0.7"
