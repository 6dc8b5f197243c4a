"""/livez, /readyz, /version and /metrics: what operators ask every service."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from sanic import HTTPResponse, Request

from apps.web.answers import json_answer
from apps.web.errors import problem_answer
from apps.web.logs import get_logger
from apps.web.operations import Answer, Operation
from apps.web.refusals import NotReady

log = get_logger("web")

CHECK_SECONDS = 2.0
PROJECT_FILE = Path(__file__).parents[2] / "pyproject.toml"

Checks = Mapping[str, Callable[[], Awaitable[None]]]


def health_operations(service: str, checks: Checks) -> list[Operation]:
    """The operations that tell how the service is; `checks` raise when their part does not work."""

    async def livez(request: Request) -> HTTPResponse:
        return json_answer({"status": "live"})

    async def readyz(request: Request) -> HTTPResponse:
        failing = await failing_checks(checks)
        if failing:
            return problem_answer(request, NotReady(), failing=failing)
        return json_answer({"status": "ready"})

    async def version(request: Request) -> HTTPResponse:
        return json_answer({"service": service, "version": project_version()})

    word = {"type": "string"}
    status = {"type": "object", "properties": {"status": word}, "required": ["status"]}
    named = {
        "type": "object",
        "properties": {"service": word, "version": word},
        "required": ["service", "version"],
    }
    return [
        Operation(
            method="GET",
            path="/livez",
            handler=livez,
            name="livez",
            summary="Whether the process answers",
            answers={200: Answer("It does.", status)},
        ),
        Operation(
            method="GET",
            path="/readyz",
            handler=readyz,
            name="readyz",
            summary="Whether the service can do its work",
            description="Asks its own database and its own consumer, nothing else.",
            answers={200: Answer("It can.", status)},
            refusals=[NotReady],
        ),
        Operation(
            method="GET",
            path="/version",
            handler=version,
            name="version",
            summary="Which version this is",
            answers={200: Answer("Service and version.", named)},
        ),
    ]


async def failing_checks(checks: Checks) -> list[str]:
    """The names of the checks that raise, or take over two seconds; all are asked at once."""

    async def ask(name: str) -> str | None:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await checks[name]()
        except Exception as error:
            log.warning("not_ready", check=name, error=error)
            return name
        return None

    answers = await asyncio.gather(*(ask(name) for name in checks))
    return [name for name in answers if name is not None]


def project_version() -> str:
    """The version that is installed, or that of the folder that the project runs from."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("quartet")
    except PackageNotFoundError:
        return _version_in(PROJECT_FILE)


def _version_in(project_file: Path) -> str:
    if not project_file.is_file():  # an image may hold apps/ alone
        return "unknown"
    from tomllib import loads

    declared: str = loads(project_file.read_text(encoding="utf-8"))["project"]["version"]
    return declared
