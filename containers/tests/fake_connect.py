"""One sink on a worker of Kafka Connect, in memory, as far as the watchdog has to do with it.

Like the real one it reads in batches, commits of a batch that fails nothing, says in its trace not which
record it was, shows FAILED until a restarted task has begun, and forgets the states of tasks when it is
stopped (seen on Kafka Connect 4.3.1 with Debezium 3.6).
"""

from collections.abc import Callable, Sequence
from typing import Any

from apps.events.records import Record
from containers.connectors import ConnectRefused, ConnectUnreachable
from containers.poison import BATCH_OF_ONE, LARGEST_BATCH

SINK, TOPIC, DEAD_LETTERS = "login-sink-connector", "users", "dlq.login-sink-connector"
CONFIG = {"topics": TOPIC, "errors.deadletterqueue.topic.name": DEAD_LETTERS}

_OUTER = (
    "org.apache.kafka.connect.errors.ConnectException: Exiting WorkerSinkTask due to unrecoverable exception."
)

BAD_WORD = (
    f"{_OUTER}\n\tat x.Y(Y.java:1)\n"
    "Caused by: java.sql.SQLException: Data truncated for column 'User_status' at row 1\n\tat z"
)
NO_TABLE = f"{_OUTER}\nCaused by: java.sql.SQLException: Could not find table: users\n\tat z"
DATABASE_AWAY = f"{_OUTER}\nCaused by: java.net.ConnectException: Connection refused"

MOST_BATCHES = 200
"""So many are written between two looks."""

LOOKS_UNTIL_STARTED = 3
"""So often a restarted task is still seen as it was."""


class FakeSink:
    """The administration of the sink, under the names of ConnectClient, and the topics' under KafkaTopics'.

    bad: offsets that fail a batch, with the trace. unconvertible: offsets that Connect itself sets aside; the
    sink commits nothing behind them until it has written a later one. hangs: so many of its tasks run and
    read nothing. is_away: nothing answers.
    forgets_commits: so many tasks that fail do not commit what they have written. before: called with the
    name of each request.
    """

    def __init__(self, records: int, bad: dict[int, str] | None = None) -> None:
        self.topics: dict[str, list[Record]] = {TOPIC: [], DEAD_LETTERS: []}
        self.bad = bad or {}
        self.unconvertible: set[int] = set()
        self.hangs = 0
        self.trouble: str | None = None
        self.committed = 0
        self.written: list[int] = []
        self.config = dict(CONFIG)
        self.type = "sink"
        self.state = "RUNNING"
        self.task: str | None = "RUNNING"
        self.trace: str | None = None
        self._looks_until_started = 0
        self.is_away = False
        self.forgets_commits = 0
        self.asked: list[str] = []
        self.before: Callable[[str], None] = lambda request: None
        for number in range(records):
            self.append(TOPIC, b"%d" % number, b"row", [("own", b"1")])

    def run(self) -> None:
        """What the worker does until the watchdog looks again."""
        if self._looks_until_started:
            self._looks_until_started -= 1
            if not self._looks_until_started:
                self.task, self.trace = "RUNNING", None
            return
        if self.hangs:
            return
        size = 1 if BATCH_OF_ONE.items() <= self.config.items() else LARGEST_BATCH
        position = self.committed
        for _ in range(MOST_BATCHES):
            batch = range(position, min(position + size, len(self.topics[TOPIC])))
            if not batch or self.task != "RUNNING" or self.state != "RUNNING":
                break
            trace = self.trouble or next((self.bad[at] for at in batch if at in self.bad), None)
            if trace is not None:
                self.task, self.trace = "FAILED", trace
                if self.forgets_commits:
                    self.forgets_commits -= 1
                    return
                break
            written = [at for at in batch if at not in self.unconvertible]
            self.written += written
            position = batch.stop
            if written:
                self.committed = written[-1] + 1

    def _start_task(self) -> None:
        self._looks_until_started = self._looks_until_started or LOOKS_UNTIL_STARTED

    def statuses(self) -> Sequence[dict[str, Any]]:
        return [self.status(SINK)]

    def status(self, name: str) -> dict[str, Any]:
        self._ask("status")
        task = {"id": 0, "state": self.task} | ({"trace": self.trace} if self.trace else {})
        return {
            "name": name,
            "type": self.type,
            "connector": {"state": self.state},
            "tasks": [task] if self.task else [],
        }

    def offsets(self, name: str) -> Sequence[dict[str, Any]]:
        self._ask("offsets")
        partition = {"kafka_topic": TOPIC, "kafka_partition": 0}
        return (
            [{"partition": partition, "offset": {"kafka_offset": self.committed}}] if self.committed else []
        )

    def put(self, name: str, config: dict[str, str]) -> None:
        self._ask("put")
        self.config = dict(config)
        if self.state == "RUNNING":
            self._start_task()

    def restart(self, name: str, *, only_failed: bool = False) -> None:
        self._ask("restart")
        if self.task == "FAILED" or not only_failed:
            self.hangs = max(self.hangs - 1, 0)
            self._start_task()

    def stop(self, name: str) -> None:
        self._ask("stop")
        self.state, self.task, self.trace, self._looks_until_started = "STOPPED", None, None, 0

    def resume(self, name: str) -> None:
        self._ask("resume")
        self.state, self.task = "RUNNING", self.task or "RUNNING"

    def set_offset(self, name: str, topic: str, offset: int) -> None:
        self._ask("set_offset")
        if self.state != "STOPPED":
            raise ConnectRefused(400, "Connectors must be in the STOPPED state")
        self.committed = offset

    def record_at(self, topic: str, offset: int) -> Record | None:
        self._ask("record_at")
        return next(iter(self.topics[topic][offset:]), None)

    def end_offsets(self, topics: Sequence[str]) -> dict[str, int]:
        self._ask("end_offsets")
        return {topic: len(self.topics[topic]) for topic in topics}

    def append(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]] = ()
    ) -> int:
        self._ask("append")
        offset = len(self.topics[topic])
        self.topics[topic].append(Record(topic, 0, offset, key, value, tuple(headers), 7))
        return offset

    def _ask(self, request: str) -> None:
        self.asked.append(request)
        self.before(request)
        if self.is_away:
            raise ConnectUnreachable("Nothing answers at http://connect")
