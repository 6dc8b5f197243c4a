"""Work that a service does again and again by itself."""

import asyncio
from collections.abc import Awaitable, Callable

from apps.storage.errors import StorageUnavailable
from apps.web.logs import get_logger

log = get_logger("web")


async def repeat(
    work: Callable[[], Awaitable[object]],
    *,
    every_seconds: float,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Does `work` for ever, with a pause before each round; what fails is tried again with the next.

    The work has to be bounded. How long a round took says little about that: on a busy machine most of it
    is waiting, and a pause that grew with it would leave suspensions standing just then.
    """
    while True:
        await sleep(every_seconds)
        try:
            await work()
        except StorageUnavailable:
            log.warning("round_put_off")
        except Exception as error:  # nobody would notice that lifts and expiries have ended for good
            log.error("round_failed", error=error)
