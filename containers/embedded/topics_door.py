"""The topics door, in the shape of Confluent's REST Proxy: what topics hold, and records put in by hand.

GET  /topics
POST /topics/{topic}    {"records": [{"key", "value", "headers"?}]}: the exact texts, or null
GET  /topics/{topic}/records?offset=0&limit=100
"""

import asyncio
from typing import Any

import msgspec
from sanic import HTTPResponse, Request

from apps.events.records import Record
from apps.web.answers import json_answer
from apps.web.app import App
from containers.embedded.connect import Connect
from containers.embedded.log import DurableLog, NewRecord
from containers.embedded.rest_errors import RestError

MOST_RECORDS = 1000


class _NewRecord(msgspec.Struct, forbid_unknown_fields=True):
    key: str | None = None
    value: str | None = None
    headers: dict[str, str] = {}


class _NewRecords(msgspec.Struct, forbid_unknown_fields=True):
    records: list[_NewRecord]


def add_topics_door(app: App, connect: Connect, log: DurableLog) -> None:
    """Adds the routes."""

    async def names(request: Request) -> HTTPResponse:
        return json_answer(log.topics())

    async def produce(request: Request, topic: str) -> HTTPResponse:
        _refuse_unknown(log, topic)
        records = [_to_record(topic, record) for record in _read_body(request).records]
        offsets = await asyncio.to_thread(connect.produce, records)
        told = [{"partition": 0, "offset": offset, "error_code": None, "error": None} for offset in offsets]
        return json_answer({"offsets": told, "key_schema_id": None, "value_schema_id": None})

    async def read(request: Request, topic: str) -> HTTPResponse:
        _refuse_unknown(log, topic)
        offset, limit = _number(request, "offset", 0), _number(request, "limit", 100)
        found = await asyncio.to_thread(log.read, topic, offset, min(limit, MOST_RECORDS))
        return json_answer([_told(record) for record in found], no_store=True)

    app.add_route(names, "/topics", methods=["GET"], name="list_topics")
    app.add_route(produce, "/topics/<topic:str>", methods=["POST"], name="produce_records")
    app.add_route(read, "/topics/<topic:str>/records", methods=["GET"], name="read_records")


def _refuse_unknown(log: DurableLog, topic: str) -> None:
    if topic not in log.topics():
        raise RestError(404, "Topic not found.", code=40401)


def _read_body(request: Request) -> _NewRecords:
    try:
        return msgspec.json.decode(request.body, type=_NewRecords)
    except msgspec.ValidationError as error:
        raise RestError(422, f"The body has not the form of records: {error}") from None
    except msgspec.DecodeError as error:
        raise RestError(400, f"The body is not JSON: {error}") from None


def _to_record(topic: str, record: _NewRecord) -> NewRecord:
    key = None if record.key is None else record.key.encode()
    value = None if record.value is None else record.value.encode()
    headers = tuple((name, text.encode()) for name, text in record.headers.items())
    return NewRecord(topic, key, value, headers)


def _told(record: Record) -> dict[str, Any]:
    return {
        "offset": record.offset,
        "key": _text(record.key),
        "value": _text(record.value),
        "headers": {name: _text(value) for name, value in record.headers},
        "timestamp_ms": record.timestamp_ms,
    }


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode(errors="replace")


def _number(request: Request, name: str, default: int) -> int:
    text = request.args.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise RestError(400, f"{name} is not a whole number")
    return int(text)
