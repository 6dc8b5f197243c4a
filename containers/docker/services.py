"""The four services and the inbox as parts, each service with its own settings and no other's."""

from collections.abc import Mapping

from containers.docker.image_names import INBOX, SERVICES
from containers.docker.parts import Part
from containers.docker.probes import answers, greets_on
from containers.embedded.inbox_alone import HTTP_PORT, MAILS, SMTP_PORT
from containers.service_settings import DECLARED, completed
from containers.settings import LOCALHOST, PlatformSettings, is_given

NEEDS = {
    "signup": ("signup_mysql", "kafka"),
    "activation": ("mongodb1", "kafka"),
    "login": ("login_mysql",),
    "reset_password": ("rpwd_mysql",),
}

SECRETS_FOLDER = "/run/secrets"
SERVICE_MEMORY_MIB = 256
INBOX_MEMORY_MIB = 192


def host_name(service: str) -> str:
    """The name of a service's container: a host name holds no underscore."""
    return service.replace("_", "-")


def service_environ(
    settings: PlatformSettings, engines: Mapping[str, str], secrets: Mapping[str, str]
) -> dict[str, str]:
    """The environment from which every service takes its own part.

    Engines are those of this tier, whatever the environment names; mail goes to the inbox unless another
    server is named.
    """
    found = completed(settings, secrets)
    found |= {f"{service.upper()}_PORT": str(_inner_port(service)) for service in DECLARED}
    if settings.profile == "development" and not is_given("SMTP_HOST", settings.environ):
        found |= {"SMTP_HOST": "inbox", "SMTP_PORT": str(SMTP_PORT)}
    own = {"QUARTET_PROFILE": settings.profile, "LISTEN_HOST": "0.0.0.0"}  # noqa: S104 - in its container
    return {**found, **engines, **own}


def service_parts(settings: PlatformSettings, environ: Mapping[str, str]) -> list[Part]:
    """The four services; `environ` as service_environ() makes it."""
    return [_service_part(service, settings, environ) for service in DECLARED]


def _service_part(service: str, settings: PlatformSettings, environ: Mapping[str, str]) -> Part:
    variables: dict[str, str] = {}
    files: dict[str, str] = {}
    for setting in DECLARED[service]:
        if (text := environ.get(setting.name)) is None:
            continue
        if setting.kind in ("secret", "pem"):  # `docker inspect` shows variables to whoever may ask
            path = f"{SECRETS_FOLDER}/{setting.name}"
            variables[f"{setting.name}_FILE"], files[path] = path, text
        else:
            variables[setting.name] = text
    port = settings.ports[f"{service.upper()}_PORT"]
    return Part(
        name=host_name(service),
        image=SERVICES,
        command=(f"apps.{service}",),
        environment=variables,
        files=files,
        ports={_inner_port(service): port},
        needs=NEEDS[service],
        probe=answers(f"http://{LOCALHOST}:{port}/readyz"),
        memory_mib=SERVICE_MEMORY_MIB,
    )


def inbox_part(settings: PlatformSettings) -> Part:
    """The development inbox."""
    http, smtp = settings.ports["INBOX_PORT"], settings.ports["INBOX_SMTP_PORT"]
    return Part(
        name="inbox",
        image=INBOX,
        ports={HTTP_PORT: http, SMTP_PORT: smtp},
        volumes={"inbox": str(MAILS.parent)},
        probe=greets_on(smtp),
        memory_mib=INBOX_MEMORY_MIB,
    )


def _inner_port(service: str) -> int:
    """The port inside the container, which is the setting's default, whatever this machine publishes."""
    (port,) = (setting.default for setting in DECLARED[service] if setting.name == f"{service.upper()}_PORT")
    return int(port or 0)
