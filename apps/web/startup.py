"""How a service comes up: with its schema in place, or answering "not ready" until its database is there."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from apps.storage.errors import StorageUnavailable
from apps.web.logs import get_logger

if TYPE_CHECKING:
    from apps.web.app import App

RETRY_SECONDS = 2.0

log = get_logger("web")


class Startup:
    """The start hook and the readiness check of a service that needs a database.

    Args:
        prepare: brings the schema up to date; raises StorageUnavailable while the database is away.
        begin: starts the background work that needs the schema.
    """

    def __init__(self, prepare: Callable[[], Awaitable[None]], begin: "Callable[[App], None]") -> None:
        self._prepare = prepare
        self._begin = begin
        self._is_done = False

    async def start(self, app: "App") -> None:
        """Prepares and begins at once if that is possible, otherwise in the background as soon as it is."""
        try:
            await self._attempt(app)
        except StorageUnavailable:
            app.ctx.spawn(self._retry(app), "startup")

    async def check(self) -> None:
        """Raises StorageUnavailable until the schema is in place."""
        if not self._is_done:
            raise StorageUnavailable

    async def _attempt(self, app: "App") -> None:
        await self._prepare()
        self._is_done = True
        self._begin(app)

    async def _retry(self, app: "App") -> None:
        while not self._is_done:
            log.warning("database_away")
            await asyncio.sleep(RETRY_SECONDS)
            try:
                await self._attempt(app)
            except StorageUnavailable:
                continue
            except Exception as error:  # it stays "not ready", and says why with each attempt
                log.error("startup_failed", error=error)
