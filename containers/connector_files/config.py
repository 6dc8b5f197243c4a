"""Reads connector configurations: every option known, every value sound, every placeholder filled in.

One truth for the data flow: the files in connect-configs/ are read as real Connect would read them, and
what this engine cannot do as they say is refused by name instead of done differently.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from containers.connector_files.options import (
    ALIASES,
    JDBC,
    OPTIONS,
    OTHER_JDBC,
    REMOVED,
    REMOVED_PREFIX,
    ROUTER,
    TRANSFORMS,
    UNWRAP_DOCUMENT,
    UNWRAP_ROW,
    Option,
)

Config = dict[str, str]

_PLACEHOLDER = re.compile(r"\$\{(\w+):([^}]*)\}")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a configuration."""

    option: str
    reason: str


class ConfigInvalid(ValueError):
    """A configuration that must not run; the message names the connector, each option and each reason."""

    def __init__(self, connector: str, problems: Collection[Problem]) -> None:
        self.connector, self.problems = connector, tuple(problems)
        told = "; ".join(f"{problem.option}: {problem.reason}" for problem in problems)
        super().__init__(f"{connector}: {told}")


class ClassUnknown(ConfigInvalid):
    """The configuration asks for a connector that is not there."""

    def __init__(self, connector: str, name: str) -> None:
        self.class_name = name
        known = ", ".join(OPTIONS)
        super().__init__(connector, [Problem("connector.class", f"{name!r} is none of {known}")])


def read_folder(folder: Path) -> dict[str, Config]:
    """The configurations in a folder of `<connector name>.json` files, by connector name, unresolved.

    Raises:
        ConfigInvalid: a file is not JSON, or is not the configuration of the connector it is named after.
    """
    return {path.stem: _read_file(path) for path in sorted(folder.glob("*.json"))}


def as_texts(config: Mapping[object, object]) -> Config:
    """The options as Connect keeps them: JSON numbers and truth values become texts.

    Raises:
        TypeError: a value is an object, an array or null.
    """
    texts = {}
    for option, value in config.items():
        if not isinstance(value, str | int | float):
            raise TypeError(f"the value of {option!r} is not a text")
        texts[str(option)] = value if isinstance(value, str) else json.dumps(value)
    return texts


def check(connector: str, config: Mapping[str, str], environ: Mapping[str, str]) -> "Values":
    """The checked values of a configuration, its placeholders filled in from `environ`.

    Raises:
        ConfigInvalid: with every problem at once.
    """
    class_name = config.get("connector.class", "")
    if class_name in OTHER_JDBC:
        class_name, config = JDBC, _translated(config)
    elif class_name not in OPTIONS:
        raise ClassUnknown(connector, class_name)
    options, problems = _options(class_name, config), []
    values = {name: option.default for name, option in options.items() if option.default is not None}
    for name, raw in config.items():
        option = options.get(name)
        if option is None:
            problems.append(Problem(name, _why_unknown(name, options)))
            continue
        value, missing = _filled(raw, environ)
        reason = missing or _why_wrong(option, value)
        if reason:
            problems.append(Problem(name, reason))
        values[name] = value
    problems += [
        Problem(name, "is missing")
        for name, option in options.items()
        if option.required and not config.get(name, "").strip()
    ]
    if not problems and int(values.get("max.queue.size", 1)) <= int(values.get("max.batch.size", 0)):
        problems.append(Problem("max.queue.size", "must be larger than max.batch.size"))
    if problems:
        raise ConfigInvalid(connector, problems)
    return Values(connector, class_name, values)


class Values:
    """The values of a configuration that has been checked, and room for what is found wrong later."""

    def __init__(self, connector: str, class_name: str, values: Mapping[str, str]) -> None:
        self.connector, self.class_name = connector, class_name
        self._values = values

    def text(self, option: str) -> str:
        return self._values.get(option, "").strip()

    def flag(self, option: str) -> bool:
        return self.text(option).lower() == "true"

    def count(self, option: str) -> int:
        return int(self.text(option))

    def list(self, option: str) -> tuple[str, ...]:
        return tuple(_parts(self.text(option)))

    def patterns(self, option: str) -> "Patterns":
        return Patterns(self.list(option))

    def refuse(self, option: str, reason: str) -> ConfigInvalid:
        return ConfigInvalid(self.connector, [Problem(option, reason)])


class Patterns:
    """A Debezium list of regular expressions: each matches a whole name, upper and lower case alike."""

    def __init__(self, patterns: Collection[str], *, literal: bool = False) -> None:
        self._patterns = [
            re.compile(re.escape(pattern) if literal else pattern, re.IGNORECASE) for pattern in patterns
        ]

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def matches(self, name: str) -> bool:
        return any(pattern.fullmatch(name) for pattern in self._patterns)


def _read_file(path: Path) -> Config:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        config = as_texts(found["config"])
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        problem = Problem(path.name, f'is not {{"name": ..., "config": {{...}}}} in JSON ({error})')
        raise ConfigInvalid(path.stem, [problem]) from error
    if found.get("name") != path.stem:
        raise ConfigInvalid(path.stem, [Problem("name", f"is not {path.stem!r}, as the file is called")])
    return config


