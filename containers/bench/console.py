"""What the console costs the platform that it shows: at rest, and while a page of it is open."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx

from containers.bench.figures import Figure, at_least, at_most, median
from containers.bench.logins import BLOCKS, PEOPLE, login_rate
from containers.bench.subject import QUIET, activate, running, sign_up
from containers.process import PlatformProcess
from containers.settings import CONSOLE_PORT, LOCALHOST

REST_SECONDS = 20.0
SETTLING_SECONDS = 3.0
TICKS = os.sysconf("SC_CLK_TCK")


def console() -> Iterator[Figure]:
    """CPU of the idle platform without a console, with it, and with its map open; then logins beside it."""
    with socket.socket() as taken:
        with suppress(OSError):  # somebody else's console is as good
            taken.bind((LOCALHOST, int(str(CONSOLE_PORT.default))))
        with running({**QUIET, CONSOLE_PORT.name: ""}) as platform:
            without = asyncio.run(_share_at_rest(platform))
    with running() as platform:
        unseen = asyncio.run(_share_at_rest(platform))
        watched = asyncio.run(_share_while_watched(platform))
        ratio = asyncio.run(_logins_while_watched(platform))
    case = "console"
    yield Figure(case, "CPU of the idle platform without it", 100 * without, "%")
    yield at_most(case, "CPU that it adds while nobody looks", 100 * (unseen - without), "%", 1)
    yield Figure(case, "CPU that it adds while its map is open", 100 * (watched - without), "%")
    yield at_least(case, "logins with its map open over logins", ratio, "ratio", 0.97)


async def _share_at_rest(platform: PlatformProcess) -> float:
    """The share of one core that the platform's process has used while nobody asked it anything."""
    await asyncio.sleep(SETTLING_SECONDS)
    before = _cpu_seconds(platform.pid)
    await asyncio.sleep(REST_SECONDS)
    return (_cpu_seconds(platform.pid) - before) / REST_SECONDS


async def _share_while_watched(platform: PlatformProcess) -> float:
    async with _open_map(platform):
        return await _share_at_rest(platform)


async def _logins_while_watched(platform: PlatformProcess) -> float:
    """The middle of the ratios of neighbouring blocks, with and without a follower."""
    await activate(platform, await sign_up(platform, PEOPLE))
    await login_rate(platform)
    ratios = []
    for _ in range(BLOCKS):
        alone = await login_rate(platform)
        async with _open_map(platform):
            ratios.append(await login_rate(platform) / alone)
    return median(ratios)


@asynccontextmanager
async def _open_map(platform: PlatformProcess) -> AsyncIterator[None]:
    """A page that is open: its stream is read, and asked for again when it ends."""

    async def follow() -> None:
        position = ""
        url = f"{platform.tier.urls['console']}/events"
        async with httpx.AsyncClient(timeout=60.0, trust_env=False) as http:
            while True:
                async with http.stream("GET", url, params={"since": position}) as answer:
                    async for line in answer.aiter_lines():
                        if line.startswith("id: "):
                            position = line.removeprefix("id: ")

    following = asyncio.ensure_future(follow())
    try:
        yield
    finally:
        following.cancel()


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process, all its threads (proc(5), fields 14 and 15 of stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
