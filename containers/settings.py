"""The platform's own settings: its data folder, the profile that its services get, and its ports."""

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from apps.web.settings import Profile, Setting, SettingsInvalid
from apps.web.settings import load as load_settings

TierName = Literal["embedded", "containers", "external"]
TIERS: tuple[TierName, ...] = get_args(TierName)

PROFILES: Mapping[TierName, Profile] = {
    "embedded": "development",
    "containers": "development",
    "external": "production",
}

PORTS = (
    Setting("SIGNUP_PORT", "port", "8080", help="port of sign-up"),
    Setting("ACTIVATION_PORT", "port", "4000", help="port of activation"),
    Setting("LOGIN_PORT", "port", "8000", help="port of login"),
    Setting("RESET_PASSWORD_PORT", "port", "4001", help="port of reset-password"),
    Setting("INBOX_PORT", "port", "8025", help="port of the development inbox, HTTP"),
    Setting("INBOX_SMTP_PORT", "port", "1025", help="port of the development inbox, SMTP"),
    Setting("CONNECT_PORT", "port", "8083", help="port of the Connect REST API"),
)

CONSOLE_PORT = Setting("CONSOLE_PORT", "port", "8088", help="port of the console; nothing listens there yet")
"""Part of the contract before the console is: a suite that sets it must not be refused."""

DATA = Setting("QUARTET_DATA", "text", ".quartet", help="data folder of the embedded tier")


def profile_setting(tier: TierName) -> Setting:
    """QUARTET_PROFILE with the default of this tier."""
    return Setting(
        "QUARTET_PROFILE",
        "choice",
        PROFILES[tier],
        choices=get_args(Profile),
        help="development or production rules",
    )


@dataclass(frozen=True)
class PlatformSettings:
    """`ports` by the name of their setting; `environ` is what the services' settings are read from."""

    tier: TierName
    data: Path
    profile: Profile
    ports: Mapping[str, int]
    environ: Mapping[str, str]


@dataclass(frozen=True)
class Catalogued:
    """One setting and who reads it."""

    setting: Setting
    used_by: tuple[str, ...]


def catalogue(tier: TierName) -> dict[str, Catalogued]:
    """Every setting that there is, by name: the platform's own, then those of the four services."""
    from apps.activation import settings as activation_settings
    from apps.login import settings as login_settings
    from apps.reset_password import settings as reset_password_settings
    from apps.signup import settings as signup_settings

    declared = {
        "platform": (DATA, profile_setting(tier), *PORTS, CONSOLE_PORT),
        "signup": signup_settings.SETTINGS,
        "activation": activation_settings.SETTINGS,
        "login": login_settings.SETTINGS,
        "reset_password": reset_password_settings.SETTINGS,
    }
    found: dict[str, Catalogued] = {}
    for user, settings in declared.items():
        for setting in settings:
            known = found.get(setting.name, Catalogued(setting, ()))
            found[setting.name] = Catalogued(known.setting, (*known.used_by, user))
    return found


def load(
    environ: Mapping[str, str] = os.environ, *, tier: TierName = "embedded", data: Path | None = None
) -> PlatformSettings:
    """The platform's settings; a data folder given as an option goes before QUARTET_DATA.

    Raises:
        SettingsInvalid: with every problem of these and of the services' settings. What the production profile
            requires is asked for by the services themselves.
    """
    declared = [catalogued.setting for catalogued in catalogue(tier).values()]
    values = load_settings(declared, environ, profile="development")
    ports = {setting.name: values[setting.name.lower()] for setting in PORTS}
    shared = [port for port, times in Counter(ports.values()).items() if times > 1]
    if shared:
        raise SettingsInvalid(
            [f"{' and '.join(n for n in ports if ports[n] == port)} must differ, and are {port}" for port in shared]
        )
    return PlatformSettings(tier, data or Path(values["quartet_data"]), values["quartet_profile"], ports, environ)


def data_folder(option: Path | None, environ: Mapping[str, str] = os.environ) -> Path:
    """The data folder alone, for commands that need no other setting."""
    return option or Path(environ.get(DATA.name) or str(DATA.default))
