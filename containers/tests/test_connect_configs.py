"""The connector files: read as they are, and refused where real Connect would accept what then fails."""

import json
from pathlib import Path

import pytest

from containers.connect_configs import CONNECTOR_FILES, read_configs
from containers.engines import PlatformRefused

SINK, SOURCE = "login-sink-connector", "loginconnector"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for file in CONNECTOR_FILES.glob("*.json"):
        (tmp_path / file.name).write_text(file.read_text())
    return tmp_path


def change(files: Path, name: str, **options: str | None) -> None:
    file = files / f"{name}.json"
    found = json.loads(file.read_text())
    for option, value in options.items():
        found["config"].pop(option.replace("_", "."), None)
        if value is not None:
            found["config"][option.replace("_", ".")] = value
    file.write_text(json.dumps(found))


def test_the_shipped_files_are_read() -> None:
    """All seven, with their placeholders as they are: Connect fills them in."""
    configs = read_configs({})
    assert len(configs) == 7
    assert configs[SINK]["connection.password"] == "${env:QUARTET_SINK_PASSWORD}"


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        (SINK, {"insert_mode": "upsrt"}, "login-sink-connector: insert.mode: 'upsrt' is not one of insert"),
        (SINK, {"insert_mdoe": "upsert"}, "login-sink-connector: insert.mdoe: is not known"),
        (SINK, {"connection_password": "${env:QUARTET_SINK_PASWORD}"}, "QUARTET_SINK_PASWORD is not set"),
        (SINK, {"connection_url": "jdbc:mysql://h:1/elsewhere"}, "connection.url: names 0 of the databases"),
        (SOURCE, {"database_server_id": "184055"}, "database.server.id: 184055 is that of loginconnector"),
    ],
)
def test_what_connect_would_accept_and_fail_at_is_refused(
    files: Path, name: str, options: dict[str, str], told: str
) -> None:
    """With connector, option and reason, in the way of a wrong setting (exit code 2)."""
    change(files, name, **options)
    with pytest.raises(PlatformRefused) as refused:
        read_configs({}, files)
    assert told in str(refused.value)
    assert refused.value.exit_code == 2


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    """An installation without them would come up with nothing flowing."""
    with pytest.raises(PlatformRefused, match="holds no connector files"):
        read_configs({}, tmp_path)
