"""Logs: one JSON object a line on stderr, with the request's id, and without values of requests.

The text of an exception may hold what a client sent (a driver quotes its parameters), so it is logged as its
class and its frames; addresses and tokens in the texts of libraries are masked.
"""

import logging
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

_ADDRESS = re.compile(r"[^\s\"'<>(),;:=/\\]+@[^\s\"'<>(),;:=/\\?&]+")
_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*")
_SECRET = re.compile(r"(?i)\b(token|password|pepper|secret|authorization)=[^\s&\"']+")
_CREDENTIALS = re.compile(r"(?<=://)[^\s/@]+@")
_PLAIN = frozenset({"event", "level", "timestamp", "logger", "service", "request_id"})

Event = MutableMapping[str, Any]


def configure_logging(service: str | None = None, *, level: int = logging.INFO) -> None:
    """Sends all that is logged in this process to stderr as JSON; a second call only names the service.

    Args:
        service: put into each line that does not say otherwise (the four apps of one process bind their own).
    """
    if service is not None:
        structlog.contextvars.bind_contextvars(service=service)
    if structlog.is_configured():
        return
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_exception_texts,
        masked_values,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = _StderrHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
            keep_exc_info=False,
        )
    )
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level)
    for noisy in (
        "sanic",
        "asyncio",
        "aiosqlite",
        "alembic",
        "aiokafka",
        "pymongo",
        "aiosmtpd",
        "mail.log",
        "httpx",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)


class _StderrHandler(logging.StreamHandler[Any]):
    """Writes to what sys.stderr is at that moment: it is replaced when a process detaches, and by tests."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        return sys.stderr


def get_logger(room: str) -> Any:
    """A structlog logger: `log.info("event_name", field=value)`. `room` names the part of the code."""
    return structlog.get_logger(f"quartet.{room}", room=room)


def bind(**values: str) -> None:
    """Adds fields to every further line of this task (and of the tasks that it starts)."""
    structlog.contextvars.bind_contextvars(**values)


def without_exception_texts(_logger: object, _method: str, event: Event) -> Event:
    """Replaces exceptions, under `error` or exc_info, by their class, their frames and their causes."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info if isinstance(info, BaseException) else info[1] if isinstance(info, tuple) else None
    if isinstance(event.get("error"), BaseException):
        error = event.pop("error")
    if error is not None:
        event["error"] = described(error)
    return event


def described(error: BaseException) -> list[dict[str, Any]]:
    """The exception and what caused it: class names, stable codes and frames, never its text."""
    chain: list[dict[str, Any]] = []
    current: BaseException | None = error
    while current is not None and len(chain) < 5:
        frames = traceback.extract_tb(current.__traceback__)[-12:]
        link: dict[str, Any] = {
            "class": f"{type(current).__module__}.{type(current).__qualname__}",
            "frames": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
        }
        if isinstance(code := getattr(current, "code", None), str):
            link["code"] = code
        if isinstance(current, OSError) and current.errno is not None:
            link["errno"] = current.errno
        chain.append(link)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return chain


def masked_values(_logger: object, _method: str, event: Event) -> Event:
    """Masks addresses, tokens and credentials in every text of the line."""
    for name, value in event.items():
        if name not in _PLAIN or name == "event":
            event[name] = _masked(value)
    return event


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        text = _TOKEN.sub("***", _CREDENTIALS.sub("***@", value))
        text = _SECRET.sub(r"\1=***", text)
        return _ADDRESS.sub(_mask_address, text) if "@" in text else text
    if isinstance(value, Mapping):
        return {name: _masked(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(part) for part in value]
    return value


def _mask_address(match: re.Match[str]) -> str:
    local, _, domain = match[0].rpartition("@")
    return f"{local[:1]}***@{domain[:1]}***"
