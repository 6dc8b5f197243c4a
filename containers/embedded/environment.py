"""The environment that the services and connectors of an embedded platform get: what was given, completed.

Engines are always the embedded ones, whatever the environment names: that is what the tier means. Mail goes
to the development inbox unless another server is named; a secret that is given is used, others come from the
data folder.
"""

from collections.abc import Mapping
from urllib.parse import quote

from containers.folder import DataFolder
from containers.settings import LOCALHOST, SERVICES, PlatformSettings, is_given, urls

DATABASES: Mapping[str, str] = {"signup": "signup_db", "login": "login_db", "reset_password": "rpwd_db"}
"""The SQL database of each service that has one."""

_NOWHERE = "embedded.invalid"
"""Host of the engines that are not there: the checks of settings and connectors want a well-formed one."""

_MONGO = "ACTIVATION_MONGO_URL"


def database_url(folder: DataFolder, database: str) -> str:
    """The URL of a SQL database; its path is quoted, because the reader of the URL unquotes it."""
    return f"sqlite+aiosqlite:///{quote(str(folder.file(database)))}"


def service_environ(
    settings: PlatformSettings, folder: DataFolder, secrets: Mapping[str, str]
) -> dict[str, str]:
    """The environment from which the four services load their settings."""
    given = {name: value for name, value in settings.environ.items() if value}
    engines = {
        f"{service.upper()}_DATABASE_URL": database_url(folder, database)
        for service, database in DATABASES.items()
    }
    engines |= {
        "QUARTET_PROFILE": settings.profile,
        "KAFKA_BOOTSTRAP_SERVERS": f"{_NOWHERE}:9092",
    }
    if settings.profile == "production":  # which asks for it; its check loads MongoDB's driver
        engines[_MONGO] = f"mongodb://{_NOWHERE}/activate_user_reg_db"
    defaults = {
        f"PUBLIC_{service.upper()}_URL": url
        for service, url in urls(settings.ports).items()
        if service in SERVICES
    }
    if settings.profile == "development" and not is_given("SMTP_HOST", given):
        engines |= {"SMTP_HOST": LOCALHOST, "SMTP_PORT": str(settings.ports["INBOX_SMTP_PORT"])}
    missing = {name: value for name, value in {**defaults, **secrets}.items() if not is_given(name, given)}
    replaced = {*engines, _MONGO}
    kept = {name: value for name, value in given.items() if name.removesuffix("_FILE") not in replaced}
    return {**kept, **missing, **engines}


def connector_environ(given: Mapping[str, str]) -> dict[str, str]:
    """What the `${env:NAME}` placeholders of the connector files mean here: nothing but well-formed words."""
    hosts = {f"QUARTET_{name}_MYSQL_HOST": _NOWHERE for name in ("SIGNUP", "LOGIN", "RPWD")}
    ports = {f"QUARTET_{name}_MYSQL_PORT": "3306" for name in ("SIGNUP", "LOGIN", "RPWD")}
    accounts = {
        f"QUARTET_{name}": "embedded" for name in ("CDC_USER", "CDC_PASSWORD", "SINK_USER", "SINK_PASSWORD")
    }
    others = {
        "QUARTET_MONGO_URI": f"mongodb://{_NOWHERE}/?replicaSet=embedded",
        "QUARTET_KAFKA_BOOTSTRAP": f"{_NOWHERE}:9092",
    }
    return {**hosts, **ports, **accounts, **others, **{name: value for name, value in given.items() if value}}
