"""Every setting with its value and where it came from: the answer of `quartet config`."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from apps.web.settings import SettingsInvalid, given
from containers import settings
from containers.commands.output import show_json, show_table
from containers.settings import Catalogued, PlatformSettings, TierName

MASK = "***"
SECRET_KINDS = frozenset({"secret", "pem"})


@dataclass(frozen=True)
class Line:
    """One setting as it holds; `origin` is environment, file, option, default or generated."""

    name: str
    value: str | None
    origin: str
    used_by: tuple[str, ...]
    help: str
