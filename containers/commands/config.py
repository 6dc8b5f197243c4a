"""Every setting with its value and where it came from: the answer of `quartet config`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from apps.web.settings import Setting, SettingsInvalid, given, origin
from containers import settings
from containers.embedded.environment import service_environ
from containers.folder import DataFolder
from containers.masking import masked_url
from containers.output import say, show_json, show_table
from containers.settings import PlatformSettings, TierName

MASK = "***"

GENERATED = frozenset(
    {
        "PASSWORD_PEPPER",
        "SIGNUP_PRIVATE_KEY",
        "LOGIN_PRIVATE_KEY",
        "RESET_PASSWORD_PRIVATE_KEY",
        "SIGNUP_PUBLIC_KEYS",
        "LOGIN_PUBLIC_KEYS",
    }
)
"""What the development profile makes at the first start and keeps in the data folder."""


@dataclass(frozen=True)
class Line:
    """One setting as it holds; `origin` is option, environment, file, default or generated."""

    name: str
    value: str | None
    origin: str
    help: str


def run(tier: TierName, data: Path | None, *, as_json: bool) -> None:
    """Prints every setting.

    Raises:
        SettingsInvalid: some do not hold; raised after all have been printed as they are given.
    """
    environ = settings.environment()
    try:
        wanted, invalid = settings.load(environ, tier=tier, data=data), None
    except SettingsInvalid as error:
        wanted, invalid = None, error
    lines = [line_of(setting, environ, data, wanted) for setting in settings.catalogue(tier)]
    if as_json:
        show_json({"tier": tier, "settings": [asdict(line) for line in lines]})
    else:
        show_table(("setting", "value", "origin"), [(line.name, line.value, line.origin) for line in lines])
        say("A name with _FILE after it sets the same from a file.")
    if invalid:
        raise invalid


def line_of(
    setting: Setting, environ: Mapping[str, str], data: Path | None, wanted: PlatformSettings | None
) -> Line:
    """The setting as the tier makes of it; without valid settings (`wanted`) as it is given."""
    effective = service_environ(wanted, DataFolder(wanted.data), {}) if wanted else environ
    is_secret = setting.kind in ("secret", "pem")
    where: str = origin(setting, environ)
    value = setting.default
    if setting == settings.DATA and data is not None:
        where, value = "option", str(data)
    elif where in ("environment", "file") and _holds(setting, environ, effective):
        value = MASK if is_secret else given(setting.name, environ) if wanted else environ.get(setting.name)
    elif setting.name in GENERATED and (wanted is None or wanted.profile == "development"):
        where, value = "generated", MASK
    else:
        where, value = "default", effective.get(setting.name, value)
    return Line(setting.name, value if value is None else masked_url(value), where, setting.help)


def _holds(setting: Setting, environ: Mapping[str, str], effective: Mapping[str, str]) -> bool:
    """Whether the tier takes what is given: an embedded platform names its engines itself."""
    names = (setting.name, f"{setting.name}_FILE")
    return any(environ.get(name) and effective.get(name) == environ[name] for name in names)
