"""The loop that feeds change events to a service: handle, commit, park what is poison, go on."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

import structlog

from apps.events.records import ChangeEvent, PoisonRecord, Record, decode
from apps.events.source import EventSource, OpenSource

FIRST_DELAY_SECONDS = 0.1
LONGEST_DELAY_SECONDS = 5.0
# A handler that fails in this way fails because of what the record says: another try may help once
# (a bug that depends on other rows), a hundred tries stop every later record.
_ABOUT_THE_RECORD = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
TRIES_OF_A_BROKEN_RECORD = 5
_FAILURES_BEFORE_UNREADY = 3

Handler = Callable[[ChangeEvent], Awaitable[None]]

_log = structlog.get_logger()


class Consumer:
    """Reads some topics as one consumer group and gives each change event to its topic's handler.

    A record is committed after its handler has returned, so a handler may see it again after a crash
    and must be idempotent. A handler that raises PoisonRecord has its record parked in `dlq.<group>`;
    any other error is tried again with a growing delay, because the next record must not overtake.

    Args:
        name: how logs call this consumer.
        group: the consumer group whose committed offsets say where to go on.
        topics: the handler of each topic.
        open_source: makes the source; called again whenever the source fails.

    `counts` holds the numbers of handled, parked and failed (tried again) records so far.
    """

    def __init__(
        self, *, name: str, group: str, topics: Mapping[str, Handler], open_source: OpenSource
    ) -> None:
        self._name = name
        self._group = group
        self._topics = topics
        self._open_source = open_source
        self._source: EventSource | None = None
        self._failures_in_a_row = 0
        self.counts: Counter[str] = Counter(handled=0, parked=0, failed=0)

    @property
    def dead_letter_topic(self) -> str:
        """Where poison records are parked."""
        return f"dlq.{self._group}"

    @property
    def is_ready(self) -> bool:
        """Whether the source is open and connected, and the newest record did not fail again and again."""
        is_open = self._source is not None and self._source.is_connected
        return is_open and self._failures_in_a_row < _FAILURES_BEFORE_UNREADY

    async def run(self) -> None:
        """Consume until cancelled; a source that fails is closed and opened anew, with a delay."""
        failures = 0
        while True:
            source = self._open_source(self._group, list(self._topics))
            try:
                await source.start()
                self._source = source
                while True:
                    await self._consume(source, await source.next())
                    failures = 0
            except Exception as error:
                failures += 1
                _log.warning("event source failed", consumer=self._name, error=type(error).__name__)
            finally:
                self._source = None
                await self._close(source)
            await asyncio.sleep(_delay(failures))

    async def _consume(self, source: EventSource, record: Record) -> None:
        try:
            await self._handle(record)
        except PoisonRecord as poison:
            await source.park(
                record,
                dead_letter_topic=self.dead_letter_topic,
                reason=poison.reason,
                detail=poison.detail,
            )
            self.counts["parked"] += 1
            self._note("record parked", record, reason=poison.reason)
        else:
            self.counts["handled"] += 1
        self._failures_in_a_row = 0
        await source.commit(record)

    async def _handle(self, record: Record) -> None:
        event = decode(record)
        handler = self._topics[record.topic]
        while True:
            try:
                return await handler(event)
            except PoisonRecord:
                raise
            except Exception as error:
                self._failures_in_a_row += 1
                self.counts["failed"] += 1
                self._note("event not handled", record, error=type(error).__name__)
                is_broken = isinstance(error, _ABOUT_THE_RECORD)
                if is_broken and self._failures_in_a_row >= TRIES_OF_A_BROKEN_RECORD:
                    raise PoisonRecord("HANDLER_FAILED", type(error).__name__) from error
            await asyncio.sleep(_delay(self._failures_in_a_row))

    async def _close(self, source: EventSource) -> None:
        try:
            await source.close()
        except Exception as error:
            _log.warning("event source not closed", consumer=self._name, error=type(error).__name__)

    def _note(self, event: str, record: Record, **fields: str) -> None:
        _log.warning(
            event,
            consumer=self._name,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            **fields,
        )


def _delay(failures: int) -> float:
    """Seconds to wait after so many failures in a row: 0.1, 0.2, 0.4 ... up to 5."""
    exponent = min(failures - 1, 10)
    return min(FIRST_DELAY_SECONDS * 2.0**exponent, LONGEST_DELAY_SECONDS)
