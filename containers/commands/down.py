"""Stopping a running platform from another process."""

import fcntl
import os
import signal
from contextlib import suppress
from pathlib import Path

from containers.engines import PlatformRefused
from containers.folder import DataFolder
from containers.polling import DeadlinePassed, poll

DEADLINE_SECONDS = 10.0
"""Twice what a platform may take; it ends itself after five."""


def stop(data: Path) -> None:
    """Stops the platform and returns once it has let go of the data folder.

    Raises:
        NotRunning: there is nothing to stop.
        PlatformRefused: it is still there after the deadline, or belongs to another user; exit code 1.
    """
    pid = DataFolder(data).description().pid
    try:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        poll(lambda: _is_free(data) or None, within_seconds=DEADLINE_SECONDS, what="the end of the platform")
    except PermissionError as error:
        raise PlatformRefused(f"The platform (pid {pid}) belongs to another user.", exit_code=1) from error
    except DeadlinePassed as passed:
        raise PlatformRefused(
            f"The platform (pid {pid}) has not stopped within {DEADLINE_SECONDS:g} s.", exit_code=1
        ) from passed


def _is_free(data: Path) -> bool:
    """Not by the process id: an ended process keeps it until its parent has asked for its exit code."""
    with (data / "platform.lock").open() as lock, suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return True
    return False
