"""The connectors as `quartet connectors` and `quartet status` print them, and what can be done to one."""

from typing import Any

from containers.connectors import ConnectRefused, ConnectUnreachable
from containers.engines import PlatformRefused, Tier
from containers.output import show_table


def act(tier: Tier, action: str, name: str) -> None:
    """Pauses, resumes or restarts one connector.

    Raises:
        PlatformRefused: Connect does not answer (exit code 3) or refuses, as for an unknown name (1).
    """
    connect = tier.connectors
    try:
        {"pause": connect.pause, "resume": connect.resume, "restart": connect.restart}[action](name)
    except ConnectUnreachable as unreachable:
        raise PlatformRefused(f"{unreachable}.") from unreachable
    except ConnectRefused as refused:
        raise PlatformRefused(f"{name} cannot {action}: {refused}.", exit_code=1) from refused


def show_board(connectors: list[dict[str, Any]]) -> None:
    """Prints the connectors for people; a cause that fills pages is told by its first line."""
    show_table(
        ("connector", "state", "lag", "restarts", "parked", "cause"),
        [
            (
                connector["name"],
                connector["state"],
                connector["lag"],
                connector["restarts"],
                connector["parked"],
                connector["cause"] and connector["cause"].partition("\n")[0],
            )
            for connector in connectors
        ],
    )
