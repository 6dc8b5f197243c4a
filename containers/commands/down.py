"""Stopping a running platform from another process."""

import fcntl
import os
import signal
from contextlib import suppress
from pathlib import Path

from containers.engines import NotRunning, PlatformRefused
from containers.folder import DataFolder
from containers.polling import DeadlinePassed, poll

DEADLINE_SECONDS = {"embedded": 10.0, "containers": 70.0, "external": 15.0}
"""Longer than a platform of the tier may take until it ends itself."""


def stop(data: Path, *, with_volumes: bool = False) -> None:
    """Stops the platform and returns once it has let go of the data folder.

    Of a containers platform whose process was killed the containers are removed.

    Args:
        with_volumes: throw away what a containers platform has kept.

    Raises:
        NotRunning: there is nothing to stop.
        PlatformRefused: it is still there after the deadline, or belongs to another user; exit code 1.
    """
    folder = DataFolder(data)
    has_containers = folder.last_tier() == "containers"
    try:
        _stop_process(folder)
    except NotRunning:
        if not has_containers:
            raise
    if has_containers:
        from containers.docker.engine import found_on_docker

        with found_on_docker(folder.path) as found:
            found.remove(with_volumes=with_volumes)


def _stop_process(folder: DataFolder) -> None:
    description, data = folder.description(), folder.path
    pid, deadline_seconds = description.pid, DEADLINE_SECONDS[description.tier]
    try:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        poll(lambda: _is_free(data) or None, within_seconds=deadline_seconds, what="the end of the platform")
    except PermissionError as error:
        raise PlatformRefused(f"The platform (pid {pid}) belongs to another user.", exit_code=1) from error
    except DeadlinePassed as passed:
        raise PlatformRefused(
            f"The platform (pid {pid}) has not stopped within {deadline_seconds:g} s.", exit_code=1
        ) from passed


def _is_free(data: Path) -> bool:
    """Not by the process id: an ended process keeps it until its parent has asked for its exit code."""
    with (data / "platform.lock").open() as lock, suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return True
    return False
