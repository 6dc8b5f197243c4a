"""What `quartet up --tier containers` leaves behind, however it ends."""

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from containers.docker.engine import LABEL, identity_of
from containers.docker.images import connect_to_docker
from containers.ports import free_ports
from containers.process import COMMAND, PORTS, PlatformProcess

pytestmark = pytest.mark.containers

LONG_SECONDS = 300


def left_on_docker(data: Path) -> list[str]:
    """Names of the containers, networks and volumes of the platform on this folder."""
    label = {"label": f"{LABEL}={identity_of(data)}"}
    with closing(connect_to_docker()) as client:
        return [
            *(container.name for container in client.containers.list(all=True, filters=label)),
            *(network.name for network in client.networks.list(filters=label)),
            *(volume.name for volume in client.volumes.list(filters=label)),
        ]


@pytest.fixture
def starting(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A platform that is on its way up: some part is ready, most are not."""
    environ = PlatformProcess(tmp_path, "containers", {}).environ
    process = subprocess.Popen(
        [*COMMAND, "up", "--tier", "containers", "--data", str(tmp_path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
    )
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "is ready" in line:
            break
    else:
        pytest.fail(f"it ended before any part was ready:\n{''.join(said)}")
    yield process
    process.kill()
    process.wait()
    process.stderr.close()
    subprocess.run([*COMMAND, "down", "--volumes", "--data", str(tmp_path)], capture_output=True, check=False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_start_leaves_nothing(
    starting: subprocess.Popen[str], number: signal.Signals, tmp_path: Path
) -> None:
    """Ctrl-C while containers are starting: exit 0, and Docker is as it was."""
    starting.send_signal(number)
    assert starting.wait(LONG_SECONDS) == 0
    assert left_on_docker(tmp_path) == []


def test_what_a_killed_start_leaves_goes_with_down(starting: subprocess.Popen[str], tmp_path: Path) -> None:
    """Nobody has to know Docker to clean up."""
    starting.kill()
    starting.wait(LONG_SECONDS)
    assert left_on_docker(tmp_path) != []
    done = subprocess.run(
        [*COMMAND, "down", "--volumes", "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    assert left_on_docker(tmp_path) == []


def test_a_taken_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    """By its number, and with nothing made on the engine."""
    taken = PlatformProcess(tmp_path, "containers", dict.fromkeys(PORTS[:1], str(free_ports(1)[0])))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", int(taken.environ["SIGNUP_PORT"])))
        listener.listen()
        refused = taken.run("up", "--tier", "containers")
    assert refused.returncode == 3
    assert taken.environ["SIGNUP_PORT"] in refused.stderr
    assert left_on_docker(tmp_path) == []


def test_production_names_all_that_it_lacks(tmp_path: Path) -> None:
    """Before any container starts; the same profile as everywhere."""
    platform = PlatformProcess(tmp_path, "containers", {"QUARTET_PROFILE": "production"})
    refused = platform.run("up", "--tier", "containers")
    assert refused.returncode == 2, refused.stderr
    assert {"PASSWORD_PEPPER", "SIGNUP_PRIVATE_KEY", "SMTP_HOST", "MAIL_FROM"} <= set(
        refused.stderr.replace("\n", " ").split()
    )
    assert left_on_docker(tmp_path) == []
