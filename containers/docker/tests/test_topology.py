"""Which containers a platform has, who reaches whom, and who knows which secret."""

from pathlib import Path

import pytest

from containers import settings
from containers.docker.image_names import MONGO, MONGO_STANDIN
from containers.docker.parts import ACCOUNTS, Part
from containers.docker.topology import ENGINE_PORTS, Plan, engine_parts, own_parts

PASSWORDS = {account: f"password-of-{account}" for account in ACCOUNTS}
SECRETS = {
    "PASSWORD_PEPPER": "the-pepper",
    "SIGNUP_PRIVATE_KEY": "the-key-of-signup",
    "LOGIN_PRIVATE_KEY": "the-key-of-login",
    "RESET_PASSWORD_PRIVATE_KEY": "the-key-of-reset",
    "SIGNUP_PUBLIC_KEYS": "public-of-signup",
    "LOGIN_PUBLIC_KEYS": "public-of-login",
}


def plan(environ: dict[str, str] | None = None, mongo_image: str = MONGO_STANDIN) -> Plan:
    return Plan(
        settings=settings.load(environ or {}, tier="containers", data=Path("data")),
        group_id="8a94f357-aab4-11df-86ab-c80aa9429562",
        engine_ports={name: 20000 + index for index, name in enumerate(ENGINE_PORTS)},
        passwords=PASSWORDS,
        secrets=SECRETS,
        mongo_image=mongo_image,
    )


def parts(environ: dict[str, str] | None = None, mongo_image: str = MONGO_STANDIN) -> dict[str, Part]:
    made = plan(environ, mongo_image)
    return {part.name: part for part in [*engine_parts(made), *own_parts(made)]}


def knows(part: Part) -> str:
    """Everything that a container is given."""
    return "\n".join([*part.environment.values(), *part.files.values(), *part.command])


def test_the_platform_is_whole() -> None:
    """A group of three behind its route, two servers, MongoDB, Kafka, Connect, the inbox, four services."""
    assert parts().keys() == {
        *("mysql1", "mysql2", "mysql3", "signup_mysql", "login_mysql", "rpwd_mysql", "mongodb1"),
        *("kafka", "connect", "inbox", "signup", "activation", "login", "reset-password"),
    }
    assert {"mongodb1", "mongodb2", "mongodb3"} <= parts(mongo_image=MONGO).keys()


def test_what_is_needed_is_there_and_comes_first() -> None:
    """A need that nobody fulfils would wait for ever."""
    found = parts()
    started: set[str] = set()
    while ready := {name for name, part in found.items() if set(part.needs) <= started} - started:
        started |= ready
    assert started == found.keys()


@pytest.mark.parametrize(
    ("service", "account", "own_secrets"),
    [
        ("signup", "signup", {"the-pepper", "the-key-of-signup"}),
        ("activation", "activation", {"public-of-signup"}),
        ("login", "login", {"the-pepper", "the-key-of-login", "public-of-login"}),
        ("reset-password", "reset_password", {"the-pepper", "the-key-of-reset", "public-of-login"}),
    ],
)
def test_a_service_knows_its_own_secrets_only(service: str, account: str, own_secrets: set[str]) -> None:
    """Its database account, its keys, and nobody else's."""
    text = knows(parts(mongo_image=MONGO)[service])
    assert {secret for secret in SECRETS.values() if secret in text} == own_secrets
    assert {name for name, password in PASSWORDS.items() if password in text} == {account}


def test_no_secret_is_in_the_environment() -> None:
    """`docker inspect` shows variables; secrets are files that only the container has."""
    for part in parts(mongo_image=MONGO).values():
        shown = "\n".join([*part.environment.values(), *part.command])
        assert [s for s in (*PASSWORDS.values(), "the-pepper", "the-key-of") if s in shown] == [], part.name


def test_connect_knows_the_accounts_of_capture_and_sinks_only() -> None:
    """No connector is an administrator."""
    text = knows(parts(mongo_image=MONGO)["connect"])
    assert {name for name, password in PASSWORDS.items() if password in text} == {"capture", "sink"}


def test_every_port_is_published_once() -> None:
    """Two containers cannot share one."""
    published = [port for part in parts().values() for port in part.ports.values()]
    assert len(published) == len(set(published))


def test_settings_reach_the_services_that_declare_them() -> None:
    """And no other; a file is read here, as it need not be where the service runs."""
    found = parts({"LOGIN_MAX_FAILURES": "3", "ANSWERS": "explicit", "SIGNUP_PORT": "18080"})
    assert found["login"].environment["LOGIN_MAX_FAILURES"] == "3"
    assert "LOGIN_MAX_FAILURES" not in found["signup"].environment
    assert found["signup"].environment["ANSWERS"] == "explicit"
    assert (found["signup"].ports, found["signup"].environment["SIGNUP_PORT"]) == ({8080: 18080}, "8080")


def test_engines_are_those_of_the_tier() -> None:
    """Whatever the environment names: that is what the tier means."""
    given = {"LOGIN_DATABASE_URL": "mysql+aiomysql://root:x@elsewhere/login_db"}
    assert "elsewhere" not in knows(parts(given)["login"])


def test_mail_goes_to_the_inbox_unless_another_server_is_named() -> None:
    """A developer may try a real one."""
    assert parts()["signup"].environment["SMTP_HOST"] == "inbox"
    assert parts({"SMTP_HOST": "mail.example.org"})["signup"].environment["SMTP_HOST"] == "mail.example.org"
