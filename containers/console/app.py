"""Makes the console's app, and runs it beside a platform.

Development profile only, on loopback only: it shows every mail, and can break what it shows.
"""

import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from apps.web.app import App, create_app
from apps.web.server import Server
from containers.console.context import Context
from containers.console.flow import read_flow
from containers.console.looks import Looker
from containers.console.map_page import MapPage
from containers.console.pages import Pages, asset_operations
from containers.console.stories import Stories
from containers.console.watch import Watch
from containers.engines import PlatformRefused, Tier, attach
from containers.journey import DEAD_LETTERS, TOPICS
from containers.loopback import refuse_foreign_changes, refuse_foreign_hosts
from containers.ports import bind_ports
from containers.registration import read_configs
from containers.settings import CONSOLE_PORT, PlatformSettings, console_url, is_given
from containers.threads import in_thread

STOP_SECONDS = 0.3


def build(tier: Tier) -> App:
    """The app that shows the platform of this tier."""
    flow = read_flow(read_configs({}))
    topics = (*TOPICS, *DEAD_LETTERS)
    looker = Looker(tier, flow, topics)
    watch = Watch(tier, looker, topics)
    context = Context(tier, flow, watch, Pages({"tier": tier}))
    stories = Stories(tier, watch)

    async def start(app: App) -> None:
        app.ctx.spawn(watch.run(), "watch")

    async def stop(app: App) -> None:
        looker.close()

    app = create_app(
        "console",
        service="console",
        operations=[*MapPage(context, stories).operations(), *asset_operations()],
        start=start,
        stop=stop,
    )
    app.register_middleware(refuse_foreign_hosts, "request")
    app.register_middleware(refuse_foreign_changes, "request")
    return app


class Console:
    """The console of one platform, from the claim to its port until the platform's end.

    why_not: why there is none, in words; None if there is one.

    Raises:
        PlatformRefused: on `claim`, the port was asked for and is taken.
    """

    def __init__(self, settings: PlatformSettings) -> None:
        self._settings = settings
        self._socket: socket.socket | None = None
        self.why_not: str | None = None

    @property
    def url(self) -> str:
        return console_url(self._settings)

    def claim(self, stack: ExitStack) -> None:
        """Takes the port before anything starts. If it is taken and nobody chose it, there is no console."""
        if self._settings.profile != "development":
            self.why_not = "none: the production profile has none"
            return
        try:
            sockets = bind_ports(stack, {CONSOLE_PORT.name: self._settings.console_port})
        except PlatformRefused:
            if is_given(CONSOLE_PORT.name, self._settings.environ):
                raise
            self.why_not = f"none: port {self._settings.console_port} is taken; CONSOLE_PORT chooses another"
            return
        self._socket = sockets[CONSOLE_PORT.name]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serves the platform on the settings' data folder, which has to be ready."""
        if self._socket is None:
            yield
            return
        tier = await in_thread(lambda: attach(self._settings.data))
        try:
            async with Server([(build(tier), self._socket)], grace_seconds=STOP_SECONDS):
                yield
        finally:
            await in_thread(tier.close)
