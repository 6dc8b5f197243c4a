"""What the services in containers say, handed on to where the platform's own talk goes."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from docker.errors import DockerException

RESTART_LOOK_SECONDS = 0.5
"""How often a stopped container is asked whether it runs again."""


def to_stderr(line: str) -> None:
    """Writes a line; who reads it may have gone."""
    with suppress(BrokenPipeError):
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


class LogFollower:
    """Hands on each line of one container, through every restart, until the container is gone."""

    def __init__(self, container: Any, tell: Callable[[str], object] = to_stderr) -> None:
        self._container, self._tell = container, tell
        self._is_over = threading.Event()
        threading.Thread(target=self._follow, daemon=True).start()

    def stop(self) -> None:
        """Hands on nothing more."""
        self._is_over.set()

    def _follow(self) -> None:
        since, pause = None, 0.0
        with suppress(DockerException):  # the container is gone
            while not self._is_over.wait(pause):
                pause = RESTART_LOOK_SECONDS
                self._container.reload()
                if self._container.status != "running" and since is not None:
                    continue
                rest = ""
                for chunk in self._container.logs(stream=True, follow=True, since=since):
                    *lines, rest = (rest + chunk.decode(errors="replace")).split("\n")
                    for line in lines:
                        self._tell(line)
                since = time.time()
