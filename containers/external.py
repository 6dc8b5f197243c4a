"""The external tier: the four services as processes, on the engines that the environment names.

Nothing else is started. The connectors are registered with the Connect at CONNECT_URL, whose own environment
holds what their placeholders stand for, and the watchdog looks after them while the platform runs.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from apps.web.logs import configure_logging
from apps.web.server import bind
from apps.web.settings import Setting, given
from containers.connector_host import ConnectorHost
from containers.engines import PlatformRefused, Tier
from containers.folder import DataFolder, Description
from containers.keys import ensure_secrets, write_secret
from containers.ports import bind_ports
from containers.readiness import services_ready
from containers.real_engines import RealTier, SQLAddress
from containers.service_settings import DECLARED, completed, load_services
from containers.settings import SERVICES, PlatformSettings, urls
from containers.threads import in_thread

DATABASES = {
    "signup_db": "SIGNUP_DATABASE_URL",
    "login_db": "LOGIN_DATABASE_URL",
    "rpwd_db": "RESET_PASSWORD_DATABASE_URL",
}
REMEMBERED = (*DATABASES.values(), "ACTIVATION_MONGO_URL", "KAFKA_BOOTSTRAP_SERVERS")
ADDRESSES_FILE = "external.json"

INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "VIRTUAL_ENV", "PYTHONPATH")
"""What a service gets of this environment besides its own settings."""

READY_SECONDS = 120.0
"""The services migrate their databases first, over a network."""

STOP_SECONDS = 6.0
RESTART_SECONDS = 1.0
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class ExternalPlatform:
    """The four services on engines that are there already.

    Raises:
        SettingsInvalid: on entering, with everything that is missing or malformed.
        PlatformRefused: on entering, with one sentence: a taken port, a service that ends, Connect away.
    """

    def __init__(
        self, settings: PlatformSettings, *, progress: Callable[[str], object] = lambda part: None
    ) -> None:
        self._settings, self._progress = settings, progress
        self._stack = AsyncExitStack()
        connect = given("CONNECT_URL", settings.environ)
        inbox = given("INBOX_URL", settings.environ)
        found = urls(settings.ports)
        self.urls: Mapping[str, str] = {
            **found,
            "connect": connect or found["connect"],
            "inbox": inbox or found["inbox"],
        }
        host, port = (given(name, settings.environ) for name in ("SMTP_HOST", "SMTP_PORT"))
        self.smtp = f"{host or 'localhost'}:{port or settings.ports['INBOX_SMTP_PORT']}"
        self.stand_ins: Sequence[str] = ()

    async def __aenter__(self) -> ExternalPlatform:
        settings, folder = self._settings, DataFolder(self._settings.data)
        async with AsyncExitStack() as stack:
            configure_logging()
            stack.enter_context(folder.held("external"))
            secrets = {}
            if settings.profile == "development":
                secrets = ensure_secrets(folder.keys, has_accounts=False, given=settings.environ)
            environ = {**completed(settings, secrets), "QUARTET_PROFILE": settings.profile}
            checked = load_services(environ)
            bind(0, checked.signup.host).close()  # else each service would end by itself for the same reason
            folder.remember("external")
            ports = {name: settings.ports[name] for name in (f"{s.upper()}_PORT" for s in SERVICES)}
            async with (
                AsyncExitStack() as probing
            ):  # a taken port is refused by its number, before anything runs
                bind_ports(probing, ports | settings.chosen_console_port)
            await self._start(stack, environ)
            host = ConnectorHost(
                connect_url=self.urls["connect"],
                bootstrap=environ["KAFKA_BOOTSTRAP_SERVERS"],
                folder=folder,
                environ=environ,
            )
            stack.push_async_callback(in_thread, host.stop)
            await in_thread(lambda: host.start(self._progress))
            write_secret(
                folder.keys / ADDRESSES_FILE, json.dumps({name: environ[name] for name in REMEMBERED})
            )
            folder.describe(self._description())
            stack.callback(folder.forget)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    async def _start(self, stack: AsyncExitStack, environ: Mapping[str, str]) -> None:
        """Starts the services and returns when all are ready; one that ends meanwhile ends the start."""
        services = [_Service(service, environ) for service in SERVICES]
        stack.push_async_callback(_stop_all, services)
        for service in services:
            await service.start()
        ready = asyncio.ensure_future(services_ready(self._settings.ports, within_seconds=READY_SECONDS))
        ended = [asyncio.ensure_future(service.process.wait()) for service in services]
        try:
            await asyncio.wait([ready, *ended], return_when=asyncio.FIRST_COMPLETED)
            for service, end in zip(services, ended, strict=True):
                if end.done():
                    raise PlatformRefused(
                        f"{service.name} has ended while it was starting (exit code {end.result()}): "
                        "what it said stands above."
                    )
            await ready
        finally:
            for waiting in (ready, *ended):
                waiting.cancel()
        self._progress("the four services are ready")
        for service in services:
            service.keep_running(self._progress)

    def _description(self) -> Description:
        settings = self._settings
        return Description(
            tier="external",
            pid=os.getpid(),
            profile=settings.profile,
            started_at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            urls=self.urls,
            smtp=self.smtp,
            ports=settings.ports,
        )


class _Service:
    """One service as a process, with its own settings and no other's."""

    def __init__(self, name: str, environ: Mapping[str, str]) -> None:
        self.name = name
        own = {setting.name for setting in _declared(name)}
        self._environ = {
            **{key: value for key, value in os.environ.items() if key in INHERITED},
            **{key: value for key, value in environ.items() if key in own},
        }
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            f"apps.{self.name}",
            env=self._environ,
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # a terminal's Ctrl-C is for us, and we stop them in order
            preexec_fn=end_with_parent,
        )

    def keep_running(self, tell: Callable[[str], object]) -> None:
        """From now on the process is started again when it ends by itself."""
        self._keeper = asyncio.ensure_future(self._keep(tell))

    async def stop(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
        with suppress(ProcessLookupError):
            self.process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()

    async def _keep(self, tell: Callable[[str], object]) -> None:
        while True:
            code = await self.process.wait()
            tell(f"{self.name} has ended (exit code {code}) and is started again")
            await asyncio.sleep(RESTART_SECONDS)
            await self.start()


def end_with_parent() -> None:
    """In a new process: it is told to stop when this one is killed, or its ports would stay taken."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


async def _stop_all(services: Sequence[_Service]) -> None:
    await asyncio.gather(*(service.stop() for service in services if hasattr(service, "process")))


def _declared(service: str) -> Sequence[Setting]:
    return DECLARED[service]


def attach(data: Path) -> Tier:
    """A handle to the platform on this folder; raises NotRunning."""
    folder = DataFolder(data)
    description = folder.description()
    found: dict[str, Any] = json.loads((folder.keys / ADDRESSES_FILE).read_text(encoding="utf-8"))
    return RealTier(
        folder,
        description,
        databases={database: _address(found[name]) for database, name in DATABASES.items()},
        mongo_url=found["ACTIVATION_MONGO_URL"],
        bootstrap=found["KAFKA_BOOTSTRAP_SERVERS"],
    )


def _address(text: str) -> SQLAddress:
    url = make_url(text)
    return SQLAddress(
        url.host or "localhost", url.port or 3306, url.username or "", url.password or "", url.database or ""
    )
