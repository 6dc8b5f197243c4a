"""Stopping a running platform from another process."""

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
    """Stops the platform, ready or still starting, and returns once its process has ended.

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
    running = folder.holder() or folder.description()
    pid, deadline_seconds = running.pid, DEADLINE_SECONDS[running.tier]
    try:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        poll(
            lambda: (folder.holder() is None and has_ended(pid)) or None,
            within_seconds=deadline_seconds,
            what="the end of the platform",
        )
    except PermissionError as error:
        raise PlatformRefused(f"The platform (pid {pid}) belongs to another user.", exit_code=1) from error
    except DeadlinePassed as passed:
        raise PlatformRefused(
            f"The platform (pid {pid}) has not stopped within {deadline_seconds:g} s.", exit_code=1
        ) from passed


def has_ended(pid: int) -> bool:
    """Also of a process that is kept as a zombie until its parent asks for its exit code.

    True where the system does not tell (there is no /proc): there the lock of the folder has to do.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(") ")[2].startswith(("Z", "X"))  # proc(5): the state comes after the name
