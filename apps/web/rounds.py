"""Work that a service does again and again by itself, without ever being a load."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from apps.storage.errors import StorageUnavailable
from apps.web.logs import get_logger

MOST_LOAD = 0.02

log = get_logger("web")


async def repeat(
    work: Callable[[], Awaitable[object]],
    *,
    every_seconds: float,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    timer: Callable[[], float] = time.monotonic,
) -> None:
    """Does `work` for ever, with a pause before each round; waits out a database that is away.

    The pause is `every_seconds`, and longer where a round takes long: at most MOST_LOAD of the time is
    spent on it, so that a table that has grown makes the rounds rarer and not the service slower.
    """
    pause = every_seconds
    while True:
        await sleep(pause)
        began = timer()
        try:
            await work()
        except StorageUnavailable:
            log.warning("round_put_off")
        pause = max(every_seconds, (timer() - began) / MOST_LOAD)
