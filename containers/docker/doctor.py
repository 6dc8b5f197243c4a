"""What the containers tier needs of this machine, and what to do where it is missing."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, ImageNotFound

from containers.docker.image_names import DEBIAN, MONGO, MYSQL
from containers.docker.images import RECIPES, Images, connect_to_docker
from containers.doctor import Check, available_memory_bytes
from containers.engines import PlatformRefused

GIB = 2**30

LEAST_MEMORY_BYTES = 3 * GIB
COMFORTABLE_MEMORY_BYTES = 5 * GIB
"""The whole platform takes about 3 GiB; builds and people's own programs come on top."""

LEAST_FREE_BYTES = 3 * GIB
COMFORTABLE_FREE_BYTES = 10 * GIB
"""The images take about 4 GiB once, volumes of an idle platform half a GiB."""

ARCHITECTURES = ("x86_64", "aarch64")


def examine(*, is_running: bool = False) -> list[Check]:
    """Every check, in the order in which a reader wants to know; changes nothing.

    is_running: this data folder's platform runs, and so has taken its memory already.
    """
    try:
        client = connect_to_docker()
    except PlatformRefused as error:
        return [Check("Docker", "missing", "does not answer", str(error))]
    with closing(client):
        info = client.info()
        found = [_engine(info), _architecture(info), _disk(info, has_images=_has_all_images(client))]
        return [*found, *([] if is_running else [_memory(info)]), *_images(client)]


def refuse_missing() -> None:
    """Raises PlatformRefused for the first thing without which no platform can start."""
    for check in examine():
        if check.state == "missing":
            raise PlatformRefused(check.advice or f"{check.name}: {check.found}")


def _engine(info: dict[str, Any]) -> Check:
    found = f"{info['ServerVersion']}, {info['NCPU']} cores, {info['OperatingSystem']}"
    if info["OSType"] != "linux":
        return Check("Docker", "missing", found, "Switch Docker to Linux containers.")
    return Check("Docker", "ok", found)


def _architecture(info: dict[str, Any]) -> Check:
    found = info["Architecture"]
    if found not in ARCHITECTURES:
        return Check(
            "architecture", "missing", found, f"Use a machine with one of {', '.join(ARCHITECTURES)}."
        )
    return Check("architecture", "ok", found)


def _memory(info: dict[str, Any]) -> Check:
    """What the engine may use; where it runs on this very machine, what is free of it."""
    free = info["MemTotal"]
    if _is_local(info):
        free = min(free, available_memory_bytes() or free)
    found = f"{free / GIB:.1f} GiB"
    advice = (
        "Free memory, or give Docker more (Docker Desktop: Settings, Resources); "
        f"the containers tier takes about {LEAST_MEMORY_BYTES // GIB} GiB, --tier embedded 0.1."
    )
    if free < LEAST_MEMORY_BYTES:
        return Check("memory for containers", "missing", found, advice)
    if free < COMFORTABLE_MEMORY_BYTES:
        return Check("memory for containers", "warning", found, advice)
    return Check("memory for containers", "ok", found)


def _disk(info: dict[str, Any], *, has_images: bool) -> Check:
    if not _is_local(info):
        return Check("disk for images", "ok", "not known: Docker runs elsewhere")
    free = shutil.disk_usage(info["DockerRootDir"]).free
    found = f"{free / GIB:.1f} GiB in {info['DockerRootDir']}"
    advice = "Free disk space, for example with `docker system prune`."
    if free < LEAST_FREE_BYTES and not has_images:
        return Check("disk for images", "missing", found, advice)
    if free < COMFORTABLE_FREE_BYTES:
        return Check("disk for images", "warning", found, advice)
    return Check("disk for images", "ok", found)


def _images(client: docker.DockerClient) -> list[Check]:
    images = Images(client)
    built = sum(images.has(name) for name in RECIPES)
    ours = f"{built} of {len(RECIPES)} built; the others at the first start"
    return [_base_images(client, images), Check("images of ours", "ok", ours)]


def _base_images(client: docker.DockerClient, images: Images) -> Check:
    absent = [name for name in (DEBIAN, MYSQL, MONGO) if not images.has(name)]
    if not absent:
        return Check("base images", "ok", "all there")
    if _can_pull(client):
        return Check("base images", "ok", f"{', '.join(absent)} will be pulled")
    found = f"{', '.join(absent)} cannot be pulled"
    if absent == [MONGO]:
        return Check("base images", "warning", found, f"Without {MONGO} its stand-in takes its place.")
    if os.geteuid() == 0 and shutil.which("debootstrap"):
        return Check("base images", "warning", found, "They are made from Debian packages instead.")
    advice = "Let Docker reach an image registry, or make them here: as root, with debootstrap installed."
    return Check("base images", "missing", found, advice)


def _has_all_images(client: docker.DockerClient) -> bool:
    images = Images(client)
    return all(images.has(name) for name in RECIPES)


def _can_pull(client: docker.DockerClient) -> bool:
    try:
        client.images.get_registry_data(DEBIAN)
    except (APIError, ImageNotFound):
        return False
    return True


def _is_local(info: dict[str, Any]) -> bool:
    """Whether the engine keeps its files on this machine, and so shares its memory and disk."""
    try:
        return Path(info["DockerRootDir"]).is_dir() and info["Name"] == os.uname().nodename
    except OSError:
        return False
