"""Makes the console's app, and runs it beside a platform.

Development profile only, on loopback only: it shows every mail, and can break what it shows.
"""

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from apps.web.app import App, create_app
from apps.web.server import Server
from containers.attaching import attach
from containers.connect_configs import read_configs
from containers.console.break_page import BreakPage
from containers.console.context import Context
from containers.console.experiments import Experiments
from containers.console.flow import read_flow
from containers.console.inbox_page import InboxPage
from containers.console.journey_page import JourneyPage
from containers.console.load import LoadSampler
from containers.console.looks import Looker
from containers.console.map_page import MapPage
from containers.console.numbers_page import NumbersPage
from containers.console.pages import Pages, asset_operations
from containers.console.scanner import open_http
from containers.console.stories import Stories
from containers.console.watch import Watch
from containers.engines import PlatformRefused, Tier
from containers.folder import DataFolder
from containers.inbox_client import InboxClient
from containers.journey import DEAD_LETTERS, TOPICS
from containers.loopback import refuse_foreign_changes, refuse_foreign_hosts
from containers.ports import bind_ports
from containers.settings import CONSOLE_PORT, PlatformSettings, is_given
from containers.threads import in_thread

STOP_SECONDS = 0.3


def build(tier: Tier) -> App:
    """The app that shows the platform of this tier."""
    flow = read_flow(read_configs({}))
    topics = (*TOPICS, *DEAD_LETTERS)
    looker = Looker(tier, flow, topics)
    watch = Watch(tier, looker, topics)
    context = Context(tier, flow, watch, Pages({"tier": tier}))
    stories, sampler = Stories(tier, watch), LoadSampler(tier.urls)

    def open_inbox() -> InboxClient:
        return InboxClient(tier.urls["inbox"])

    async def start(app: App) -> None:
        app.ctx.spawn(watch.run(), "watch")
        app.ctx.spawn(sampler.run(), "load")

    async def stop(app: App) -> None:
        looker.close()

    app = create_app(
        "console",
        service="console",
        operations=[
            *MapPage(context, stories).operations(),
            *BreakPage(context, Experiments(tier, watch)).operations(),
            *JourneyPage(context, open_inbox).operations(),
            *InboxPage(context, open_inbox, open_http).operations(),
            *NumbersPage(context, sampler).operations(),
            *asset_operations(),
        ],
        start=start,
        stop=stop,
    )
    app.register_middleware(refuse_foreign_hosts, "request")
    app.register_middleware(refuse_foreign_changes, "request")
    return app


class Console:
    """The console of one platform.

    why_not: once it runs, why it does not, in words; None if it does.
    """

    def __init__(self, settings: PlatformSettings) -> None:
        self._settings = settings
        self.url = f"http://localhost:{settings.console_port}"
        self.why_not: str | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serves the platform on the settings' data folder, which has to be ready.

        A port that is taken and that nobody has chosen is no reason to end the platform.

        Raises:
            PlatformRefused: the port was chosen, and has been taken since the start began.
        """
        async with AsyncExitStack() as stack:
            if bound := self._bind(stack):
                self._tell_others()
                tier = await in_thread(lambda: attach(self._settings.data))
                stack.push_async_callback(in_thread, tier.close)
                await stack.enter_async_context(Server([(build(tier), bound)], grace_seconds=STOP_SECONDS))
            yield

    def _tell_others(self) -> None:
        """From now on commands in other processes know the address as well."""
        folder = DataFolder(self._settings.data)
        found = folder.description()
        folder.describe(replace(found, urls={**found.urls, "console": self.url}))

    def _bind(self, stack: AsyncExitStack) -> socket.socket | None:
        settings, name = self._settings, CONSOLE_PORT.name
        if settings.profile != "development":
            self.why_not = "none: the production profile has no console"
            return None
        try:
            return bind_ports(stack, {name: settings.console_port})[name]
        except PlatformRefused:
            if is_given(name, settings.environ):
                raise
        self.why_not = f"none: port {settings.console_port} is taken, {name} chooses another"
        return None
