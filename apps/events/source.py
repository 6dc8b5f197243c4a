"""The port through which a service reads topics, and the headers of a parked record.

An implementation reads as one consumer group, from the earliest record that the group has not
committed, one partition per topic: `kafka.py` is the one for Kafka.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from apps.events.records import Record

REASON_HEADER = "__quartet.error.reason"


class EventSource(Protocol):
    """The records of some topics, for one consumer group. Any method may raise; then open a new one."""

    @property
    def is_connected(self) -> bool:
        """Whether the topics can be read, as far as is known without asking; asks nobody and never raises."""

    async def start(self) -> None:
        """Connect, and stand at the first record that was not committed."""

    async def next(self) -> Record:
        """Wait for the next record; one topic's records come in the order of their offsets."""

    async def commit(self, record: Record) -> None:
        """Note durably that `record` and all before it in its topic are done with."""

    async def park(self, record: Record, *, dead_letter_topic: str, reason: str, detail: str) -> None:
        """Append `record` durably to a dead-letter topic, with `dead_letter_headers`; commits nothing."""

    async def close(self) -> None:
        """Let go of every connection; also after a failed `start`."""


# Makes a source that is not started yet, from a consumer group and the names of its topics.
OpenSource = Callable[[str, Sequence[str]], EventSource]


def dead_letter_headers(record: Record, *, reason: str, detail: str) -> tuple[tuple[str, bytes], ...]:
    """The headers of a parked record: its own, then where it came from and why it was parked.

    reason: UPPER_SNAKE word. detail: a sentence without any value from the record.
    """
    told = {
        REASON_HEADER: reason,
        "__quartet.error.detail": detail,
        "__quartet.error.topic": record.topic,
        "__quartet.error.partition": str(record.partition),
        "__quartet.error.offset": str(record.offset),
    }
    return (*record.headers, *((name, text.encode()) for name, text in told.items()))
