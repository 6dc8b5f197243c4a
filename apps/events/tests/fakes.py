"""A source and records for tests, in memory."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from apps.events.records import Record


def record(value: Any = None, *, offset: int = 0, topic: str = "users", key: Any = 11) -> Record:
    """A record as JsonConverter writes it without schemas; bytes are taken as they are."""
    return Record(
        topic=topic,
        partition=0,
        offset=offset,
        key=_bytes(None if key is None else {"id": key}),
        value=_bytes(value),
        headers=(("__debezium.context.taskId", b"0"),),
        timestamp_ms=1_795_455_439_030,
    )


def _bytes(value: Any) -> bytes | None:
    return value if value is None or isinstance(value, bytes) else json.dumps(value).encode()


class MemorySource:
    """Gives `records`, then whatever `broken` says, and notes in `acts` what was asked of it."""

    def __init__(self, records: Sequence[Record] = (), *, broken: str | None = None) -> None:
        self._records = list(records)
        self._broken = broken
        self.acts: list[tuple[Any, ...]] = []
        self.is_drained = asyncio.Event()
        self.is_silent = False

    @property
    def is_connected(self) -> bool:
        return not self.is_silent

    async def start(self) -> None:
        self.acts.append(("start",))
        self._break_if("start")

    async def next(self) -> Record:
        if self._records:
            return self._records.pop(0)
        self.is_drained.set()
        self._break_if("next")
        return await asyncio.get_running_loop().create_future()

    async def commit(self, record: Record) -> None:
        self._break_if("commit")
        self.acts.append(("commit", record.offset))

    async def park(self, record: Record, *, dead_letter_topic: str, reason: str, detail: str) -> None:
        self._break_if("park")
        self.acts.append(("park", record.offset, dead_letter_topic, reason))

    async def close(self) -> None:
        self.acts.append(("close",))

    def _break_if(self, act: str) -> None:
        if self._broken == act:
            raise ConnectionError(act)
