"""Makes a service's Sanic app: everything that the four have in common is decided here."""

from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sanic import Config, Sanic

from apps.web.documents import document_operations
from apps.web.errors import EdgeErrorHandler
from apps.web.health import Checks, health_operations
from apps.web.logs import configure_logging
from apps.web.metrics import metrics_operation
from apps.web.operations import Operation, register
from apps.web.pages import Pages
from apps.web.protocol import RequestCounts
from apps.web.requests import EdgeRequest
from apps.web.tasks import Background

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

App = Sanic[Config, SimpleNamespace]
Hook = Callable[[App], Awaitable[None]]

MAX_BODY_BYTES = 16 * 1024
MAX_HEADER_BYTES = 8 * 1024
REQUEST_SECONDS = 10  # from the first byte of a request to the last of its body
RESPONSE_SECONDS = 30
IDLE_SECONDS = 60  # between two requests of a connection

_numbers = count(1)


def create_app(
    name: str,
    *,
    service: str,
    operations: Sequence[Operation],
    public_url: str | None = None,
    clock: Callable[[], Any] | None = None,
    checks: Checks | None = None,
    start: Hook | None = None,
    stop: Hook | None = None,
    metrics: "Callable[[CollectorRegistry], None] | None" = None,
    templates: Path | None = None,
) -> App:
    """A new app with its operations, the health and document routes, and the edge's refusals.

    Args:
        name: of the app; made unique, because several platforms may live in one process.
        service: as it is called in logs, metrics and the document.
        public_url: where the public reaches it: clients made from the document, and the forms of pages, ask
            there; None: where they have got it from.
        clock: kept as app.ctx.clock.
        checks: what /readyz asks, by name; each raises when its part does not work.
        start: runs before the app listens: migrations, and background work by app.ctx.spawn(coroutine, name).
        stop: runs when the last request is answered and the background work has ended: close pools.
        metrics: registers collectors with the app's own registry, at the first scrape.
        templates: the service's folder; app.ctx.pages renders from it.
    """
    configure_logging()
    app: App = Sanic(
        f"{name}-{next(_numbers)}",
        config=_config(),
        request_class=EdgeRequest,
        configure_logging=False,
    )
    background = Background(service)
    pages = Pages(templates, base_path=urlsplit(public_url or "").path)
    everything = [
        *operations,
        *health_operations(service, {**(checks or {}), "background": background.check}),
        metrics_operation(app, metrics),
    ]
    everything += document_operations(service, everything, public_url)
    app.error_handler = EdgeErrorHandler(
        pages, frozenset(o.path.rstrip("/") for o in operations if o.is_page)
    )
    app.ctx.service = service
    app.ctx.clock = clock
    app.ctx.pages = pages
    app.ctx.requests = RequestCounts()
    app.ctx.background = background
    app.ctx.spawn = background.spawn
    app.ctx.is_stopping = False
    register(app, everything)
    _listen(app, background, start, stop)
    return app


def _listen(app: App, background: Background, start: Hook | None, stop: Hook | None) -> None:
    async def before_start(app: App) -> None:
        if start is not None:
            await start(app)

    async def before_stop(app: App) -> None:
        # Requests may still be in flight here; the background work ends first, the pools last.
        app.ctx.is_stopping = True
        await background.stop()

    async def after_stop(app: App) -> None:
        if stop is not None:
            await stop(app)
        Sanic.unregister_app(app)

    app.register_listener(before_start, "before_server_start")
    app.register_listener(before_stop, "before_server_stop")
    app.register_listener(after_stop, "after_server_stop")


def _config() -> Config:
    config = Config(env_prefix=None)  # SANIC_ variables would be cast and could switch limits off
    config.update(
        ACCESS_LOG=False,
        AUTO_EXTEND=False,
        GRACEFUL_TCP_CLOSE_TIMEOUT=1.0,  # for a peer that does not read its last answer
        INSPECTOR=False,
        KEEP_ALIVE_TIMEOUT=IDLE_SECONDS,
        MOTD=False,
        REQUEST_MAX_HEADER_SIZE=MAX_HEADER_BYTES,
        REQUEST_MAX_SIZE=MAX_BODY_BYTES,
        REQUEST_TIMEOUT=REQUEST_SECONDS,
        RESPONSE_TIMEOUT=RESPONSE_SECONDS,
        TOUCHUP=False,  # it rewrites Sanic's classes once: the second app of a process would crash
    )
    return config
