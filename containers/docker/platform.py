"""The containers platform: every part in a container of its own, wired here.

async with ContainersPlatform(wanted, progress=print) as platform:   # ready from end to end
    platform.urls["signup"]
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from datetime import UTC, datetime

from apps.web.logs import configure_logging
from containers.connector_host import ConnectorHost
from containers.docker.doctor import refuse_missing
from containers.docker.engine import PlatformOnDocker, identity_of
from containers.docker.image_names import MONGO_STANDIN
from containers.docker.images import Images, connect_to_docker
from containers.docker.parts import ACCOUNTS
from containers.docker.services import service_environ
from containers.docker.starting import Progress, started
from containers.docker.topology import (
    ENGINE_PORTS,
    Plan,
    connector_environ,
    engine_parts,
    engine_settings,
    own_parts,
)
from containers.folder import DataFolder, Description
from containers.keys import ensure_passwords, ensure_secrets
from containers.ports import bind_ports, free_ports
from containers.service_settings import load_services
from containers.settings import PlatformSettings, urls
from containers.threads import in_thread

MONGO_STANDS_IN = "one mongo-java-server for the MongoDB replica set, whose image cannot be had here"


class ContainersPlatform:
    """One platform in containers.

    Args:
        settings: as containers.settings.load() gives them for this tier.
        progress: told each part as it stands.

    Raises:
        SettingsInvalid: on entering, with every problem of every service.
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
            # It says "Pulling image" before every start, of an image that is there as well.
            logging.getLogger("testcontainers").setLevel(logging.WARNING)
            stack.enter_context(folder.held("containers"))
            with ExitStack() as probing:  # a taken port is refused by its number, before anything runs
                bind_ports(probing, {**self._settings.ports, **self._settings.chosen_console_port})
                # Picked while those are held: it must be none of them.
                engine_ports = dict(zip(ENGINE_PORTS, free_ports(len(ENGINE_PORTS)), strict=True))
            await in_thread(refuse_missing)
            client = await in_thread(connect_to_docker)
            stack.callback(client.close)
            on_docker = PlatformOnDocker(client, identity_of(folder.path))
            mongo_image = await in_thread(Images(client, self._progress).ensure)
            if mongo_image == MONGO_STANDIN:
                self.stand_ins = (MONGO_STANDS_IN,)
            has_data = await in_thread(on_docker.has_volumes)
            plan = self._plan(folder, mongo_image, engine_ports, has_data=has_data)
            load_services(service_environ(self._settings, engine_settings(plan), plan.secrets))
            folder.remember("containers")
            parts = [*engine_parts(plan), *own_parts(plan)]
            running = await stack.enter_async_context(
                started(parts, on_docker, progress=self._progress, keep=self._settings.keep)
            )
            host = ConnectorHost(
                connect_url=self.urls["connect"],
                bootstrap=f"localhost:{plan.engine_ports['kafka']}",
                folder=folder,
                environ=connector_environ(plan),
            )
            stack.push_async_callback(in_thread, host.stop)
            await in_thread(lambda: host.start(self._progress))
            for part in running:
                await in_thread(part.keep_running)
            folder.describe(self._description(plan))
            stack.callback(folder.forget)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    def _plan(
        self, folder: DataFolder, mongo_image: str, engine_ports: Mapping[str, int], *, has_data: bool
    ) -> Plan:
        settings, secrets = self._settings, dict[str, str]()
        if settings.profile == "development":
            secrets = ensure_secrets(folder.keys, has_accounts=has_data, given=settings.environ)
        return Plan(
            settings=settings,
            group_id=str(uuid.uuid5(uuid.NAMESPACE_URL, folder.path.as_uri())),
            engine_ports=engine_ports,
            passwords=ensure_passwords(folder.keys, ACCOUNTS, has_data=has_data),
            secrets=secrets,
            mongo_image=mongo_image,
        )

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
