"""Admission, accounting and priority of the hash pool."""

import asyncio
import os
import sys
import threading
from typing import Any

import pytest

from apps.web import hash_pool
from apps.web.hash_pool import HashPool
from apps.web.refusals import Overloaded


class Gate:
    """Work that lasts until it is let go."""

    def __init__(self) -> None:
        self.event = threading.Event()

    def work(self, result: Any = None) -> Any:
        assert self.event.wait(5)
        return result


def test_results_and_errors_come_back() -> None:
    """run() is the function, elsewhere."""

    async def scenario() -> None:
        pool = HashPool(threads=1)
        assert await pool.run(int, "7") == 7
        with pytest.raises(ValueError, match="invalid literal"):
            await pool.run(int, "x")
        assert (pool.in_flight, pool.counts["done"], pool.counts["refused"]) == (0, 2, 0)
        pool.close()

    asyncio.run(scenario())


def test_what_would_wait_too_long_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the predicted wait: place in the queue times the mean time of a hash over the threads."""
    monkeypatch.setattr(hash_pool, "BURST", 0)

    async def scenario() -> None:
        pool, gate = HashPool(threads=2, budget_seconds=1.0), Gate()
        pool.hash_seconds = 0.5
        running = [asyncio.ensure_future(pool.run(gate.work, n)) for n in range(3)]
        await asyncio.sleep(0)
        assert pool.predicted_seconds == 1.0
        running.append(asyncio.ensure_future(pool.run(gate.work, 3)))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded) as refused:
            await pool.run(gate.work)
        assert refused.value.retry_after_seconds == 2
        gate.event.set()
        assert await asyncio.gather(*running) == [0, 1, 2, 3]
        assert pool.counts["refused"] == 1
        pool.close()

    asyncio.run(scenario())


def test_a_burst_is_let_in_however_slow_the_machine_is() -> None:
    """And one slow measurement can never shut an idle pool for ever."""

    async def scenario() -> None:
        pool, gate = HashPool(threads=2, budget_seconds=0.5), Gate()
        pool.hash_seconds = 60.0
        running = [asyncio.ensure_future(pool.run(gate.work)) for _ in range(hash_pool.BURST)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await pool.run(gate.work)
        gate.event.set()
        await asyncio.gather(*running)
        pool.close()

    asyncio.run(scenario())


def test_a_caller_that_goes_away_frees_its_place_when_its_work_is_over() -> None:
    """Queued work is dropped; work that runs counts until it ends."""

    async def scenario() -> None:
        pool, gate, began = HashPool(threads=1), Gate(), threading.Event()

        def first() -> None:
            began.set()
            gate.work()

        running = asyncio.ensure_future(pool.run(first))
        queued = asyncio.ensure_future(pool.run(gate.work))
        await asyncio.to_thread(began.wait, 5)
        for task in (running, queued):
            task.cancel()
        await asyncio.gather(running, queued, return_exceptions=True)
        assert pool.in_flight == 1
        gate.event.set()
        await pool.run(int)
        assert pool.in_flight == 0
        assert pool.counts["done"] == 2
        pool.close()

    asyncio.run(scenario())


def test_the_mean_follows_the_measurements(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of the newest, nine tenths of what was."""
    times = iter([0.0, 1.025])
    monkeypatch.setattr(hash_pool.time, "monotonic", lambda: next(times))
    pool = HashPool(threads=1)
    pool._timed(int)
    pool.close()
    assert pool.hash_seconds == pytest.approx(0.125)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no priority per thread")
def test_threads_yield_to_the_event_loop() -> None:
    """Nicer than the process they are in."""

    async def scenario() -> None:
        pool = HashPool(threads=1)
        nice = await pool.run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        own = os.getpriority(os.PRIO_PROCESS, 0)
        assert nice == min(19, own + hash_pool.NICENESS)
        pool.close()

    asyncio.run(scenario())


def test_there_is_a_thread_per_usable_core() -> None:
    """More would buy memory and tail latency only."""
    pool = HashPool()
    assert pool.threads == hash_pool.usable_cores() >= 1
    pool.close()
