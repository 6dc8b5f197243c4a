"""A service in a process of its own, for the tests of how it starts and stops."""

import asyncio
import sys
from typing import Any

from sanic import HTTPResponse, Request

from apps.storage.errors import SchemaUnknown
from apps.web.answers import json_answer
from apps.web.app import App, create_app
from apps.web.operations import Operation
from apps.web.server import load_or_exit, run_service
from apps.web.settings import SettingsInvalid


async def slow(request: Request) -> HTTPResponse:
    print("in flight", flush=True)
    await asyncio.sleep(float(request.args.get("seconds")))
    return json_answer({"done": True})


async def begin(app: Any) -> None:
    app.ctx.spawn(asyncio.Event().wait(), "work")


async def meet_a_newer_schema(app: Any) -> None:
    raise SchemaUnknown("login", "9999")


async def end(app: Any) -> None:
    print("pools closed", flush=True)


def build() -> App:
    operation = Operation(method="GET", path="/slow", handler=slow, name="slow", summary="Slow")
    start = meet_a_newer_schema if sys.argv[1] == "newer" else begin
    return create_app("one", service="one", operations=[operation], start=start, stop=end)


def bad_settings() -> None:
    raise SettingsInvalid(["A is not set", "B must be a port"])


if __name__ == "__main__":
    if sys.argv[1] == "bad":
        load_or_exit(bad_settings)
    if sys.argv[1] == "strange":
        run_service(build, 0, "192.0.2.1", service="one")
    run_service(build, 0 if sys.argv[1] == "newer" else int(sys.argv[1]), service="one")
