"""When what has been started is ready: asked again and again, until nothing is late any more."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from containers.engines import PlatformRefused
from containers.settings import LOCALHOST, SERVICES

READY_SECONDS = 20.0
"""Past this something is wrong that no waiting mends; a whole start takes about a second."""

POLL_SECONDS = 0.01


class PlatformNotReady(PlatformRefused):
    """Something has started and is still not ready; the message says what."""


async def services_ready(ports: Mapping[str, int], *, within_seconds: float | None = None) -> None:
    """Returns once every service is ready; raises PlatformNotReady when one is not in time."""

    async def late() -> list[str]:
        return [
            f"{service} on port {ports[f'{service.upper()}_PORT']}"
            for service in SERVICES
            if not await _answers_ready(ports[f"{service.upper()}_PORT"])
        ]

    await until_none(late, within_seconds or READY_SECONDS)


async def until_none(late: Callable[[], Awaitable[Sequence[str]]], within_seconds: float) -> None:
    """Returns once nothing is late; raises PlatformNotReady, naming what is, when that takes too long."""
    deadline = time.monotonic() + within_seconds
    while left := await late():
        if time.monotonic() > deadline:
            raise PlatformNotReady(
                f"Not ready within {within_seconds:g} s: {'; '.join(left)}. The log above says why."
            )
        await asyncio.sleep(POLL_SECONDS)


async def _answers_ready(port: int) -> bool:
    """By hand: importing an HTTP client for one line takes a tenth of the start."""
    try:
        reader, writer = await asyncio.open_connection(LOCALHOST, port)
    except OSError:
        return False
    try:
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return (await reader.readline()).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False
    finally:
        writer.close()
