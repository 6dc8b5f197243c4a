"""The platform under test: `quartet up` as a process of its own, as a user starts it."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from containers.engines import Tier, attach
from steps import waiting

PORTS = (
    "SIGNUP_PORT",
    "ACTIVATION_PORT",
    "LOGIN_PORT",
    "RESET_PASSWORD_PORT",
    "INBOX_PORT",
    "INBOX_SMTP_PORT",
    "CONNECT_PORT",
    "CONSOLE_PORT",
)

QUICK = {
    "LOGIN_RETRY_SECONDS": "0",
    "LOGIN_SUSPENSION_SECONDS": "3",
}
"""Settings of the shared platform: the rules as they are, with waits that a suite can afford."""


class Platform:
    """One running platform: its process, its data folder, and the tier through which it is observed."""

    def __init__(self, data: Path, tier_name: str, settings: Mapping[str, str]) -> None:
        self.data = data
        self._tier_name = tier_name
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("QUARTET_")},
            **dict(zip(PORTS, map(str, _free_ports(len(PORTS))), strict=True)),
            **settings,
        }
        self._process: subprocess.Popen[str] | None = None
        self._tier: Tier | None = None

    @property
    def tier(self) -> Tier:
        assert self._tier is not None, "the platform is not running"
        return self._tier

    def start(self) -> None:
        """Returns once the command has printed `ready`; fails with its output when it has not within 60 s."""
        talk = (self.data / "talk.txt").open("a+")
        with talk:
            self._process = subprocess.Popen(
                [*COMMAND, "up", "--tier", self._tier_name, "--data", str(self.data)],
                stdout=subprocess.PIPE,
                stderr=talk,
                text=True,
                env=self.environ,
            )
            assert self._process.stdout is not None
            lines = []
            for line in self._process.stdout:
                lines.append(line)
                if line.strip() == "ready":
                    self._tier = attach(self.data)
                    return
        said = "".join(lines) + (self.data / "talk.txt").read_text()[-2000:]
        raise AssertionError(f"`quartet up` ended with {self._process.wait()}:\n{said}")

    def stop(self, with_signal: int = signal.SIGTERM) -> int:
        """Sends the signal and waits for the end; returns the exit code (negative: the signal's number)."""
        if self._process is None:
            return 0
        process, self._process, self._tier = self._process, None, None
        process.send_signal(with_signal)
        code = process.wait(timeout=15)
        assert process.stdout is not None
        process.stdout.close()
        return code

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs `quartet` with these arguments on this platform's data folder."""
        return subprocess.run(
            [*COMMAND, *arguments, "--data", str(self.data)],
            capture_output=True,
            text=True,
            env=self.environ,
            timeout=60,
            check=False,
        )

    def log(self) -> str:
        """Everything that the services have logged so far."""
        return (self.data / "talk.txt").read_text()


COMMAND = (sys.executable, "-m", "containers")


def _free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        socks = [stack.enter_context(socket.socket()) for _ in range(number)]
        for sock in socks:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in socks]


@pytest.fixture(scope="session")
def shared_platform(request: pytest.FixtureRequest) -> Iterator[Platform]:
    """The platform that every scenario without settings of its own shares."""
    waiting.patience = request.config.getoption("--patience")
    with tempfile.TemporaryDirectory(prefix="quartet-") as folder:
        platform = Platform(Path(folder), request.config.getoption("--tier"), QUICK)
        platform.start()
        yield platform
        assert platform.stop() == 0


@pytest.fixture
def platform(shared_platform: Platform) -> Platform:
    """The shared platform; a Given that asks for one of its own puts that in this place."""
    return shared_platform


@pytest.fixture
def make_platform(request: pytest.FixtureRequest) -> Iterator[Callable[[Mapping[str, str]], Platform]]:
    """Makes platforms that belong to one scenario, which may stop, kill and configure them."""
    with ExitStack() as stack:

        def make(settings: Mapping[str, str]) -> Platform:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="quartet-"))
            platform = Platform(Path(folder), request.config.getoption("--tier"), settings)
            stack.callback(platform.stop)
            platform.start()
            return platform

        yield make
