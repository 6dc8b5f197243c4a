"""The MongoDB stand-in for the length of a command, for suites that need a server.

    python -m containers.docker.mongo.throwaway pytest apps/storage apps/activation

The command finds the server's address in QUARTET_TEST_MONGO_URL; its exit code is passed on. To run the same
suites on MongoDB itself, set that variable by hand: any replica set will do.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from containers.docker import images
from containers.docker.engine import PlatformOnDocker, RunningPart
from containers.docker.image_names import MONGO_STANDIN
from containers.docker.mongo.members import mongo_parts
from containers.docker.mongo.urls import observer_url
from containers.engines import PlatformRefused
from containers.polling import poll
from containers.ports import free_ports

VARIABLE = "QUARTET_TEST_MONGO_URL"

_READY_SECONDS = 60


@contextmanager
def throwaway_server() -> Iterator[str]:
    """Yields the address of a fresh server; removes it afterwards.

    Raises:
        PlatformRefused: Docker does not answer, or the image cannot be built.
    """
    (port,) = free_ports(1)
    with closing(images.connect_to_docker()) as client:
        images.Images(client).build_mongo_standin()
        engine = PlatformOnDocker(client, f"suite-{secrets.token_hex(4)}")
        try:
            engine.create_network()
            (part,) = mongo_parts(MONGO_STANDIN, {}, host_port=port)
            _await_ready(engine.start(part))
            yield observer_url(MONGO_STANDIN, {}, port)
        finally:
            engine.remove(with_volumes=True)


def _await_ready(running: RunningPart) -> None:
    def ready() -> bool | None:
        if problem := running.problem():
            raise PlatformRefused(problem)
        return True if running.part.probe(running) is None else None

    poll(ready, within_seconds=_READY_SECONDS, what="the stand-in for MongoDB being ready")


def main(command: Sequence[str]) -> int:
    """Runs `command` beside a fresh server; returns its exit code, 3 when there is no server."""
    if not command:
        print("name the command to run, for example: pytest apps/storage", file=sys.stderr)
        return 2
    try:
        with throwaway_server() as url:
            return subprocess.run(command, env={**os.environ, VARIABLE: url}, check=False).returncode  # noqa: S603
    except PlatformRefused as error:
        print(error, file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
