"""The settings of the four services: what they declare, where it comes from, and whether it holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.activation import settings as activation_settings
from apps.login import settings as login_settings
from apps.reset_password import settings as reset_password_settings
from apps.signup import settings as signup_settings
from apps.web.settings import Setting, SettingsInvalid, given
from containers.settings import PlatformSettings, urls

_MODULES: Mapping[str, Any] = {
    "signup": signup_settings,
    "activation": activation_settings,
    "login": login_settings,
    "reset_password": reset_password_settings,
}

DECLARED: Mapping[str, Sequence[Setting]] = {name: module.SETTINGS for name, module in _MODULES.items()}
"""What each service reads."""


@dataclass(frozen=True)
class ServiceSettings:
    """The checked settings of the four services."""

    signup: signup_settings.Settings
    activation: activation_settings.Settings
    login: login_settings.Settings
    reset_password: reset_password_settings.Settings


def completed(settings: PlatformSettings, secrets: Mapping[str, str]) -> dict[str, str]:
    """The environment of services that are processes of their own, by name.

    What is given comes first, then secrets, then addresses after the ports.
    A setting that is given by NAME_FILE is read here: the file need not be where the service runs.
    """
    found = dict(secrets)
    for service, declared in DECLARED.items():
        found[f"PUBLIC_{service.upper()}_URL"] = urls(settings.ports)[service]
        for setting in declared:
            if text := given(setting.name, settings.environ):
                found[setting.name] = text
    return found


def load_services(environ: Mapping[str, str]) -> ServiceSettings:
    """The settings of the four services.

    Raises:
        SettingsInvalid: with every problem of each of them, told once.
    """
    found: dict[str, Any] = {}
    problems: list[str] = []
    for service, module in _MODULES.items():
        try:
            found[service] = module.load(environ)
        except SettingsInvalid as invalid:
            problems += invalid.problems
    if problems:
        raise SettingsInvalid(list(dict.fromkeys(problems)))
    return ServiceSettings(**found)
