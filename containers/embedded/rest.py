"""Kafka Connect's REST API on the embedded Connect, as far as people and programs use it, and the topics door.

    GET POST   /connectors[?expand=status&expand=info]        GET DELETE  /connectors/{name}
    GET PUT    /connectors/{name}/config                      GET         /connectors/{name}/status | topics
    PUT        /connectors/{name}/pause | resume | stop       POST        /connectors/{name}/restart
    GET PATCH DELETE /connectors/{name}/offsets               GET         /connectors/{name}/tasks[/0/status]
    GET        /connector-plugins                             PUT POST    /connector-plugins/{class}/config/validate
    GET        /topics   POST /topics/{topic}   GET /topics/{topic}/records     (topics_door.py)

Like the real one it has no accounts: it listens on loopback, and answers no page of another site.
"""  # noqa: E501 - a catalogue

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import unquote

import msgspec
from sanic import HTTPResponse, Request

from apps.web.answers import json_answer, no_content
from apps.web.app import App, create_app
from containers.connector_files.config import as_texts
from containers.connector_files.options import OPTIONS
from containers.embedded.connect import Connect, ConnectorUnknown
from containers.embedded.connector import WORKER
from containers.embedded.log import DurableLog
from containers.embedded.plugins import plugins, validation
from containers.embedded.rest_errors import ConnectErrorHandler, RestError
from containers.embedded.topics_door import add_topics_door
from containers.loopback import comes_from_loopback, names_loopback

T = TypeVar("T")

MAX_BODY_BYTES = 1 << 20

_VERSION = "4.3.1"
"""Of Kafka Connect, whose answers these imitate."""
_TARGETS = {"RUNNING": "STARTED", "PAUSED": "PAUSED", "STOPPED": "STOPPED"}


def create_rest(connect: Connect, log: DurableLog) -> App:
    """The app that serves Connect's REST API and the topics door; hand it to a Server."""
    app = create_app("connect", service="connect", operations=())
    app.config.REQUEST_MAX_SIZE = MAX_BODY_BYTES
    app.error_handler = ConnectErrorHandler()
    app.register_middleware(_refuse_strangers, "request")
    _Connectors(connect, log).add_to(app)
    add_topics_door(app, connect, log)
    return app


