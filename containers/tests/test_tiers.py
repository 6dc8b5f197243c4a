"""What the README of this room says of the tiers is what they are."""

import asyncio
import re
from pathlib import Path

import pytest

from apps.web.settings import SettingsInvalid
from containers import settings
from containers.commands.up import STANDS_IN, platform_of
from containers.engines import CAPABILITIES
from containers.folder import DataFolder

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    part = README.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_tiers_are_told_as_the_command_tells_them() -> None:
    """One line for each tier that starts, in the words that `quartet up` prints."""
    told = {row[0].strip("`"): (row[2], row[3]) for row in rows("Tiers")}
    assert told == STANDS_IN


def test_capabilities_are_told() -> None:
    """Each tag that a feature may carry, with the tiers that have what it needs."""
    told = {row[0].strip("`"): set(re.findall(r"`(\w+)`", row[2])) for row in rows("Capabilities")}
    known = {
        f"@needs_{capability}": {tier for tier, found in CAPABILITIES.items() if capability in found}
        for capability in frozenset().union(*CAPABILITIES.values())
    }
    assert told == known


def test_a_tier_without_its_settings_is_not_remembered(tmp_path: Path) -> None:
    """What has run before on the data folder still holds for the other verbs."""
    DataFolder(tmp_path).remember("embedded")
    wanted = settings.load({}, tier="external", data=tmp_path)
    with pytest.raises(SettingsInvalid):
        asyncio.run(platform_of(wanted, lambda part: None).__aenter__())
    assert DataFolder(tmp_path).last_tier() == "embedded"
