"""What runs and how it is, for the command line and the console alike."""

from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, cast

import httpx

from containers.connectors import ConnectRefused
from containers.engines import EngineAway, PlatformRefused, Tier, TierOfEngines
from containers.masking import masked_url
from containers.settings import SERVICES

DEADLINE_SECONDS = 3.0


def not_running(tier: str) -> dict[str, Any]:
    """The status of a data folder on which nothing runs."""
    return {
        "tier": tier,
        "ready": False,
        "services": {name: {"url": None, "ready": False} for name in SERVICES},
        "inbox": {"url": None, "smtp": None, "ready": False},
        "console": {"url": None},
        "connect": {"url": None, "problem": None},
        "connectors": [],
        "down": [],
    }


def status(tier: Tier, *, transport: httpx.BaseTransport | None = None) -> dict[str, Any]:
    """The status in the shape of the contract.

    Ready means that the four services answer so on /readyz and every connector is RUNNING; `down` names the
    tier's own engines that do not run, which a platform may outlive for a while.
    """
    with (
        httpx.Client(timeout=DEADLINE_SECONDS, trust_env=False, transport=transport) as http,
        ThreadPoolExecutor(len(SERVICES)) as askers,
    ):
        services = {
            name: {"url": tier.urls[name], "ready": is_ready}
            for name, is_ready in readiness(tier, http, askers).items()
        }
        has_inbox = _is_ready(http, tier.urls["inbox"])
    connectors, problem = [], None
    try:
        connectors = board(tier)
    except EngineAway as away:
        problem = str(away)
    is_ready = (
        all(service["ready"] for service in services.values())
        and bool(connectors)
        and all(connector["state"] == "RUNNING" for connector in connectors)
    )
    return {
        "tier": tier.name,
        "ready": is_ready,
        "services": services,
        "inbox": {"url": masked_url(tier.urls["inbox"]), "smtp": tier.smtp, "ready": has_inbox},
        "console": {"url": tier.urls.get("console")},
        "connect": {"url": masked_url(tier.urls["connect"]), "problem": problem},
        "connectors": connectors,
        "down": _down(tier),
    }


def readiness(tier: Tier, http: httpx.Client, askers: Executor) -> dict[str, bool]:
    """Whether each service says on /readyz that it is ready; all are asked at once."""
    answers = askers.map(lambda name: _is_ready(http, tier.urls[name]), SERVICES)
    return dict(zip(SERVICES, answers, strict=True))


def board(tier: Tier) -> list[dict[str, Any]]:
    """Every connector by name, in the shape of the contract.

    Raises:
        EngineAway: Connect does not answer, or with an error.
    """
    try:
        return [view.as_json() for view in tier.connectors.overview()]
    except ConnectRefused as refused:
        raise EngineAway(
            f"Connect at {masked_url(tier.urls['connect'])} does not tell its connectors: {refused}"
        ) from refused


def _down(tier: Tier) -> list[str]:
    if "engines" not in tier.capabilities:
        return []
    try:
        return cast(TierOfEngines, tier).down()
    except PlatformRefused:
        return ["Docker"]


def _is_ready(http: httpx.Client, url: str) -> bool:
    try:
        return http.get(f"{url}/readyz").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
