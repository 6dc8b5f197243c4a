"""What the REST API tells of connector classes: their list, and the verdict on a configuration."""

from collections.abc import Callable, Mapping
from typing import Any

from containers.connector_files.config import ConfigInvalid
from containers.connector_files.options import JDBC, OPTIONS, Kind, Option
from containers.embedded.connector import WORKER

_TYPES: Mapping[Kind, str] = {
    "text": "STRING",
    "name": "STRING",
    "mongodb": "STRING",
    "choice": "STRING",
    "pattern": "STRING",
    "count": "LONG",
    "positive": "LONG",
    "boolean": "BOOLEAN",
    "list": "LIST",
    "choices": "LIST",
    "patterns": "LIST",
}
_ENGINE_ONLY = "Checked and kept for real Connect; it means nothing to the embedded engine."


def plugins() -> list[dict[str, str]]:
    """The connector classes that may be asked for."""
    return [
        {"class": name, "type": "sink" if name == JDBC else "source", "version": WORKER} for name in OPTIONS
    ]


def validation(
    check: Callable[[str, Mapping[str, str]], object], config: Mapping[str, str]
) -> dict[str, Any]:
    """The verdict on a configuration, option by option, in the shape of Connect's validate endpoint."""
    class_name = config["connector.class"]
    problems: dict[str, list[str]] = {}
    try:
        check(config.get("name", class_name), config)
    except ConfigInvalid as invalid:
        for problem in invalid.problems:
            problems.setdefault(problem.option, []).append(problem.reason)
    options = OPTIONS.get(class_name, {})
    names = dict.fromkeys([*options, *config, *problems])
    return {
        "name": class_name,
        "error_count": sum(map(len, problems.values())),
        "groups": [],
        "configs": [
            {
                "definition": _definition(name, options.get(name, Option())),
                "value": {
                    "name": name,
                    "value": config.get(name, options.get(name, Option()).default),
                    "recommended_values": list(options.get(name, Option()).choices),
                    "errors": problems.get(name, []),
                    "visible": True,
                },
            }
            for name in names
        ],
    }


def _definition(name: str, option: Option) -> dict[str, Any]:
    return {
        "name": name,
        "type": _TYPES[option.kind],
        "required": option.required,
        "default_value": option.default,
        "documentation": "" if option.used else _ENGINE_ONLY,
    }