class _Connectors:
    """The routes of connectors; each waits for the engine in a thread of its own, never on the loop."""

    def __init__(self, connect: Connect, log: DurableLog) -> None:
        self._connect, self._log = connect, log

    def add_to(self, app: App) -> None:
        one = "/connectors/<name:str>"
        plugin = "/connector-plugins/<plugin:str>/config/validate"
        app.add_route(self._about, "/", methods=["GET"], name="about")
        app.add_route(self._list, "/connectors", methods=["GET"], name="list_connectors")
        app.add_route(self._create, "/connectors", methods=["POST"], name="create_connector")
        app.add_route(self._show, one, methods=["GET"], name="show_connector")
        app.add_route(self._delete, one, methods=["DELETE"], name="delete_connector")
        app.add_route(self._config, f"{one}/config", methods=["GET"], name="show_config")
        app.add_route(self._configure, f"{one}/config", methods=["PUT"], name="put_config")
        app.add_route(self._status, f"{one}/status", methods=["GET"], name="show_status")
        app.add_route(self._topics, f"{one}/topics", methods=["GET"], name="show_topics")
        app.add_route(self._tasks, f"{one}/tasks", methods=["GET"], name="list_tasks")
        app.add_route(self._task, f"{one}/tasks/0/status", methods=["GET"], name="show_task")
        app.add_route(self._restart, f"{one}/tasks/0/restart", methods=["POST"], name="restart_task")
        app.add_route(self._restart, f"{one}/restart", methods=["POST"], name="restart_connector")
        for verb, change in (
            ("pause", self._connect.pause),
            ("resume", self._connect.resume),
            ("stop", self._connect.stop_connector),
        ):
            app.add_route(_changing(change), f"{one}/{verb}", methods=["PUT"], name=f"{verb}_connector")
        app.add_route(self._offsets, f"{one}/offsets", methods=["GET"], name="show_offsets")
        app.add_route(self._alter_offsets, f"{one}/offsets", methods=["PATCH"], name="alter_offsets")
        app.add_route(self._reset_offsets, f"{one}/offsets", methods=["DELETE"], name="reset_offsets")
        app.add_route(self._plugins, "/connector-plugins", methods=["GET"], name="list_plugins")
        app.add_route(self._validate, plugin, methods=["PUT", "POST"], name="validate_config")

    async def _about(self, request: Request) -> HTTPResponse:
        about = {"version": _VERSION, "commit": WORKER, "kafka_cluster_id": self._log.identity}
        return json_answer(about)

    async def _list(self, request: Request) -> HTTPResponse:
        wanted = request.args.getlist("expand") or []

        def expanded(name: str) -> dict[str, Any]:
            told = {"status": self._connect.status, "info": self._info}
            return {what: told[what](name) for what in wanted if what in told}

        def answer() -> Any:
            names = self._connect.names()
            return {name: expanded(name) for name in names} if wanted else names

        return json_answer(await asyncio.to_thread(answer))

    async def _create(self, request: Request) -> HTTPResponse:
        body = _read_object(request)
        name, target = body.get("name"), _TARGETS.get(body.get("initial_state", "RUNNING"))
        if not isinstance(name, str) or not name.strip():
            raise RestError(400, "The name of the connector is missing")
        if target is None:
            raise RestError(400, "initial_state is none of RUNNING, PAUSED, STOPPED")
        config = _config_for(name, body.get("config"))
        await asyncio.to_thread(self._connect.add, name, config, target=target)  # type: ignore[arg-type]
        return json_answer(await asyncio.to_thread(self._info, name), 201)

    async def _show(self, request: Request, name: str) -> HTTPResponse:
        return json_answer(await asyncio.to_thread(self._info, unquote(name)))

    async def _delete(self, request: Request, name: str) -> HTTPResponse:
        await asyncio.to_thread(self._connect.delete, unquote(name))
        return no_content()

    async def _config(self, request: Request, name: str) -> HTTPResponse:
        return json_answer(await asyncio.to_thread(self._connect.config, unquote(name)))

    async def _configure(self, request: Request, name: str) -> HTTPResponse:
        config = _config_for(unquote(name), _read_object(request))
        is_new = await asyncio.to_thread(self._connect.put, unquote(name), config)
        return json_answer(await asyncio.to_thread(self._info, unquote(name)), 201 if is_new else 200)

    async def _status(self, request: Request, name: str) -> HTTPResponse:
        return json_answer(await asyncio.to_thread(self._find_status, unquote(name)))

    async def _topics(self, request: Request, name: str) -> HTTPResponse:
        topics = await asyncio.to_thread(self._connect.topics, unquote(name))
        return json_answer({unquote(name): {"topics": topics}})

    async def _tasks(self, request: Request, name: str) -> HTTPResponse:
        config = await asyncio.to_thread(self._connect.config, unquote(name))
        return json_answer([{"id": {"connector": unquote(name), "task": 0}, "config": config}])

    async def _task(self, request: Request, name: str) -> HTTPResponse:
        tasks = (await asyncio.to_thread(self._find_status, unquote(name)))["tasks"]
        if not tasks:
            raise RestError(404, f"No status found for task {unquote(name)}-0")
        return json_answer(tasks[0])

    async def _restart(self, request: Request, name: str) -> HTTPResponse:
        only_failed = request.args.get("onlyFailed") == "true"
        status = await asyncio.to_thread(self._find_status, unquote(name))
        await asyncio.to_thread(self._connect.restart, unquote(name), only_failed=only_failed)
        if request.args.get("includeTasks") != "true" and not only_failed:
            return no_content()
        for task in status["tasks"]:
            if task["state"] == "FAILED" or not only_failed:
                task["state"] = "RESTARTING"
        return json_answer(status, 202)

    async def _offsets(self, request: Request, name: str) -> HTTPResponse:
        return json_answer({"offsets": await asyncio.to_thread(self._connect.offsets, unquote(name))})

    async def _alter_offsets(self, request: Request, name: str) -> HTTPResponse:
        kind = await asyncio.to_thread(self._connect.type, unquote(name))
        offsets = _wanted_offsets(_read_object(request), kind)
        await asyncio.to_thread(self._connect.set_offsets, unquote(name), offsets)
        return json_answer({"message": "The offsets for this connector have been altered successfully"})

    async def _reset_offsets(self, request: Request, name: str) -> HTTPResponse:
        await asyncio.to_thread(self._connect.set_offsets, unquote(name), None)
        return json_answer({"message": "The offsets for this connector have been reset successfully"})

    async def _plugins(self, request: Request) -> HTTPResponse:
        return json_answer(plugins())

    async def _validate(self, request: Request, plugin: str) -> HTTPResponse:
        known = {name.rpartition(".")[2]: name for name in OPTIONS} | {name: name for name in OPTIONS}
        if plugin not in known:
            raise RestError(404, f"Unknown connector plugin {plugin}")
        config = {"connector.class": known[plugin], **_config_for(None, _read_object(request))}
        return json_answer(validation(self._connect.check, config))

    def _info(self, name: str) -> dict[str, Any]:
        return {
            "name": name,
            "config": self._connect.config(name),
            "tasks": [{"connector": name, "task": 0}],
            "type": self._connect.type(name),
        }

    def _find_status(self, name: str) -> dict[str, Any]:
        try:
            return self._connect.status(name)
        except ConnectorUnknown:
            raise RestError(404, f"No status found for connector {name}") from None