def _options(class_name: str, config: Mapping[str, str]) -> dict[str, Option]:
    """The options that this configuration may have, those of its transforms among them."""
    options = dict(OPTIONS[class_name])
    for alias in _parts(config.get("transforms", "")) if "transforms" in options else ():
        option = f"transforms.{alias}.type"
        kind = config.get(option, "")
        unwrap = UNWRAP_DOCUMENT if "collection.include.list" in options else UNWRAP_ROW
        options[option] = Option("choice", choices=(unwrap, ROUTER), required=True, used=True)
        if kind in (unwrap, ROUTER):
            prefix = f"transforms.{alias}."
            options |= {prefix + name: described for name, described in TRANSFORMS[kind].items()}
    return options


def _translated(config: Mapping[str, str]) -> Config:
    """A configuration for OTHER_JDBC in Debezium's words."""
    ddl = {"auto.create", "auto.evolve"}
    translated = {ALIASES.get(name, name): value for name, value in config.items() if name not in ddl}
    changes_tables = any(config.get(name, "false").lower() != "false" for name in ddl)
    return translated | {"connector.class": JDBC, "schema.evolution": "basic" if changes_tables else "none"}


def _why_unknown(name: str, options: Mapping[str, Option]) -> str:
    strange = sorted({f"U+{ord(character):04X}" for character in name if not " " < character <= "~"})
    if strange:
        meant = "".join(character for character in name if " " < character <= "~")
        meant = _replacement(meant) or meant
        return f"holds {', '.join(strange)}, so that nothing reads it: write {meant}"
    replacement = _replacement(name)
    if replacement and replacement != name:
        return f"no longer exists: write {replacement}"
    if name.startswith("transforms.") and ".".join([*name.split(".")[:2], "type"]) not in options:
        return "belongs to a transform that `transforms` does not list"
    return "is not known: misspelt, or still missing in connector_files/options.py"


def _replacement(name: str) -> str | None:
    old, new = REMOVED_PREFIX
    if name.startswith(old):
        return new + name.removeprefix(old)
    head, _, last = name.rpartition(".") if name.startswith("transforms.") else ("", "", name)
    if name.startswith("transforms."):
        head = ".".join(name.split(".")[:2]) + "."
        last = name.removeprefix(head)
    return head + REMOVED[last] if last in REMOVED else None


def _filled(raw: str, environ: Mapping[str, str]) -> tuple[str, str | None]:
    """The value with its placeholders filled in, and what is wrong with them."""
    problems = []

    def fill(match: re.Match[str]) -> str:
        provider, name = match[1], match[2]
        if provider != "env":
            problems.append(f"{match[0]} is not of the form ${{env:NAME}}")
        elif name not in environ:
            problems.append(f"{name} is not set in the environment")
        return environ.get(name, "")

    value = _PLACEHOLDER.sub(fill, raw)
    return value, problems[0] if problems else None


def _why_wrong(option: Option, value: str) -> str | None:
    if value.strip() in option.refused:
        return f"{value.strip()!r} is refused: {option.refused[value.strip()]}"
    return _CHECKS[option.kind](option, value.strip())


def _wrong_count(_: Option, value: str) -> str | None:
    return None if value.isascii() and value.isdigit() else f"{value!r} is not a whole number"


def _wrong_positive(_: Option, value: str) -> str | None:
    is_positive = value.isascii() and value.isdigit() and int(value) > 0
    return None if is_positive else f"{value!r} is not a whole number above 0"


def _wrong_name(_: Option, value: str) -> str | None:
    is_name = re.fullmatch(r"[A-Za-z0-9_.-]+", value)
    return None if is_name else f"{value!r} holds other signs than letters, digits, '.', '_' and '-'"


def _wrong_mongodb(_: Option, value: str) -> str | None:
    """The value may hold a password."""
    is_address = value.startswith(("mongodb://", "mongodb+srv://"))
    return None if is_address else "does not begin with mongodb:// or mongodb+srv://"


def _wrong_boolean(_: Option, value: str) -> str | None:
    return None if value.lower() in ("true", "false") else f"{value!r} is neither true nor false"


def _wrong_choice(option: Option, value: str) -> str | None:
    return None if value in option.choices else f"{value!r} is not one of {', '.join(option.choices)}"


def _wrong_choices(option: Option, value: str) -> str | None:
    return next((reason for part in _parts(value) if (reason := _wrong_choice(option, part))), None)


def _wrong_pattern(_: Option, value: str) -> str | None:
    try:
        re.compile(value)
    except re.error as error:
        return f"{value!r} is not a regular expression ({error})"
    return None


def _wrong_patterns(option: Option, value: str) -> str | None:
    return next((reason for part in _parts(value) if (reason := _wrong_pattern(option, part))), None)


_CHECKS: Mapping[str, Callable[[Option, str], str | None]] = {
    "text": lambda option, value: None,
    "list": lambda option, value: None,
    "name": _wrong_name,
    "mongodb": _wrong_mongodb,
    "count": _wrong_count,
    "positive": _wrong_positive,
    "boolean": _wrong_boolean,
    "choice": _wrong_choice,
    "choices": _wrong_choices,
    "pattern": _wrong_pattern,
    "patterns": _wrong_patterns,
}


def _parts(text: str) -> Iterator[str]:
    return (part for part in map(str.strip, text.split(",")) if part)
