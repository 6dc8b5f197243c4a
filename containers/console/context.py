"""What every page of the console is made from."""

from dataclasses import dataclass

from containers.console.flow import Flow
from containers.console.pages import Pages
from containers.console.watch import Watch
from containers.engines import Tier


@dataclass(frozen=True)
class Context:
    """tier: blocking, so asked in a thread. watch: tells followers what is new."""

    tier: Tier
    flow: Flow
    watch: Watch
    pages: Pages
