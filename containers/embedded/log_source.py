"""How a service reads the durable log: the embedded door behind apps.events' `EventSource`."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, suppress
from typing import Protocol

from apps.events.records import Record
from apps.events.source import dead_letter_headers
from containers.embedded.log_file import LogWriter, NewRecord

FETCH_RECORDS = 64
"""Read at once from a topic, on the loop's thread: well under a millisecond."""


class Log(Protocol):
    """What a source needs of the durable log."""

    def create_topic(self, name: str, *, compacted: bool = True) -> None: ...

    def read(self, topic: str, offset: int, limit: int) -> list[Record]: ...

    def group_offset(self, group: str, topic: str) -> int: ...

    def writing(self) -> AbstractContextManager[LogWriter]: ...

    def listen(self, topics: Iterable[str], listener: Callable[[], None]) -> None: ...

    def unlisten(self, listener: Callable[[], None]) -> None: ...


class LogSource:
    """The records of some topics for one consumer group, woken by the commit that writes them.

    Commits run on `executor`, because they wait for the disk.
    """

    def __init__(self, log: Log, executor: Executor, group: str, topics: Sequence[str]) -> None:
        self._log, self._executor = log, executor
        self._group, self._topics = group, topics
        self._next: dict[str, int] = {}
        self._fetched: deque[Record] = deque()
        self._news = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_connected(self) -> bool:
        """The log is a file of this process."""
        return True

    async def start(self) -> None:
        """Stand at the first record that the group has not committed."""
        self._loop = asyncio.get_running_loop()
        for topic in self._topics:
            self._log.create_topic(topic)
            self._next[topic] = self._log.group_offset(self._group, topic)
        self._log.listen(self._topics, self._wake)

    async def next(self) -> Record:
        """Wait for the next record; one topic's records come in the order of their offsets."""
        while not self._fetched:
            self._news.clear()
            self._fetch()
            if not self._fetched:
                await self._news.wait()
        return self._fetched.popleft()

    async def commit(self, record: Record) -> None:
        """Note durably that `record` and all before it in its topic are done with."""

        def note() -> None:
            with self._log.writing() as writer:
                writer.note_group_offset(self._group, record.topic, record.offset + 1)

        await asyncio.get_running_loop().run_in_executor(self._executor, note)

    async def park(self, record: Record, *, dead_letter_topic: str, reason: str, detail: str) -> None:
        """Append `record` durably to a dead-letter topic, with where it came from and why."""
        headers = dead_letter_headers(record, reason=reason, detail=detail)

        def append() -> None:
            self._log.create_topic(dead_letter_topic, compacted=False)
            with self._log.writing() as writer:
                writer.append([NewRecord(dead_letter_topic, record.key, record.value, headers)])

        await asyncio.get_running_loop().run_in_executor(self._executor, append)

    async def close(self) -> None:
        """Wake nobody any more."""
        self._log.unlisten(self._wake)

    def _wake(self) -> None:
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop has been closed meanwhile
            self._loop.call_soon_threadsafe(self._news.set)

    def _fetch(self) -> None:
        for topic in self._topics:
            records = self._log.read(topic, self._next[topic], FETCH_RECORDS)
            if records:
                self._next[topic] = records[-1].offset + 1
                self._fetched.extend(records)
