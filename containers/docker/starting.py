"""Starts parts in the order of need, each as soon as what it needs is ready, and stops them together.

Each part has a thread of its own where it blocks: the Docker client does, and so do the probes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager

from containers.docker.engine import PartFailed, PlatformOnDocker, RunningPart
from containers.docker.image_names import SERVICES
from containers.docker.parts import Part
from containers.engines import PlatformRefused
from containers.threads import in_thread, to_the_end

READY_SECONDS = 180.0
"""For one part, on a busy machine; a database that makes its first files takes a tenth of it."""

PROBE_PAUSE_SECONDS = 0.2

Progress = Callable[[str], object]


@asynccontextmanager
async def started(
    parts: Sequence[Part], on_docker: PlatformOnDocker, *, progress: Progress, keep: bool
) -> AsyncIterator[Sequence[RunningPart]]:
    """Every part, ready; nothing of them is left afterwards, but for the volumes when they are to be kept.

    Raises:
        PartFailed: one has ended while it was starting, or is not ready in time; with its last lines.
    """
    running: list[RunningPart] = []

    async def clear_up() -> None:
        await in_thread(on_docker.close)
        progress("stopping")
        # What is thrown away need not write its pages back first, which takes a database ten seconds.
        stopped = running if keep else ()
        await asyncio.gather(*(in_thread(part.stop) for part in stopped), return_exceptions=True)
        await in_thread(lambda: on_docker.remove(with_volumes=not keep))

    await in_thread(lambda: on_docker.remove(with_volumes=False))  # what a killed run has left
    try:
        await in_thread(on_docker.create_network)
        await _start(parts, on_docker, running, progress)
        yield running
    finally:
        await to_the_end(clear_up())


async def _start(
    parts: Sequence[Part], on_docker: PlatformOnDocker, started: list[RunningPart], progress: Progress
) -> None:
    """Returns when every part is ready; the first that fails ends the start of all."""
    ready = {part.name: asyncio.Event() for part in parts}

    async def start(part: Part) -> None:
        for need in part.needs:
            await ready[need].wait()
        running = await in_thread(lambda: on_docker.start(part))
        started.append(running)
        if part.image == SERVICES:
            running.follow()
        await _until_ready(running)
        progress(f"{part.name} is ready")
        ready[part.name].set()

    try:
        async with asyncio.TaskGroup() as starting:
            for part in parts:
                starting.create_task(start(part), name=part.name)
    except* PlatformRefused as group:
        raise next(_leaves(group)) from None


async def _until_ready(running: RunningPart) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while missing := await in_thread(lambda: running.part.probe(running)):
        if problem := await in_thread(running.problem):
            raise PartFailed(problem)
        if time.monotonic() > deadline:
            raise PartFailed(
                f"{running.part.name} was not ready within {READY_SECONDS:g} s ({missing}):\n"
                f"{await in_thread(running.last_lines)}"
            )
        await asyncio.sleep(PROBE_PAUSE_SECONDS)


def _leaves(group: BaseExceptionGroup[PlatformRefused]) -> Iterator[PlatformRefused]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
