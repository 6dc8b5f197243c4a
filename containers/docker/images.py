"""The images of the containers tier: where each comes from, and how one is had that is not there.

| image                         | comes from                       | without an image registry           |
|-------------------------------|----------------------------------|-------------------------------------|
| debian:trixie-slim, mysql:9.7 | pulled                           | made from Debian packages (airgap/) |
| mongo:8.0                     | pulled                           | its stand-in (airgap/mongo/)        |
| quartet/...                   | built here, from images/         | the same                            |
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, BuildError, DockerException, ImageNotFound

from containers.docker.image_names import (
    DEBIAN,
    INBOX,
    KAFKA,
    MONGO,
    MONGO_STANDIN,
    MYSQL,
    ROUTE,
    SERVICES,
)
from containers.engines import PlatformRefused
from containers.output import say

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent

LAST_LINES = 15
"""So much of a failed build is shown."""

Progress = Callable[[str], object]


@dataclass(frozen=True)
class Recipe:
    """What an image of ours is built from.

    folder: the build context; dockerfile and target as `docker build` takes them.
    """

    folder: Path
    dockerfile: str = "Dockerfile"
    target: str | None = None


_SERVICES_FILE = "containers/docker/images/services/Dockerfile"

RECIPES: Mapping[str, Recipe] = {
    KAFKA: Recipe(HERE / "images/kafka"),
    ROUTE: Recipe(HERE / "images/route"),
    SERVICES: Recipe(ROOT, _SERVICES_FILE, "services"),
    INBOX: Recipe(ROOT, _SERVICES_FILE, "inbox"),
}


def connect_to_docker() -> docker.DockerClient:
    """A client of the Docker engine that the environment names, else of the local one.

    Raises:
        PlatformRefused: none answers.
    """
    try:
        client = docker.from_env()
        client.ping()
    except DockerException as error:
        raise PlatformRefused(
            "Docker does not answer: start it (on Linux: `systemctl start docker`), or set DOCKER_HOST; "
            f"--tier embedded needs none. ({_first_line(error)})"
        ) from error
    return client


class Images:
    """The images on one Docker engine."""

    def __init__(self, client: docker.DockerClient, progress: Progress = lambda part: None) -> None:
        self._client, self._progress = client, progress

    def has(self, name: str) -> bool:
        """Whether the engine has the image already."""
        try:
            self._client.images.get(name)
        except ImageNotFound:
            return False
        return True

    def ensure(self) -> str:
        """Sees to it that every image is there; returns the one that MongoDB's members start from.

        Raises:
            PlatformRefused: one can be neither pulled nor made.
        """
        for base, make in ((DEBIAN, _make_debian), (MYSQL, self._make_mysql)):
            if not self.has(base) and not self._pull(base):
                self._progress(f"{base} cannot be pulled: it is made from Debian packages")
                make()
        for name, recipe in RECIPES.items():
            self._build(name, recipe)
        return self._mongo()

    def _mongo(self) -> str:
        if self.has(MONGO) or self._pull(MONGO):
            return MONGO
        self._progress(f"{MONGO} cannot be pulled: its stand-in takes its place")
        self.build_mongo_standin()
        return MONGO_STANDIN

    def build_mongo_standin(self) -> None:
        """Sees to it that the stand-in for MongoDB is there.

        Raises:
            PlatformRefused: it cannot be built.
        """
        self._build(MONGO_STANDIN, Recipe(HERE / "airgap/mongo"))

    def _pull(self, name: str) -> bool:
        self._progress(f"pulling {name}")
        try:
            self._client.images.pull(name)
        except (APIError, ImageNotFound):
            return False
        return True

    def _build(self, name: str, recipe: Recipe) -> None:
        """Unchanged layers are taken from the engine's cache, so a second build takes no second."""
        if not self.has(name):
            self._progress(f"building {name}")
        try:
            self._client.images.build(
                path=str(recipe.folder),
                dockerfile=recipe.dockerfile,
                target=recipe.target,
                tag=name,
                rm=True,
                forcerm=True,
            )
        except BuildError as error:
            raise PlatformRefused(f"The image {name} cannot be built:\n{_tail(error.build_log)}") from error
        except APIError as error:
            raise PlatformRefused(f"The image {name} cannot be built: {_first_line(error)}") from error

    def _make_mysql(self) -> None:
        _debian("sid", "quartet-airgap/debian:sid")
        self._build(MYSQL, Recipe(HERE / "airgap/mysql"))


def _make_debian() -> None:
    _debian("trixie", DEBIAN)


def _debian(release: str, image: str) -> None:
    script = HERE / "airgap/debian.sh"
    try:
        made = subprocess.run(  # noqa: S603 - a script of ours
            ["/bin/sh", str(script), release, image], capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise PlatformRefused(f"{script} cannot be run: {error}") from error
    if made.returncode != 0:
        last = "\n".join(made.stderr.splitlines()[-LAST_LINES:])
        raise PlatformRefused(
            f"{image} can be neither pulled nor made here (that takes root, debootstrap and docker):\n{last}"
        )


def _tail(build_log: Any) -> str:
    lines = "".join(entry.get("stream", "") or entry.get("error", "") for entry in build_log).splitlines()
    return "\n".join(lines[-LAST_LINES:])


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def main() -> int:
    """Makes every image that is not there: `python -m containers.docker.images`."""
    try:
        with closing(connect_to_docker()) as client:
            Images(client, say).ensure()
    except PlatformRefused as refused:
        say(str(refused))
        return refused.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
