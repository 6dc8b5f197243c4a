"""What the services' environment is completed with, and what of it cannot be overridden."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from containers import settings as platform_settings
from containers.embedded.environment import connector_environ, service_environ
from containers.folder import DataFolder


def completed(
    folder: Path, given: Mapping[str, str], secrets: Mapping[str, str] | None = None
) -> dict[str, str]:
    settings = platform_settings.load(given, data=folder)
    return service_environ(settings, DataFolder(folder), secrets or {})


def test_an_empty_environment_becomes_a_whole_one(tmp_path: Path) -> None:
    """Engines, addresses and mail are all there; the profile is development."""
    environ = completed(tmp_path, {"INBOX_SMTP_PORT": "2525", "LOGIN_PORT": "1234"}, {"PASSWORD_PEPPER": "x"})
    assert environ["QUARTET_PROFILE"] == "development"
    assert environ["LOGIN_DATABASE_URL"] == f"sqlite+aiosqlite:///{tmp_path}/login_db.sqlite"
    assert environ["RESET_PASSWORD_DATABASE_URL"].endswith("/rpwd_db.sqlite")
    assert environ["PUBLIC_LOGIN_URL"] == "http://localhost:1234"
    assert (environ["SMTP_HOST"], environ["SMTP_PORT"]) == ("127.0.0.1", "2525")
    assert environ["PASSWORD_PEPPER"] == "x"


@pytest.mark.parametrize("by_file", [False, True])
def test_engines_are_the_embedded_ones(tmp_path: Path, by_file: bool) -> None:
    """Whatever database is named elsewhere, this tier keeps its data in its folder."""
    url = "mysql+aiomysql://u:p@production/signup_db"
    (tmp_path / "url").write_text(url)
    given = {"SIGNUP_DATABASE_URL_FILE": str(tmp_path / "url")} if by_file else {"SIGNUP_DATABASE_URL": url}
    environ = completed(tmp_path, given)
    assert environ["SIGNUP_DATABASE_URL"].startswith("sqlite+aiosqlite:///")
    assert "SIGNUP_DATABASE_URL_FILE" not in environ


def test_no_replica_set_is_named_unless_one_must_be(tmp_path: Path) -> None:
    """The check of an address loads MongoDB's driver, which the development profile does without."""
    name, given = "ACTIVATION_MONGO_URL", {"ACTIVATION_MONGO_URL": "mongodb://production/"}
    assert name not in completed(tmp_path, given)
    environ = completed(tmp_path, {**given, "QUARTET_PROFILE": "production"})
    assert "embedded.invalid" in environ[name]


def test_what_is_given_otherwise_is_kept(tmp_path: Path) -> None:
    """Secrets, addresses and another mail server, by NAME or NAME_FILE; an empty value is none."""
    (tmp_path / "pepper").write_text("a pepper of no less than 32 bytes, not repeated\n")
    given = {
        "PASSWORD_PEPPER_FILE": str(tmp_path / "pepper"),
        "PUBLIC_LOGIN_URL": "https://login.example",
        "PUBLIC_SIGNUP_URL": "",
        "SMTP_HOST": "mail.example",
    }
    environ = completed(tmp_path, given, {"PASSWORD_PEPPER": "made"})
    assert environ["PASSWORD_PEPPER_FILE"] == given["PASSWORD_PEPPER_FILE"]
    assert "PASSWORD_PEPPER" not in environ
    assert environ["PUBLIC_LOGIN_URL"] == "https://login.example"
    assert environ["PUBLIC_SIGNUP_URL"] == "http://localhost:8080"
    assert environ["SMTP_HOST"] == "mail.example"
    assert "SMTP_PORT" not in environ


def test_production_gets_no_inbox(tmp_path: Path) -> None:
    """It has to name its mail server itself."""
    assert "SMTP_HOST" not in completed(tmp_path, {"QUARTET_PROFILE": "production"})


def test_any_folder_can_stand_in_a_database_url(tmp_path: Path) -> None:
    """Blanks, percent signs and other alphabets survive SQLAlchemy's reading of it."""
    folder = tmp_path / "mine & 100%25? yes#ü"
    url = completed(folder, {})["LOGIN_DATABASE_URL"]
    assert make_url(url).database == str(folder / "login_db.sqlite")


def test_every_placeholder_of_the_connector_files_has_a_meaning() -> None:
    """What is given goes before what is made up."""
    environ = connector_environ({"QUARTET_CDC_USER": "me", "QUARTET_SINK_USER": ""})
    assert environ["QUARTET_CDC_USER"] == "me"
    assert environ["QUARTET_SINK_USER"] == "embedded"
    assert environ["QUARTET_MONGO_URI"].startswith("mongodb://")
