"""The containers platform: every part in a container of its own, started in the order of need, wired here.

    async with ContainersPlatform(wanted, progress=print) as platform:   # ready from end to end
        platform.urls["signup"]

Parts start as soon as what they need is ready, each in a thread: the Docker client and the probes block.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

from apps.web.logs import configure_logging
from containers.connector_host import ConnectorHost
from containers.docker.doctor import refuse_missing
from containers.docker.engine import PartFailed, PlatformOnDocker, RunningPart
from containers.docker.images import MONGO_STANDIN, SERVICES, Images, connect_to_docker
from containers.docker.parts import ACCOUNTS, Part
from containers.docker.topology import ENGINE_PORTS, Plan, connector_environ, engine_parts, own_parts
from containers.engines import PlatformRefused
from containers.folder import DataFolder, Description
from containers.keys import ensure_passwords, ensure_secrets
from containers.ports import bind_ports, free_ports
from containers.settings import PlatformSettings, urls
from containers.threads import in_thread

READY_SECONDS = 180.0
"""For one part, on a busy machine; a database that makes its first files takes a tenth of it."""

MONGO_STANDS_IN = "one mongo-java-server for the MongoDB replica set, whose image cannot be had here"

PROBE_PAUSE_SECONDS = 0.2

Progress = Callable[[str], object]


def identity_of(data: Path) -> str:
    """What tells this data folder's platform from others on the same Docker engine."""
    return hashlib.sha256(str(data.absolute()).encode()).hexdigest()[:8]


def remove_leftovers(data: Path, *, with_volumes: bool) -> None:
    """Removes the containers, and on demand the volumes, of a platform on this folder that is not running.

    Raises:
        PlatformRefused: Docker does not answer.
    """
    with closing(connect_to_docker()) as client:
        PlatformOnDocker(client, identity_of(data)).remove(with_volumes=with_volumes)


def kill_parts(data: Path) -> None:
    """Ends every container of the platform on this folder at once; the fault of faults."""
    with closing(connect_to_docker()) as client:
        PlatformOnDocker(client, identity_of(data)).kill()


class ContainersPlatform:
    """One platform in containers.

    Args:
        settings: as containers.settings.load() gives them for this tier.
        progress: told each part as it stands.

    Raises:
        PlatformRefused: on entering, with one sentence: no Docker, a taken port, an image that cannot be had,
            a part that ended while it was starting (with its last lines).
    """

    def __init__(self, settings: PlatformSettings, *, progress: Progress = lambda part: None) -> None:
        self._settings, self._progress = settings, progress
        self._stack = AsyncExitStack()
        self.urls: Mapping[str, str] = urls(settings.ports)
        self.smtp = f"localhost:{settings.ports['INBOX_SMTP_PORT']}"
        self.stand_ins: Sequence[str] = ()

    async def __aenter__(self) -> ContainersPlatform:
        async with AsyncExitStack() as stack:
            folder = DataFolder(self._settings.data)
            configure_logging()
            stack.enter_context(folder.held("containers"))
            with ExitStack() as probing:  # a taken port is refused by its number, before anything runs
                bind_ports(probing, self._settings.ports)
            await in_thread(refuse_missing)
            client = await in_thread(connect_to_docker)
            stack.callback(client.close)
            on_docker = PlatformOnDocker(client, identity_of(folder.path))
            mongo_image = await in_thread(Images(client, self._progress).ensure)
            if mongo_image == MONGO_STANDIN:
                self.stand_ins = (MONGO_STANDS_IN,)
            plan = self._plan(folder, mongo_image, has_data=await in_thread(on_docker.has_volumes))

            await in_thread(lambda: on_docker.remove(with_volumes=False))  # what a killed run has left
            await in_thread(on_docker.create_network)
            started: list[RunningPart] = []
            stack.push_async_callback(self._clean, on_docker, started)
            await self._start([*engine_parts(plan), *own_parts(plan)], on_docker, started)
            host = ConnectorHost(
                connect_url=self.urls["connect"],
                bootstrap=f"localhost:{plan.engine_ports['kafka']}",
                folder=folder,
                environ=connector_environ(plan),
            )
            stack.push_async_callback(in_thread, host.stop)
            await in_thread(lambda: host.start(self._progress))
            for running in started:
                await in_thread(running.keep_running)
            folder.describe(self._description(plan))
            stack.callback(folder.forget)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    def _plan(self, folder: DataFolder, mongo_image: str, *, has_data: bool) -> Plan:
        settings = self._settings
        return Plan(
            settings=settings,
            group_id=str(uuid.uuid5(uuid.NAMESPACE_URL, folder.path.as_uri())),
            engine_ports=dict(zip(ENGINE_PORTS, free_ports(len(ENGINE_PORTS)), strict=True)),
            passwords=ensure_passwords(folder.keys, ACCOUNTS, has_data=has_data),
            secrets=ensure_secrets(folder.keys, has_accounts=has_data, given=settings.environ),
            mongo_image=mongo_image,
        )

    async def _start(
        self, parts: Sequence[Part], on_docker: PlatformOnDocker, started: list[RunningPart]
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
            self._progress(f"{part.name} is ready")
            ready[part.name].set()

        try:
            async with asyncio.TaskGroup() as starting:
                for part in parts:
                    starting.create_task(start(part), name=part.name)
        except* PlatformRefused as group:
            raise next(_leaves(group)) from None

    async def _clean(self, on_docker: PlatformOnDocker, started: Sequence[RunningPart]) -> None:
        await in_thread(on_docker.close)
        self._progress("stopping")
        # What is thrown away need not write its pages back first, which takes a database ten seconds.
        stopped = started if self._settings.keep else ()
        await asyncio.gather(*(in_thread(running.stop) for running in stopped), return_exceptions=True)
        await in_thread(lambda: on_docker.remove(with_volumes=not self._settings.keep))

    def _description(self, plan: Plan) -> Description:
        settings = self._settings
        return Description(
            tier="containers",
            pid=os.getpid(),
            profile=settings.profile,
            started_at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            urls=self.urls,
            smtp=self.smtp,
            ports=settings.ports,
            engines={
                "mongo_image": plan.mongo_image,
                **{name: f"localhost:{port}" for name, port in plan.engine_ports.items()},
            },
        )


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
