"""Logins: against the hash bound, beside cheap requests, and at twice what the machine can hash."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator

from apps.auth.passwords import hash_password, verify_password
from apps.web.hash_pool import HashPool
from containers.bench.figures import Figure, at_least, at_most, median, percentile
from containers.bench.load import Act, Answer, Connection, closed_loop, open_loop
from containers.bench.subject import DEV, PASSWORD, activate, running, sign_up
from containers.process import PlatformProcess

PEOPLE = [f"person{index}@example.org" for index in range(64)]
WORKERS = 4 * len(os.sched_getaffinity(0))
BLOCK_SECONDS = 3.0
BLOCKS = 5
OVERLOAD_SECONDS = 15.0


async def _log_in(connection: Connection, index: int, since: float | None = None) -> Answer:
    body = {"email": PEOPLE[index % len(PEOPLE)], "password": PASSWORD}
    return await connection.ask("POST", f"{DEV}/login", body, since=since)


async def hash_rate(pool: HashPool, work: Callable[..., object], *arguments: object) -> float:
    """Hashes per second of the services' executor under as many callers, with nothing around them."""
    done, ends_at = 0, time.perf_counter() + BLOCK_SECONDS

    async def call() -> None:
        nonlocal done
        while time.perf_counter() < ends_at:
            await pool.run(work, *arguments)
            done += 1

    began = time.perf_counter()
    await asyncio.gather(*(call() for _ in range(WORKERS)))
    return done / (time.perf_counter() - began)


async def login_rate(platform: PlatformProcess) -> float:
    """Logins per second over one block."""
    began = time.perf_counter()
    answers = await closed_loop(platform.tier.urls["login"], _log_in, workers=WORKERS, seconds=BLOCK_SECONDS)
    assert {answer.status for answer in answers} == {200}
    return len(answers) / (time.perf_counter() - began)


def hash_login() -> Iterator[Figure]:
    """Logins per second over what the same executor hashes alone, in alternating blocks."""

    async def measure(platform: PlatformProcess) -> list[tuple[float, float]]:
        await activate(platform, await sign_up(platform, PEOPLE))
        pool, encoded = HashPool(), hash_password(PASSWORD, b"bench")
        bound = (verify_password, PASSWORD, encoded, b"bench")
        blocks = [(await hash_rate(pool, *bound), await login_rate(platform)) for _ in range(BLOCKS)]
        pool.close()
        return blocks

    with running() as platform:
        blocks = asyncio.run(measure(platform))
    yield Figure("hash_login", "hashes alone", median([bound for bound, _ in blocks]), "1/s")
    yield Figure("hash_login", "logins", median([logins for _, logins in blocks]), "1/s")
    yield at_least("hash_login", "logins over hashes", median([b / a for a, b in blocks]), "ratio", 0.90)


async def _cheap_until(url: str, done: asyncio.Event) -> list[float]:
    """A cheap request every 5 ms from a connection of its own, timed from when it was due."""
    connection, seconds = Connection(url), []
    due = time.perf_counter()
    while not done.is_set():
        seconds.append((await connection.ask("GET", "/livez", since=due)).seconds)
        due = max(due + 0.005, time.perf_counter())
        await asyncio.sleep(due - time.perf_counter())
    connection.close()
    return seconds


def cheap_under_hash() -> Iterator[Figure]:
    """How long a cheap request takes while every core hashes."""

    async def measure(platform: PlatformProcess) -> list[float]:
        await activate(platform, await sign_up(platform, PEOPLE))
        url, done = platform.tier.urls["login"], asyncio.Event()
        cheap = asyncio.create_task(_cheap_until(url, done))
        await closed_loop(url, _log_in, workers=WORKERS, seconds=10)
        done.set()
        return await cheap

    with running() as platform:
        seconds = asyncio.run(measure(platform))
    yield Figure("cheap_under_hash", "GET /livez p50", 1000 * median(seconds), "ms")
    yield at_most("cheap_under_hash", "GET /livez p99", 1000 * percentile(seconds, 99), "ms", 10)


def overload_2x() -> Iterator[Figure]:
    """Twice the logins that can be hashed: what is still served, and how the rest is refused."""

    async def measure(platform: PlatformProcess) -> tuple[float, list[Answer], list[float]]:
        await activate(platform, await sign_up(platform, PEOPLE))
        url, done = platform.tier.urls["login"], asyncio.Event()
        capacity = await login_rate(platform)
        cheap = asyncio.create_task(_cheap_until(url, done))
        act: Act = _from_due_time
        answers = await open_loop(url, act, per_second=2 * capacity, seconds=OVERLOAD_SECONDS)
        done.set()
        return capacity, answers, await cheap

    with running() as platform:
        capacity, answers, cheap = asyncio.run(measure(platform))
    good = [answer for answer in answers if answer.status == 200 and answer.seconds < 1]
    refused = [answer for answer in answers if answer.status != 200]
    case = "overload_2x"
    yield Figure(case, "capacity", capacity, "1/s")
    yield at_least(case, "goodput over capacity", len(good) / OVERLOAD_SECONDS / capacity, "ratio", 0.9)
    yield at_most(case, "cheap requests p99", 1000 * percentile(cheap, 99), "ms", 10)
    yield at_most(case, "refusals p99", 1000 * percentile([a.seconds for a in refused], 99), "ms", 20)
    proper = [a for a in refused if a.status == 503 and a.headers.get("retry-after", "").isdigit()]
    yield at_least(case, "refusals that are 503 with Retry-After", len(proper) / len(refused), "ratio", 1)


async def _from_due_time(connection: Connection, index: int) -> Answer:
    return await _log_in(connection, index, time.perf_counter())
