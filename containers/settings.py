"""The platform's own settings: its data folder, the profile that its services get, and its ports."""

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
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

SERVICES = ("signup", "activation", "login", "reset_password")

LOCALHOST = "127.0.0.1"

PORTS = (
    Setting("SIGNUP_PORT", "port", "8080", help="port of sign-up"),
    Setting("ACTIVATION_PORT", "port", "4000", help="port of activation"),
    Setting("LOGIN_PORT", "port", "8000", help="port of login"),
    Setting("RESET_PASSWORD_PORT", "port", "4001", help="port of reset-password"),
    Setting("INBOX_PORT", "port", "8025", help="port of the development inbox, HTTP"),
    Setting("INBOX_SMTP_PORT", "port", "1025", help="port of the development inbox, SMTP"),
    Setting("CONNECT_PORT", "port", "8083", help="port of the Connect REST API"),
)

CONSOLE_PORT = Setting("CONSOLE_PORT", "port", "8088", help="port of the console")
"""Not among PORTS: a platform that does not get it by default runs without a console."""

EXTERNAL = (
    Setting(
        "CONNECT_URL",
        "url",
        choices=("http", "https"),
        help="external tier: the Connect REST API, if not at CONNECT_PORT",
    ),
    Setting(
        "INBOX_URL",
        "url",
        choices=("http", "https"),
        help="external tier: an inbox with Mailpit's REST API, for quartet inbox and demo",
    ),
)
"""Addresses of the external tier that no service knows of."""

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
    """`ports` by the name of their setting; `environ` is what the services' settings are read from.

    console_port: the console's, which is not among `ports`: a platform runs without one, too.
    keep: on the containers tier, whether the volumes outlive the platform.
    """

    tier: TierName
    data: Path
    profile: Profile
    ports: Mapping[str, int]
    environ: Mapping[str, str]
    console_port: int
    keep: bool = False

    @property
    def chosen_console_port(self) -> dict[str, int]:
        """The console's port, by its name, if somebody has chosen it: then it must be free."""
        is_chosen = self.profile == "development" and is_given(CONSOLE_PORT.name, self.environ)
        return {CONSOLE_PORT.name: self.console_port} if is_chosen else {}


def catalogue(tier: TierName = "embedded") -> list[Setting]:
    """Every setting that there is, each once: the platform's own, then those of the four services.

    Where both declare one, the platform's declaration holds: only it knows the tier.
    """
    from apps.activation import settings as activation
    from apps.login import settings as login
    from apps.reset_password import settings as reset_password
    from apps.signup import settings as signup

    own = (DATA, profile_setting(tier), *PORTS, CONSOLE_PORT, *EXTERNAL)
    services = (signup.SETTINGS, activation.SETTINGS, login.SETTINGS, reset_password.SETTINGS)
    found: dict[str, Setting] = {}
    for setting in chain(own, *services):
        found.setdefault(setting.name, setting)
    return list(found.values())


def environment() -> Mapping[str, str]:
    """The environment of this process."""
    return os.environ


def load(
    environ: Mapping[str, str] = os.environ, *, tier: TierName = "embedded", data: Path | None = None
) -> PlatformSettings:
    """The platform's settings; a data folder given as an option goes before QUARTET_DATA.

    Raises:
        SettingsInvalid: with every problem of these and of the services' settings. What the production
            profile requires is asked for by the services themselves.
    """
    values = load_settings(catalogue(tier), environ, profile="development")
    ports = {setting.name: values[setting.name.lower()] for setting in PORTS}
    console_port = values[CONSOLE_PORT.name.lower()]
    claimed = {**ports, CONSOLE_PORT.name: console_port}
    shared = [port for port, times in Counter(claimed.values()).items() if times > 1]
    if shared:
        raise SettingsInvalid(
            [
                f"{' and '.join(n for n in claimed if claimed[n] == port)} must differ, and are {port}"
                for port in shared
            ]
        )
    return PlatformSettings(
        tier,
        data or Path(values["quartet_data"]),
        values["quartet_profile"],
        ports,
        environ,
        console_port,
    )


def data_folder(option: Path | None, environ: Mapping[str, str] = os.environ) -> Path:
    """The data folder alone, for commands that need no other setting.

    Raises:
        SettingsInvalid: the file that QUARTET_DATA_FILE names cannot be read, or both are set.
    """
    return option or Path(load_settings([DATA], environ, profile="development")["quartet_data"])


def urls(ports: Mapping[str, int]) -> dict[str, str]:
    """The base URLs of the services, of the inbox and of the Connect REST API, for people and links."""
    names = (*SERVICES, "inbox", "connect")
    return {name: f"http://localhost:{ports[f'{name.upper()}_PORT']}" for name in names}


def is_given(name: str, environ: Mapping[str, str]) -> bool:
    """Whether the environment sets this, by NAME or by NAME_FILE."""
    return bool(environ.get(name) or environ.get(f"{name}_FILE"))
