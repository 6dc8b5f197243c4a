"""A platform as a process of its own, as a user starts it: for the suite and the benchmarks."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from containers.attaching import attach
from containers.engines import Tier
from containers.ports import free_ports

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

LONGEST_STOP_SECONDS = {"embedded": 15, "containers": 90, "external": 15}
"""Past it the command hangs."""

LONGEST_COMMAND_SECONDS = {"embedded": 60, "containers": 180, "external": 60}
"""For every command but `up` itself; Docker takes its time to remove a platform from a busy machine."""

COMMAND = (sys.executable, "-m", "containers")


class PlatformProcess:
    """One platform: its process, its data folder, and the tier through which it is observed."""

    def __init__(self, data: Path, tier_name: str, settings: Mapping[str, str]) -> None:
        self.data = data
        self._tier_name = tier_name
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("QUARTET_")},
            **dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True)),
            **settings,
        }
        self._process: subprocess.Popen[str] | None = None
        self._tier: Tier | None = None

    @property
    def tier(self) -> Tier:
        assert self._tier is not None, "the platform is not running"
        return self._tier

    @property
    def pid(self) -> int:
        assert self._process is not None, "the platform is not running"
        return self._process.pid

    def start(self) -> None:
        """Returns once the command has printed `ready`; fails with its output when it ends before that."""
        talk = (self.data / "talk.txt").open("a+")
        with talk:
            self._process = subprocess.Popen(
                [*COMMAND, "up", "--tier", self._tier_name, "--data", str(self.data), "--keep"],
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
        said = "".join(lines) + "\n".join(self.log()[-20:])
        raise AssertionError(f"`quartet up` ended with {self._process.wait()}:\n{said}")

    def stop(self, with_signal: int = signal.SIGTERM) -> int:
        """Ends the platform in order, its data kept; returns the exit code."""
        return self._end(with_signal)

    def kill(self) -> None:
        """Ends every process of the platform at once, as a power cut does."""
        if self._tier_name == "containers":
            from containers.docker.engine import found_on_docker

            with found_on_docker(self.data) as found:
                found.kill()
        assert self._end(signal.SIGKILL) == -signal.SIGKILL

    def discard(self) -> None:
        """Stops the platform if it runs and throws its data away, but for the data folder."""
        self.stop()
        if self._tier_name == "containers":
            self.run("down", "--volumes")

    def _end(self, with_signal: int) -> int:
        if self._process is None:
            return 0
        if self._tier is not None:
            self._tier.close()
        process, self._process, self._tier = self._process, None, None
        process.send_signal(with_signal)
        code = process.wait(timeout=LONGEST_STOP_SECONDS[self._tier_name])
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
            timeout=LONGEST_COMMAND_SECONDS[self._tier_name],
            check=False,
        )

    def log(self) -> list[str]:
        """What the platform has said on stderr so far, line by line; the services' log is in it as JSON."""
        return (self.data / "talk.txt").read_text().splitlines()
