"""The tables of the READMEs say what the code does."""

import configparser
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx
import pytest

from containers.process import PlatformProcess
from containers.settings import catalogue

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SERVICES = ("signup", "activation", "login", "reset-password")


def table(text: str, heading: str) -> list[list[str]]:
    """The rows of the first table from a heading, or from its own head line, on; without the head."""
    rows: list[list[str]] = []
    for line in text[text.index(heading) :].splitlines():
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif rows:
            break
    return rows[2:]


def quick_start() -> list[str]:
    part = README[README.index("## Quick start") :].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)\n```", part, re.DOTALL)


def test_quick_start_is_two_lines() -> None:
    """Two fenced blocks of one line each: the platform, and its proof."""
    assert [len(block.splitlines()) for block in quick_start()] == [1, 1]
    assert quick_start()[0].endswith("quartet up")


def test_settings_are_those_of_the_code() -> None:
    """Every setting with its default, and none that the code does not know."""
    said = {row[0].strip("`"): row[1].strip("`") for row in table(README, "## Settings")}
    known = {setting.name: setting.default or "" for setting in catalogue()}
    assert said == known


def test_connectors_are_those_of_the_folder() -> None:
    """The main README and that of the folder list the seven files."""
    files = {path.stem for path in (ROOT / "connect-configs").glob("*.json")}
    assert len(files) == 7
    assert {row[0].strip("`") for row in table(README, "## Connectors")} == files
    wiring = (ROOT / "connect-configs" / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in wiring for name in files)


@pytest.mark.parametrize("readme", ["README.md", "features/README.md"])
def test_tags_are_those_declared(readme: str) -> None:
    """Every declared tag is explained in the words of its declaration."""
    text = (ROOT / readme).read_text(encoding="utf-8")
    said = [(row[0].strip("`@"), row[1]) for row in table(text, "| tag | meaning |")]
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert said == [tuple(marker.split(": ", 1)) for marker in options["markers"]]


def test_environments_are_those_of_tox() -> None:
    """`tox list` and the README agree, in order and in words."""
    listed = subprocess.run(
        [sys.executable, "-m", "tox", "list", "-qq"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    described = re.findall(r"^(\S+)\s+-> (.+)$", listed, re.MULTILINE)
    assert [(row[0].strip("`"), row[1]) for row in table(README, "## Tests")] == described


def test_each_environment_is_run_by_a_label() -> None:
    """`test` leaves none out that needs no engine, and `real` none that does."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "tox.ini")
    labels = dict(line.split(" = ") for line in parser["tox"]["labels"].strip().splitlines())
    needs_docker = [name.strip("`") for name, words in table(README, "## Tests") if "needs Docker" in words]
    assert labels["test"] == parser["tox"]["env_list"]
    assert labels["real"] == ", ".join(needs_docker)


def test_the_api_table_is_what_the_services_say(tmp_path: Path) -> None:
    """Every route of the table is in the service's own document, and every one of these in the table."""
    said = set()
    for service, requests, _ in table(README, "## API"):
        for method, path in re.findall(r"`(GET|POST|DELETE) (\S+)`", requests):
            said |= {(one, method, path) for one in (SERVICES if service == "each" else [service])}
    platform = PlatformProcess(tmp_path, "embedded", {})
    platform.start()
    try:
        known = set()
        for service in SERVICES:
            url = platform.tier.urls[service.replace("-", "_")]
            paths = httpx.get(f"{url}/openapi.json").json()["paths"]
            known |= {
                (service, method.upper(), path)
                for path, methods in paths.items()
                for method in methods
                if method in {"get", "post", "delete", "put", "patch"}
            }
    finally:
        platform.stop()
    assert said == known


def test_exit_codes_are_those_of_the_command(tmp_path: Path) -> None:
    """Each code of the table is one that the command ends with."""
    assert [row[0] for row in table(README, "| exit code | meaning |")] == ["0", "1", "2", "3"]
    ends = {
        0: ["config", "--json"],
        2: ["no-such-command"],
        3: ["status", "--data", str(tmp_path)],
    }
    for code, arguments in ends.items():
        ended = subprocess.run(
            [sys.executable, "-m", "containers", *arguments], cwd=ROOT, capture_output=True, check=False
        )
        assert ended.returncode == code, (arguments, ended.stderr)


def test_rooms_have_a_readme() -> None:
    """Every room of the house says what lives in it."""
    rooms = [
        "apps",
        *(f"apps/{room}" for room in ("auth", "web", "storage", "events", "mail")),
        *(f"apps/{room.replace('-', '_')}" for room in SERVICES),
        "connect-configs",
        "containers",
        "containers/embedded",
        "containers/bench",
        "features",
        "steps",
    ]
    assert [room for room in rooms if not (ROOT / room / "README.md").is_file()] == []


def test_services_have_the_same_files() -> None:
    """A file that a service does not need is absent, never renamed."""
    allowed = {
        "README.md",
        "__init__.py",
        "__main__.py",
        *(f"{name}.py" for name in ("app", "settings", "routes", "handlers", "domain")),
        *(f"{name}.py" for name in ("store", "tables", "consumers")),
        "templates",
        "tests",
    }
    for service in SERVICES:
        folder = ROOT / "apps" / service.replace("-", "_")
        assert {path.name for path in folder.iterdir() if path.name != "__pycache__"} <= allowed


def test_lock_files_hold_no_address() -> None:
    """Names, versions, markers and hashes: nothing of where somebody's packages came from."""
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        assert "--hash=sha256:" in text


def test_config_prints_every_setting() -> None:
    """`quartet config --json` knows the same settings as the table."""
    said = subprocess.run(
        [sys.executable, "-m", "containers", "config", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert {setting["name"] for setting in json.loads(said)["settings"]} >= {
        setting.name for setting in catalogue()
    }
