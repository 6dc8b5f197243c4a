"""The one bounded place where passwords are hashed: as many threads as cores, refusal before queueing.

Measured at twice the capacity of two cores: an unbounded queue falls to 6 useful logins a second; threads =
cores, a predicted wait of at most 0.5 s and a lower priority kept 80, with cheap requests under 3 ms.
"""

import asyncio
import math
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from apps.web.refusals import Overloaded

T = TypeVar("T")

NICENESS = (
    10  # hashing then leaves the event loop its core: p99 of cheap requests 5 ms -> 1 ms, hash rate -10 %
)
FIRST_GUESS_SECONDS = 0.025  # argon2id 19 MiB, t=2 on one core, before anything was measured
SMOOTHING = 0.1  # weight of the newest measurement
BURST = 24  # so many at once are a burst, not an overload, however slow the machine is at the moment


class HashPool:
    """Runs blocking hash work off the event loop, and refuses what would wait too long."""

    def __init__(self, *, threads: int | None = None, budget_seconds: float = 0.5) -> None:
        self.threads = threads or usable_cores()
        self.budget_seconds = budget_seconds
        self.counts: Counter[str] = Counter(done=0, refused=0)
        self.hash_seconds = FIRST_GUESS_SECONDS
        self._in_flight = 0
        self._lock = threading.Lock()
        self._executor = ThreadPoolExecutor(self.threads, "hash", initializer=_lower_priority)

    @property
    def in_flight(self) -> int:
        """How many are being hashed or waiting."""
        return self._in_flight

    @property
    def predicted_seconds(self) -> float:
        """How long one more would take from now: its place in the queue by the mean time of a hash."""
        return (self._in_flight + 1) / self.threads * self.hash_seconds

    async def run(self, work: Callable[..., T], *args: object) -> T:
        """The result of work(*args), done in a thread of lower priority.

        Raises:
            Overloaded: at once, when the predicted wait is over the budget and more than a burst is waiting.
        """
        if self._in_flight >= BURST and self.predicted_seconds > self.budget_seconds:
            self.counts["refused"] += 1
            raise Overloaded(retry_after_seconds=math.ceil(self.predicted_seconds))
        with self._lock:
            self._in_flight += 1
        try:
            future = self._executor.submit(self._timed, work, *args)
        except BaseException:
            self._leave()
            raise
        future.add_done_callback(self._leave)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Drops what waits and lets the threads end after what they are at."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _timed(self, work: Callable[..., T], *args: object) -> T:
        began = time.monotonic()
        try:
            return work(*args)
        finally:
            taken = time.monotonic() - began
            with self._lock:
                self.hash_seconds += SMOOTHING * (taken - self.hash_seconds)
                self.counts["done"] += 1

    def _leave(self, _future: Future[T] | None = None) -> None:
        """Counts down when the work is over or was cancelled in the queue, not when its caller went away."""
        with self._lock:
            self._in_flight -= 1


def usable_cores() -> int:
    """The cores that this process may run on, which a container can narrow."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _lower_priority() -> None:
    """Linux schedules by thread, so one thread can be nicer than its process; elsewhere nothing changes."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, min(19, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS))
