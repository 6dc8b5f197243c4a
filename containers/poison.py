"""A record that a sink of real Connect cannot write: found, set aside, and passed.

Connect's own dead letters hold only what cannot be converted. What the database refuses fails the task, and
nothing says which record of the batch it was: the group's committed offset is that of the batch's first. So
the sink gets batches of one; when it fails again, the committed offset is that of the record.

Each step goes through a stopped connector. Connect then forgets the states of its tasks, so that a failure
seen afterwards is a new one: on an old one that still stands there a good record would be parked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from apps.events.source import REASON_HEADER
from containers.connectors import ConnectClient, ConnectRefused
from containers.dead_letters import ORIGIN, SINK_TASK, dead_letter_topic, error_headers
from containers.topics import KafkaTopics

BATCH_OF_ONE = {"consumer.override.max.poll.records": "1"}

LARGEST_BATCH = 500
"""Records that a sink reads at once (max.poll.records, Kafka's default): among so many is the one sought."""

REASONS: Mapping[str, str] = {
    r"Data truncated for column": "SQL_1265",
    r"Data too long for column": "SQL_1406",
    r"Column '[^']*' cannot be null": "SQL_1048",
    r"Field '[^']*' doesn't have a default value": "SQL_1364",
    r"Out of range value for column": "SQL_1264",
    r"Incorrect (?:date|time)\w* value": "SQL_1292",
    r"Incorrect \w+ value": "SQL_1366",
    r"Duplicate entry": "SQL_1062",
    r"Check constraint '[^']*' is violated": "SQL_3819",
    r"foreign key constraint fails": "SQL_1452",
    r"Cannot alter table \S+ because schema evolution is disabled": "TABLE_DOES_NOT_FIT",
    r"Cannot write to table \S+ with no key fields defined": "TABLE_DOES_NOT_FIT",
    r"org\.apache\.kafka\.connect\.errors\.DataException": "RECORD_INVALID",
    r"Unexpected \S+ value '.*' with type '": "RECORD_INVALID",
}
"""What says in a task's trace that a record is at fault, and not its database or the way to it: the words of
MySQL 9.7 and Debezium 3.6, and the reason as the embedded engine has it."""

_VALUES = re.compile(r"(Duplicate entry|Incorrect \w+ value:|Unexpected \S+ value) '.*?'(?= for | with )")

Insist = Callable[[str, Callable[[], bool]], None]
"""Asks until the answer is yes; the text names what is waited for. May raise."""


@dataclass(frozen=True)
class Position:
    """The record that a sink reads next."""

    topic: str
    offset: int


def reason_of(trace: str) -> str | None:
    """Why a record is at fault, as one UPPER_SNAKE word; None where none is."""
    return next((reason for words, reason in REASONS.items() if re.search(words, trace)), None)


def cause_of(trace: str) -> str:
    """The innermost cause in one line, without values: the outermost says only that the task gives up."""
    causes = re.findall(r"^Caused by: [\w.$]+: (.+)$", trace, re.MULTILINE)
    return without_values(causes[-1] if causes else trace.partition("\n")[0])


def without_values(text: str) -> str:
    """The text of an error without what MySQL quotes of the row: it may be a hash or a token."""
    return _VALUES.sub(r"\1 '…'", text)


class Surgeon:
    """What is done to a sink for the sake of one record.

    Raises:
        ConnectRefused, ConnectUnreachable, TopicsUnreachable, and what `insist` raises: from every method.
    """

    def __init__(self, connect: ConnectClient, topics: KafkaTopics, insist: Insist) -> None:
        self._connect, self._topics, self._insist = connect, topics, insist

    def position(self, name: str, config: Mapping[str, str]) -> Position:
        """What the sink has committed to read next."""
        topics = [topic.strip() for topic in config["topics"].split(",")]
        for at in self._connect.offsets(name):
            if at["partition"]["kafka_topic"] in topics:
                return Position(at["partition"]["kafka_topic"], int(at["offset"]["kafka_offset"]))
        return Position(topics[0], 0)

    def isolate(self, name: str, config: Mapping[str, str]) -> Position:
        """Halts the sink and gives it batches of one; returns up to where it needs them."""
        first = self.position(name, config)
        end = self._topics.end_offsets([first.topic]).get(first.topic, 0)
        self.halt(name)
        self._connect.put(name, {**config, **BATCH_OF_ONE})
        return Position(first.topic, min(first.offset + LARGEST_BATCH, end))

    def park(
        self, name: str, config: Mapping[str, str], at: Position, *, reason: str, trace: str
    ) -> Position:
        """Sets the record at `at` aside and lets the halted sink stand behind it; returns where that is.

        Done twice, as after a crash between the two, it leaves one dead letter.
        """
        record = self._topics.record_at(at.topic, at.offset)
        if record is None:
            return at
        dead_letters = dead_letter_topic(name, config)
        headers = error_headers(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            connector=name,
            stage="TASK_PUT",
            class_name=SINK_TASK,
            exception=trace.partition(":")[0],
            message=cause_of(trace),
            stacktrace=without_values(trace),
        )
        if not self._is_parked(dead_letters, headers):
            told = (*record.headers, *headers, (REASON_HEADER, reason.encode()))
            self._topics.append(dead_letters, record.key, record.value, told)
        behind = Position(record.topic, record.offset + 1)
        self.halt(name)
        self._insist(f"an offset for {name}", lambda: self._moves(name, behind))
        return behind

    def _is_parked(self, dead_letters: str, headers: tuple[tuple[str, bytes], ...]) -> bool:
        """Whether the newest dead letter is about the same record: a sink that stands parks nothing else."""
        end = self._topics.end_offsets([dead_letters]).get(dead_letters, 0)
        newest = self._topics.record_at(dead_letters, end - 1) if end else None
        if newest is None:
            return False
        theirs, ours = dict(newest.headers), dict(headers)
        return all(theirs.get(name) == ours[name] for name in ORIGIN)

    def halt(self, name: str) -> None:
        """Ends the task, and with it what Connect knows of its failure."""
        self._connect.stop(name)
        self._insist(f"the end of {name}'s task", lambda: self._is_stopped(name))

    def _is_stopped(self, name: str) -> bool:
        status = self._connect.status(name)
        return status["connector"]["state"] == "STOPPED" and not status["tasks"]

    def _moves(self, name: str, to: Position) -> bool:
        """Connect refuses while the last task is on its way out of the group."""
        try:
            self._connect.set_offset(name, to.topic, to.offset)
        except ConnectRefused:
            return False
        return True
