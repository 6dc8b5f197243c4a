"""The environment of the services where each of them is a process of its own."""

from collections.abc import Mapping, Sequence

from apps.activation import settings as activation
from apps.login import settings as login
from apps.reset_password import settings as reset_password
from apps.signup import settings as signup
from apps.web.settings import Setting, given
from containers.settings import PlatformSettings, urls

DECLARED: Mapping[str, Sequence[Setting]] = {
    "signup": signup.SETTINGS,
    "activation": activation.SETTINGS,
    "login": login.SETTINGS,
    "reset_password": reset_password.SETTINGS,
}
"""What each service reads."""


def completed(settings: PlatformSettings, secrets: Mapping[str, str]) -> dict[str, str]:
    """The settings of all services, by name: what is given, then secrets, then addresses after the ports.

    A setting that is given by NAME_FILE is read here: the file need not be where the service runs.
    """
    found = dict(secrets)
    for service, declared in DECLARED.items():
        found[f"PUBLIC_{service.upper()}_URL"] = urls(settings.ports)[service]
        for setting in declared:
            if text := given(setting.name, settings.environ):
                found[setting.name] = text
    return found
