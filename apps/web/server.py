"""Serves apps in the running loop, each on its own socket, and stops them together within a few seconds."""

import asyncio
import errno
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, TypeVar

from apps.storage.errors import SchemaUnknown
from apps.web.logs import configure_logging, get_logger
from apps.web.protocol import EdgeProtocol
from apps.web.settings import SettingsInvalid

if TYPE_CHECKING:
    from apps.web.app import App

T = TypeVar("T")

log = get_logger("web")

GRACE_SECONDS = (
    3.0  # for requests in flight at a stop; a container gets its SIGKILL ten seconds after SIGTERM
)
CUT_SECONDS = 0.5
CLOSE_SECONDS = 1.0  # for pools: closing one whose server is away takes as long as connecting to it
BACKLOG = 512
SIGNALS = (signal.SIGTERM, signal.SIGINT)
_NO_SUCH_ADDRESS = (errno.EADDRNOTAVAIL, errno.EINVAL)  # EINVAL: a link-local one without its interface


class PortTaken(Exception):
    """Another program listens on this port, or this process may not; `reason` says which."""

    def __init__(self, port: int, error: OSError) -> None:
        is_taken = error.errno == errno.EADDRINUSE
        self.port, self.reason = port, "is taken" if is_taken else f"cannot be used ({error.strerror})"
        super().__init__(f"port {port} {self.reason}")


def bind(port: int = 0, host: str = "127.0.0.1") -> socket.socket:
    """A bound socket; binding comes first, so that a taken port fails before anything has started.

    Raises:
        PortTaken: another program listens there, or the port needs rights that this process lacks.
        SettingsInvalid: the host cannot be resolved, or is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        if isinstance(error, socket.gaierror) or error.errno in _NO_SUCH_ADDRESS:
            raise SettingsInvalid(["LISTEN_HOST must be an address of this machine"]) from error
        raise PortTaken(port, error) from error
    return bound


class Server:
    """Several apps in one loop.

    async with Server([(app, bind(8080)), ...]) as server:
        server.urls[app.name]
    """

    def __init__(
        self, apps: "Sequence[tuple[App, socket.socket]]", *, grace_seconds: float = GRACE_SECONDS
    ) -> None:
        self.apps = apps
        self.grace_seconds = grace_seconds
        self.urls = {app.name: _url(bound) for app, bound in apps}
        self._servers: list[Any] = []  # of AsyncioServer, whose methods have no types

    async def __aenter__(self) -> "Server":
        """Starts every app, all at the same time, and listens when all of them have started."""
        try:
            for app, bound in self.apps:
                self._servers.append(await _prepare(app, bound))
            async with asyncio.TaskGroup() as starting:
                for server in self._servers:
                    starting.create_task(server.before_start())
            for server in self._servers:
                await server.start_serving()
                await server.after_start()
        except BaseException as error:
            await self._stop()
            if isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
                raise error.exceptions[0] from None
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stops listening, lets requests in flight end within the grace time, then stops the apps."""
        await self._stop()

    async def _stop(self) -> None:
        for server in self._servers:
            server.server.close()
        await asyncio.gather(*(self._stop_one(server) for server in self._servers))
        for _, bound in self.apps:
            bound.close()

    async def _stop_one(self, server: Any) -> None:
        if not server.app.state.is_started:
            return
        await asyncio.gather(server.before_stop(), self._drain(server))
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await server.after_stop()
        except TimeoutError:
            log.warning("close_took_too_long", service=server.app.ctx.service)
        server.app.state.is_started = False

    async def _drain(self, server: Any) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.grace_seconds
        while server.connections and loop.time() < deadline:
            for connection in list(server.connections):
                connection.close_if_unserved()
            await asyncio.sleep(0.01)
        late = [connection._task for connection in server.connections if connection._task]
        for connection in list(server.connections):
            if connection.transport is not None:
                connection.transport.abort()
        if late:
            log.warning("requests_cut", number=len(late))
            await asyncio.wait(late, timeout=CUT_SECONDS)
        # No wait_closed(): since Python 3.12 it waits for connections too, and hangs on one that was cut.


async def _prepare(app: "App", bound: socket.socket) -> Any:
    server: Any = await app.create_server(
        sock=bound,
        protocol=EdgeProtocol,
        backlog=BACKLOG,
        asyncio_server_kwargs={"start_serving": False},  # else it listens before it has started
    )
    await server.startup()
    return server


def _url(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def load_or_exit(load: Callable[[], T]) -> T:
    """The loaded settings; or every problem of them on stderr, a line each, and exit code 2."""
    try:
        return load()
    except SettingsInvalid as invalid:
        sys.stderr.writelines(f"setting {problem}\n" for problem in invalid.problems)
        raise SystemExit(2) from None


def run_service(
    build: "Callable[[], App | Awaitable[App]]",
    port: int,
    host: str = "127.0.0.1",
    *,
    service: str | None = None,
) -> None:
    """Runs one service as this process until SIGTERM or SIGINT, then exits 0.

    Exit code 2: settings are missing or malformed, or the host is none of this machine's; 3: the port is
    taken, or a newer version has migrated the database.
    """
    configure_logging(service)
    try:
        bound = load_or_exit(lambda: bind(port, host))
    except PortTaken as taken:
        sys.stderr.write(f"{taken}: stop the program that uses it, or choose another port\n")
        raise SystemExit(3) from None
    too_new: Sequence[BaseException] = ()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        try:
            load_or_exit(lambda: runner.run(_serve(build, bound)))
        except* SchemaUnknown as group:
            too_new = group.exceptions
    if too_new:
        sys.stderr.write(f"{too_new[0]}: start the version that wrote it, or name another database\n")
        raise SystemExit(3)
    raise SystemExit(0)


async def _serve(build: "Callable[[], App | Awaitable[App]]", bound: socket.socket) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, stop.set)
    built = build()
    app = await built if isawaitable(built) else built
    async with Server([(app, bound)]) as server:
        log.info("listening", url=server.urls[app.name])
        await stop.wait()
        for number in SIGNALS:  # a second signal ends the process at once
            loop.remove_signal_handler(number)
        log.info("stopping")
    log.info("stopped")


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
