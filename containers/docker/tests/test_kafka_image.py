"""What the image of Kafka and Connect is built from, and how its entry script starts them."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

IMAGE = Path(__file__).parents[1] / "images/kafka"

JAVA = """#!/bin/sh
printf '%s\\n' "$*" >> "$TOLD"
env >> "$TOLD.env"
for last; do :; done
case $* in
*StorageTool*) [ -z "$FAILS" ] || exit 1; mkdir -p "$(sed -n 's/^log.dirs=//p' "$last")" ;;
*) cat "$last" >> "$TOLD.settings" ;;
esac
"""
"""Stands in for Java: writes down how it was called, and formats as Kafka's tool does."""


class Started:
    """One run of the entry script, with a Java that only writes down what it is told."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.data = folder / "data"
        java = folder / "bin/java"
        java.parent.mkdir()
        java.write_text(JAVA)
        java.chmod(0o755)

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        self.data.mkdir(exist_ok=True)
        environ = {
            "PATH": f"{self._folder / 'bin'}:{os.defpath}",
            "TMPDIR": str(self._folder),
            "TOLD": str(self._folder / "told"),
            "QUARTET_KAFKA_DATA": str(self.data),
            **variables,
        }
        command = ["/bin/sh", str(IMAGE / "entry"), *arguments]
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)

    @property
    def calls(self) -> list[str]:
        return (self._folder / "told").read_text().splitlines()

    @property
    def environment(self) -> list[str]:
        return (self._folder / "told.env").read_text().splitlines()

    @property
    def settings(self) -> Mapping[str, str]:
        lines = (self._folder / "told.settings").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.fixture
def entry(tmp_path: Path) -> Started:
    return Started(tmp_path)


def test_the_broker_formats_its_folder_once(entry: Started) -> None:
    """A second start finds the data of the first."""
    assert entry.run("broker", FAILS="").returncode == 0
    assert entry.run("broker", FAILS="").returncode == 0
    assert [("StorageTool" in call) for call in entry.calls] == [True, False, False]
    assert entry.settings["log.dirs"] == str(entry.data / "log")


def test_a_format_that_failed_is_done_again(entry: Started) -> None:
    """A kill while formatting leaves nothing that the next start takes for data."""
    assert entry.run("broker", FAILS="yes").returncode != 0
    (entry.data / "new/half-written").mkdir(parents=True)
    assert entry.run("broker", FAILS="").returncode == 0
    assert (entry.data / "log").is_dir()
    assert not list(entry.data.rglob("half-written"))


def test_the_broker_tells_clients_where_it_is(entry: Started) -> None:
    """Containers by name, this machine by the port that is published."""
    entry.run("broker", FAILS="", QUARTET_KAFKA_PORT="29092")
    assert entry.settings["advertised.listeners"] == "INSIDE://kafka:9092,OUTSIDE://localhost:29092"


def test_connect_reads_secrets_from_files(entry: Started, tmp_path: Path) -> None:
    """A connector file's placeholder finds them among the variables, as it finds the others."""
    secret = tmp_path / "secret"
    secret.write_text("s p'a\"c$e")
    result = entry.run("connect", QUARTET_SINK_PASSWORD_FILE=str(secret), QUARTET_SINK_USER="sink")
    assert result.returncode == 0, result.stderr
    assert "QUARTET_SINK_PASSWORD=s p'a\"c$e" in entry.environment
    assert "QUARTET_SINK_USER=sink" in entry.environment
    assert "s p'a" not in "".join(entry.calls)


def test_a_secret_file_that_is_missing_stops_the_start(entry: Started) -> None:
    """Connect would start, and fail only when a connector needs the secret."""
    result = entry.run("connect", QUARTET_SINK_PASSWORD_FILE="/nowhere/secret")
    assert result.returncode != 0
    assert "/nowhere/secret" in result.stderr


def test_connect_looks_for_the_broker_that_is_named(entry: Started) -> None:
    """The same variable that the connector files use."""
    entry.run("connect", QUARTET_KAFKA_BOOTSTRAP="elsewhere:19092")
    assert entry.settings["bootstrap.servers"] == "elsewhere:19092"


def test_connectors_reach_no_variable_but_ours(entry: Started) -> None:
    """Whoever may post a connector could otherwise read the whole environment."""
    entry.run("connect")
    assert entry.settings["config.providers"] == "env"
    assert entry.settings["config.providers.env.param.allowlist.pattern"] == "^QUARTET_.*"
    assert entry.settings["connector.client.config.override.policy"] == "Allowlist"
    assert entry.settings["connector.client.config.override.allowlist"] == "max.poll.records"


@pytest.mark.parametrize("arguments", [(), ("zookeeper",)])
def test_another_part_is_refused_with_what_to_say(entry: Started, arguments: tuple[str, ...]) -> None:
    """One sentence, and the code for wrong usage."""
    result = entry.run(*arguments)
    assert result.returncode == 2
    assert "'broker' or 'connect'" in result.stderr


def test_every_version_of_the_pom_is_among_the_checksums() -> None:
    """A version that changes without its checksum would fail the build, minutes later."""
    pom = (IMAGE / "pom.xml").read_text()
    checksums = (IMAGE / "artifacts.sha256").read_text()
    versions = dict(re.findall(r"<([a-z0-9.]+)>([0-9][\w.]*)</\1>", pom.split("<dependencies>")[0]))
    artifacts = re.findall(r"<artifactId>([\w.-]+)</artifactId><version>\$\{([\w.]+)\}", pom)
    assert len(artifacts) == 11
    for artifact, version in artifacts:
        assert f"/{artifact}-{versions[version]}" in checksums


def test_every_checksum_is_one_of_a_file_of_the_build() -> None:
    """One line for each file, in the form that sha256sum reads, none twice."""
    lines = (IMAGE / "artifacts.sha256").read_text().splitlines()
    files = [
        re.fullmatch(r"[0-9a-f]{64}  ((?:libs|plugins)/[\w.+-]+\.(?:jar|tar\.gz))", line) for line in lines
    ]
    assert all(files)
    assert len({match[1] for match in files if match}) == len(lines)
