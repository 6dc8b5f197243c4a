"""The loader behind each service's settings.py: declarations and a mapping in, checked values out.

A value comes from NAME, or from the file that NAME_FILE names. Everything that is missing or malformed is
reported together, by name, and never with the value.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from environs import Env, EnvError

from apps.auth.hosts import is_host

Kind = Literal["text", "port", "seconds", "count", "url", "choice", "secret", "pem", "flag"]
Profile = Literal["development", "production"]
Origin = Literal["environment", "file", "default", "missing"]

TEN_YEARS = 315_360_000  # seconds: beyond it a date arithmetic error is likelier than a wish
MOST = 1_000_000
_PEM = re.compile(r"-----BEGIN [A-Z ]+-----")
_WEB = ("http:", "https:")
_NOT_IN_A_BASE = re.compile(r"[\s?#]")


@dataclass(frozen=True)
class Setting:
    """One environment variable.

    name: as in the environment; the loaded value is found under name.lower().
    kind: "url" values of http and https lose their trailing slash; "secret" and "pem" become a Secret.
    default: as text; None: no value unless one is given.
    choices: the words of a "choice", the permitted schemes of a "url".
    minimum: of a number; 0 for seconds and 1 for counts if not given.
    check: what is wrong with the text, to be read after the name ("is too short"), or None; not asked of a
        default.
    """

    name: str
    kind: Kind = "text"
    default: str | None = None
    required_in_production: bool = False
    choices: Sequence[str] = ()
    help: str = ""
    minimum: int | None = None
    check: Callable[[str], str | None] | None = None


class Secret:
    """A value that must not be seen; only reveal() gives it out."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


class SettingsInvalid(Exception):
    """Some settings are missing or malformed; `problems` has a line for each, naming it."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = list(problems)


class _MappingEnv(Env):
    """environs over one given text instead of the environment; a default is parsed like what is given."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}

    def _get_value(self, env_key: str, default: Any) -> Any:
        return self.texts.get(env_key, default)


def load(settings: Sequence[Setting], environ: Mapping[str, str], *, profile: str) -> dict[str, Any]:
    """The values by name.lower(), so that a frozen dataclass can be made with **load(...).

    Raises:
        SettingsInvalid: with every problem of every setting.
    """
    values, problems = dict[str, Any](), list[str]()
    for setting in settings:
        try:
            values[setting.name.lower()] = _value(setting, environ, profile)
        except _Problem as problem:
            problems.append(f"{setting.name} {problem}")
    if problems:
        raise SettingsInvalid(problems)
    return values


def origin(setting: Setting, environ: Mapping[str, str]) -> Origin:
    """Where the setting's value comes from."""
    if environ.get(setting.name):
        return "environment"
    if environ.get(f"{setting.name}_FILE"):
        return "file"
    return "missing" if setting.default is None else "default"


def given(name: str, environ: Mapping[str, str]) -> str | None:
    """The text of NAME or of the file NAME_FILE; an empty one counts as not given.

    Raises:
        _Problem: both are set, or the file cannot be read.
    """
    text, path = environ.get(name), environ.get(f"{name}_FILE")
    if text and path:
        raise _Problem(f"is set, and {name}_FILE too: set only one of them")
    if path:
        try:
            text = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise _Problem(f"cannot be read from the file that {name}_FILE names") from error
    return text or None


class _Problem(Exception):
    """What is wrong with one setting, to be read after its name."""


def _value(setting: Setting, environ: Mapping[str, str], profile: str) -> Any:
    text = given(setting.name, environ)
    if text is None and profile == "production" and setting.required_in_production:
        raise _Problem("is required in the production profile and not set")
    used = setting.default if text is None else text
    if used is None:
        return None
    env = _MappingEnv()
    env.texts[setting.name] = used
    value = _READERS[setting.kind](setting, env)
    if text is not None and setting.check:
        complaint = setting.check(value.reveal() if isinstance(value, Secret) else text)
        if complaint:
            raise _Problem(complaint)
    return value


def _text(setting: Setting, env: _MappingEnv) -> str:
    value: str = env.str(setting.name)
    if any(ord(sign) < 32 and sign not in "\n\r\t" for sign in value):
        raise _Problem("must not hold control characters")
    return value


def _number(lowest: int, highest: int, what: str) -> Callable[[Setting, _MappingEnv], int]:
    def read(setting: Setting, env: _MappingEnv) -> int:
        least = lowest if setting.minimum is None else setting.minimum
        try:
            value: int = env.int(setting.name)
        except (EnvError, ValueError):
            value = least - 1
        if not least <= value <= highest:
            raise _Problem(f"must be {what} from {least} to {highest}")
        return value

    return read


def _choice(setting: Setting, env: _MappingEnv) -> str:
    value = _text(setting, env)
    if value not in setting.choices:
        raise _Problem(f"must be one of {', '.join(setting.choices)}")
    return value


def _url(setting: Setting, env: _MappingEnv) -> str:
    value = _text(setting, env)
    if not _is_base_url(value, setting.choices):
        schemes = f" ({', '.join(setting.choices)})" if setting.choices else ""
        raise _Problem(f"must be a URL{schemes}, without blanks, query and fragment")
    return value.rstrip("/") if value.startswith(_WEB) else value


def _is_base_url(text: str, schemes: Sequence[str]) -> bool:
    """Whether a path can be put behind it."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    is_whole = is_host(parts.hostname or "") if text.startswith(_WEB) else bool(parts.netloc or parts.path)
    is_wanted = parts.scheme in schemes if schemes else bool(parts.scheme)
    return is_whole and is_wanted and port != 0 and not _NOT_IN_A_BASE.search(text)


def _flag(setting: Setting, env: _MappingEnv) -> bool:
    try:
        return bool(env.bool(setting.name))
    except (EnvError, ValueError):
        raise _Problem("must be true or false") from None


def _secret(setting: Setting, env: _MappingEnv) -> Secret:
    return Secret(_text(setting, env))


def _pem(setting: Setting, env: _MappingEnv) -> Secret:
    value = _text(setting, env).replace("\\n", "\n")  # how PEM is written into one line of an env file
    if not _PEM.search(value):
        raise _Problem("must be in PEM form")
    return Secret(value)


_READERS: Mapping[Kind, Callable[[Setting, _MappingEnv], Any]] = {
    "text": _text,
    "port": _number(1, 65535, "a port"),
    "seconds": _number(0, TEN_YEARS, "a whole number of seconds"),
    "count": _number(1, MOST, "a whole number"),
    "url": _url,
    "choice": _choice,
    "secret": _secret,
    "pem": _pem,
    "flag": _flag,
}
