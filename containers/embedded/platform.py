"""The embedded platform: everything in one process and one loop, wired here.

    async with EmbeddedPlatform(data, environ) as platform:   # ready: /readyz are 200, connectors RUNNING
        platform.urls["signup"]

Order of start: what can be refused at once (settings, folder, ports, files), then imports, engines, services,
connectors. Heavy modules are imported only after the checks, so that a refusal takes no second.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from apps.storage.errors import SchemaUnknown
from containers import settings as platform_settings
from containers.connect_configs import CONNECTOR_FILES
from containers.connector_files.config import ConfigInvalid, read_folder
from containers.embedded.environment import (
    DATABASES,
    connector_environ,
    database_url,
    service_environ,
)
from containers.embedded.log_file import LogDamaged
from containers.embedded.readiness import connectors_running
from containers.engines import PlatformRefused
from containers.folder import DOCUMENTS, DataFolder, Description, refusal
from containers.ports import bind_ports
from containers.readiness import PlatformNotReady, services_ready
from containers.service_settings import load_services
from containers.settings import PlatformSettings, urls

if TYPE_CHECKING:
    from containers.embedded.connect import Connect

STOP_SECONDS = 1.5
"""For requests in flight at the stop; all of it has to be over within three."""


class EmbeddedPlatform:
    """One platform on one data folder.

    Args:
        data: the data folder, made if need be.
        environ: the settings; see containers/settings.py and those of the services.
        progress: told each part as it stands.

    Raises:
        SettingsInvalid: on entering, with every problem of every service.
        PlatformRefused: on entering, with one sentence: another platform, a taken port, a full disk, damage.
    """

    def __init__(
        self, data: Path, environ: Mapping[str, str], *, progress: Callable[[str], object] = lambda part: None
    ) -> None:
        self._data, self._environ, self._progress = data, environ, progress
        self._stack = AsyncExitStack()
        self.urls: Mapping[str, str] = {}
        self.smtp = ""
        self.stand_ins: Sequence[str] = ()

    async def __aenter__(self) -> EmbeddedPlatform:
        settings = platform_settings.load(self._environ, tier="embedded", data=self._data)
        folder = DataFolder(settings.data)
        self.urls = urls(settings.ports)
        self.smtp = f"localhost:{settings.ports['INBOX_SMTP_PORT']}"
        async with AsyncExitStack() as stack:
            with _refused(folder):
                stack.enter_context(folder.held("embedded"))
                with ExitStack() as probing:
                    bind_ports(probing, _ports(settings) | settings.chosen_console_port)
                sockets = bind_ports(stack, _ports(settings))
                folder.check_files()
                self._progress("data folder and ports are good")
                await _start(stack, settings, folder, sockets, self._progress)
                folder.describe(self._description(settings))
                stack.callback(folder.forget)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    def _description(self, settings: PlatformSettings) -> Description:
        return Description(
            tier="embedded",
            pid=os.getpid(),
            profile=settings.profile,
            started_at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            urls=self.urls,
            smtp=self.smtp,
            ports=settings.ports,
        )


async def _start(
    stack: AsyncExitStack,
    settings: PlatformSettings,
    folder: DataFolder,
    sockets: Mapping[str, socket.socket],
    progress: Callable[[str], object],
) -> None:
    """Starts every part and waits until all are ready; the stack stops them in reverse order."""
    from apps.storage.database import Database
    from apps.web.hash_pool import HashPool
    from apps.web.logs import configure_logging
    from apps.web.server import Server
    from containers.embedded.connect import Connect
    from containers.embedded.documents import EmbeddedDocuments
    from containers.embedded.inbox import Inbox
    from containers.embedded.log import DurableLog
    from containers.embedded.rest import create_rest
    from containers.embedded.services import Engines, build_services
    from containers.keys import ensure_secrets

    configure_logging()
    is_development = settings.profile == "development"
    secrets = {}
    if is_development:
        secrets = ensure_secrets(folder.keys, has_accounts=folder.has_accounts, given=settings.environ)
    checked = load_services(service_environ(settings, folder, secrets))
    folder.remember("embedded")

    log = DurableLog(folder.file("log"))
    stack.callback(log.close)
    files = {name: folder.file(name) for name in (*DATABASES.values(), DOCUMENTS)}
    connect = Connect(log, files, environ=connector_environ(settings.environ))
    hash_pool = HashPool()
    stack.callback(hash_pool.close)
    databases = {service: Database(database_url(folder, name)) for service, name in DATABASES.items()}
    documents = EmbeddedDocuments(folder.file(DOCUMENTS))
    for service, name in DATABASES.items():
        databases[service].on_commit(partial(connect.wake, name))
    documents.on_commit(partial(connect.wake, DOCUMENTS))
    apps = build_services(checked, Engines(databases, documents, log.open_source, hash_pool))

    serving = [(app, sockets[f"{service.upper()}_PORT"]) for service, app in apps.items()]
    serving.append((create_rest(connect, log), sockets["CONNECT_PORT"]))
    if is_development:
        inbox = Inbox(folder.file("inbox"))
        stack.push_async_callback(inbox.stop)
        await inbox.start(sockets["INBOX_SMTP_PORT"])
        serving.append((inbox.app, sockets["INBOX_PORT"]))
        progress("the development inbox takes mail")
    connect.start()
    stack.push_async_callback(asyncio.to_thread, connect.stop)
    await stack.enter_async_context(Server(serving, grace_seconds=STOP_SECONDS))
    await services_ready(settings.ports)
    progress("databases are migrated, the four services are ready")
    await asyncio.to_thread(_register_connectors, connect, tuple(files))
    await connectors_running(connect)
    progress("the seven connectors are running")


def _register_connectors(connect: Connect, databases: Iterable[str]) -> None:
    """Gives Connect the seven files, running, whatever the last run has left of them, and lets it capture."""
    known, configs = connect.names(), read_folder(CONNECTOR_FILES)
    if not configs:
        raise PlatformRefused(f"{CONNECTOR_FILES} holds no connector files: start from a whole checkout.")
    for name, config in configs.items():
        if name not in known or connect.config(name) != {**config, "name": name}:
            connect.put(name, config)
        connect.resume(name)
    for prepared in [connect.capture_ready(database) for database in databases]:
        prepared.result()


def _ports(settings: PlatformSettings) -> dict[str, int]:
    """The production profile has no inbox."""
    is_development = settings.profile == "development"
    return {name: port for name, port in settings.ports.items() if is_development or "INBOX" not in name}


@contextmanager
def _refused(folder: DataFolder) -> Iterator[None]:
    """Says in one sentence what files and folders do not allow; where several services meet that, of one."""
    try:
        yield
    except ExceptionGroup as group:
        with _refused(folder):
            raise group.exceptions[0] from group
    except OSError as error:
        raise refusal(error, Path(error.filename) if error.filename else folder.path) from error
    except sqlite3.DatabaseError as error:
        folder.check_files(thoroughly=True)  # it does not say in which file it was
        raise refusal(error, folder.path) from error
    except LogDamaged as error:
        raise PlatformRefused(str(error)) from error
    except SchemaUnknown as error:
        raise PlatformRefused(
            f"{folder.file(DATABASES[error.name])} was written by a newer version of this program (schema "
            f"{error.revision}): start that one, or choose another folder with --data."
        ) from error
    except ConfigInvalid as error:
        raise PlatformRefused(f"Connector {error}. Mend {CONNECTOR_FILES}.", exit_code=2) from error
    except PlatformNotReady:
        folder.check_files(thoroughly=True)  # what a look at the files explains, it explains better
        raise
