"""Background tasks of an app: named, cancelled at its stop, and never dying unseen."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from apps.web.logs import bind, get_logger

log = get_logger("web")

STOP_SECONDS = 2.0


class Background:
    """The tasks of one app. A task that ends by an exception is logged, and the app is no longer ready."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.crashed: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> "asyncio.Task[None]":
        """Starts `work`; call it from the app's `start`, or later."""
        task = asyncio.create_task(self._watched(work, name), name=f"{self.service}:{name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def stop(self) -> None:
        """Cancels every task and waits until they have ended, for a bounded time."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=STOP_SECONDS)
            for task in late:
                log.warning("task_does_not_end", task=task.get_name())

    async def check(self) -> None:
        """Raises RuntimeError when a task has crashed: a readiness check."""
        if self.crashed:
            raise RuntimeError("a background task has crashed")

    async def _watched(self, work: Coroutine[Any, Any, Any], name: str) -> None:
        bind(service=self.service, task=name)
        try:
            await work
        except Exception as error:
            # The last edge of a task: whoever wrote it did not expect this, so nobody else would hear of it.
            self.crashed.add(name)
            log.error("task_crashed", error=error)