def _changing(change: Callable[[str], None]) -> Callable[..., Any]:
    async def handle(request: Request, name: str) -> HTTPResponse:
        await asyncio.to_thread(change, unquote(name))
        return HTTPResponse(b"", 202)

    return handle


def _read_object(request: Request) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(request.body)
    except msgspec.DecodeError as error:
        raise RestError(500, f"The body is not JSON: {error}") from None  # 500, as the real one
    if not isinstance(body, dict):
        raise RestError(400, "The body is not a JSON object")
    return body


def _config_for(name: str | None, config: Any) -> dict[str, str]:
    try:
        texts = as_texts(config)
    except (TypeError, AttributeError):
        raise RestError(400, "The configuration is not an object of texts") from None
    if name is not None and texts.get("name", name) != name:
        raise RestError(
            400,
            f"Connector name configuration ({texts['name']}) doesn't match connector name in the URL "
            f"({name})",
        )
    return texts


def _wanted_offsets(body: dict[str, Any], kind: str) -> dict[str, Any]:
    """The offsets to set: of a sink by topic, of a source what stands under its one partition."""
    try:
        entries = body["offsets"]
        if kind == "sink":
            wanted = {
                entry["partition"]["kafka_topic"]: int(entry["offset"]["kafka_offset"]) for entry in entries
            }
            return {str(topic): max(0, offset) for topic, offset in wanted.items()}
        (entry,) = entries
        return {"ts_sec": 0, "file": str(entry["offset"]["file"]), "pos": int(entry["offset"]["pos"])}
    except (KeyError, TypeError, ValueError):
        raise RestError(400, "The offsets are not in the form in which GET tells them") from None


async def _refuse_strangers(request: Request) -> None:
    """A page of another site, which a developer visits, can reach loopback; and a body has to be JSON."""
    if not (names_loopback(request) and comes_from_loopback(request)):
        raise RestError(403, "This is reached from this machine only")
    if (
        request.body
        and request.headers.get("content-type", "").partition(";")[0].strip() != "application/json"
    ):
        raise RestError(415, "HTTP 415 Unsupported Media Type")
