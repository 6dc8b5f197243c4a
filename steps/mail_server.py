"""A mail server that is down, and comes up: how each tier shows the services such an outage."""

from collections.abc import Iterator, Mapping
from typing import Protocol, cast

import pytest

from containers.engines import CAPABILITIES, Tier, TierOfEngines
from steps.route import Route


class MailServer(Protocol):
    """The mail server of a platform that is started with these settings."""

    settings: Mapping[str, str]

    def go_down(self, tier: Tier) -> None: ...

    def come_up(self, tier: Tier) -> None: ...


class RoutedMailServer:
    """The development inbox behind a route that is closed from the start."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self.settings: Mapping[str, str] = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(route.port)}

    def go_down(self, tier: Tier) -> None:
        """It never was up."""

    def come_up(self, tier: Tier) -> None:
        host, port = tier.smtp.rsplit(":", 1)
        self._route.open(host, int(port))


class ContainedMailServer:
    """The development inbox in its container: to a service in another no route of this machine is open."""

    settings: Mapping[str, str] = {}

    def go_down(self, tier: Tier) -> None:
        cast(TierOfEngines, tier).kill("inbox")

    def come_up(self, tier: Tier) -> None:
        cast(TierOfEngines, tier).start("inbox")


@pytest.fixture
def mail_server(request: pytest.FixtureRequest) -> Iterator[MailServer]:
    if "engines" in CAPABILITIES[request.config.getoption("--tier")]:
        yield ContainedMailServer()
        return
    route = Route()
    yield RoutedMailServer(route)
    route.close()
