"""What runs and how it is: the answer of `quartet status`."""

from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

import httpx

from containers.commands.connectors import board, show_board
from containers.commands.output import show, show_table
from containers.engines import Tier
from containers.settings import SERVICES

DEADLINE_SECONDS = 3.0


def not_running(tier: str) -> dict[str, Any]:
    """The status of a data folder on which nothing runs."""
    return {
        "tier": tier,
        "ready": False,
        "services": {name: {"url": None, "ready": False} for name in SERVICES},
        "inbox": {"url": None, "smtp": None},
        "console": {"url": None},
        "connectors": [],
    }


def status(tier: Tier, *, transport: httpx.BaseTransport | None = None) -> dict[str, Any]:
    """The status in the shape of the contract.

    Ready means that the four services answer so on /readyz and every connector is RUNNING.
    """
    with (
        httpx.Client(timeout=DEADLINE_SECONDS, trust_env=False, transport=transport) as http,
        ThreadPoolExecutor(len(SERVICES)) as askers,
    ):
        services = {
            name: {"url": tier.urls[name], "ready": is_ready}
            for name, is_ready in readiness(tier, http, askers).items()
        }
    connectors = board(tier)
    return {
        "tier": tier.name,
        "ready": all(service["ready"] for service in services.values())
        and bool(connectors)
        and all(connector["state"] == "RUNNING" for connector in connectors),
        "services": services,
        "inbox": {"url": tier.urls["inbox"], "smtp": tier.smtp},
        "console": {"url": tier.urls.get("console")},
        "connectors": connectors,
    }


def readiness(tier: Tier, http: httpx.Client, askers: Executor) -> dict[str, bool]:
    """Whether each service says on /readyz that it is ready; all are asked at once."""
    answers = askers.map(lambda name: _is_ready(http, tier.urls[name]), SERVICES)
    return dict(zip(SERVICES, answers, strict=True))


def show_status(found: Mapping[str, Any]) -> None:
    """Prints the status for people."""
    show(f"{found['tier']} tier: {_word(found['ready'])}")
    show()
    rows = [(name, _word(service["ready"]), service["url"]) for name, service in found["services"].items()]
    show_table(("service", "state", "address"), rows)
    show()
    show(f"inbox {found['inbox']['url']}, SMTP {found['inbox']['smtp']}")
    show(f"console {found['console']['url'] or 'none'}")
    show()
    show_board(found["connectors"])


def _is_ready(http: httpx.Client, url: str) -> bool:
    try:
        return http.get(f"{url}/readyz").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _word(is_ready: bool) -> str:
    return "ready" if is_ready else "not ready"
