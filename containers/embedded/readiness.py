"""When the connectors of an embedded platform are ready: every one is RUNNING."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from containers.readiness import READY_SECONDS, until_none

if TYPE_CHECKING:
    from containers.embedded.connect import Connect


async def connectors_running(connect: Connect) -> None:
    """Returns once every connector is RUNNING; raises PlatformNotReady when one is not in time."""
    await until_none(lambda: asyncio.to_thread(_not_running, connect), READY_SECONDS)


def _not_running(connect: Connect) -> list[str]:
    late = []
    for name in connect.names():
        status = connect.status(name)
        states = {status["connector"]["state"], *(task["state"] for task in status["tasks"])}
        if states != {"RUNNING"}:
            cause = f" ({status['cause']})" if status["cause"] else ""
            late.append(f"{name} is {' and '.join(sorted(states))}{cause}")
    return late
