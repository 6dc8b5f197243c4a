"""The watchdog of real Connect: it starts failed tasks again, and sets aside the record that fails a sink.

Connect does neither: a failed task stays so, and its dead letters hold only what cannot be converted.

A sink writes records in batches, and says of a batch that fails not which record it was. So a sink that has
failed for a record's sake starts again with batches of one; then the offset that its group has committed is
that of the record. If that fails too, it is parked and the sink goes on behind it; once the sink has caught
up, it gets its own configuration back.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import structlog

from apps.events.source import REASON_HEADER
from containers.connectors import ConnectClient, ConnectRefused, ConnectUnreachable
from containers.polling import DeadlinePassed, poll
from containers.topics import KafkaTopics, TopicsUnreachable

LOOK_SECONDS = 0.5
FIRST_RESTART_SECONDS = 0.5
LONGEST_RESTART_SECONDS = 15.0
STEP_SECONDS = 15.0
"""For one step of parking: a worker that is starting answers late."""

ONE_BY_ONE = {"consumer.override.max.poll.records": "1"}

RECORD_FAULTS: Mapping[str, str] = {
    r"Data truncat\w+|Data too long": "VALUE_REFUSED",
    r"Incorrect \w+ value|Out of range value": "VALUE_REFUSED",
    r"cannot be null|doesn't have a default value": "VALUE_MISSING",
    r"Duplicate entry|foreign key constraint|Check constraint": "CONSTRAINT_VIOLATED",
    r"Cannot alter table|schema evolution is disabled": "COLUMN_UNKNOWN",
    r"errors\.DataException": "RECORD_INVALID",
}
"""What of a task's trace says that a record was at fault, and not its database or the way to it."""

_log = structlog.get_logger()


@dataclass
class Finding:
    """What the watchdog knows of one connector.

    restarts: of its tasks, after failures. parked: records set aside. cause: the first line of the last
    failure, while the connector has not run again since.
    """

    restarts: int = 0
    parked: int = 0
    cause: str | None = None


@dataclass
class _Care:
    """How far the care for one connector is."""

    failures: int = 0
    retry_at: float = 0.0
    is_one_by_one: bool = False


class Watchdog:
    """Looks after the connectors of one Connect in a thread of its own, until stop().

    configs: the configuration of each connector, as registered.
    path: where the findings are written, for the commands in other processes.
    """

    def __init__(
        self, connect_url: str, topics: KafkaTopics, configs: Mapping[str, Mapping[str, str]], path: Path
    ) -> None:
        self._connect, self._topics, self._configs, self._path = (
            ConnectClient(connect_url),
            topics,
            configs,
            path,
        )
        self.findings = {name: Finding(**found) for name, found in read_findings(path).items()}
        self._care = {name: _Care() for name in configs}
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join()
        self._connect.close()

    def _run(self) -> None:
        told = None
        while not self._is_over.wait(LOOK_SECONDS):
            try:
                self.look()
            except (ConnectUnreachable, ConnectRefused, TopicsUnreachable, DeadlinePassed) as error:
                reason = f"{type(error).__name__}: {error}"
                if reason != told:  # what goes on is told once
                    _log.warning("watchdog_waits", reason=reason)
                told = reason
            else:
                told = None

    def look(self) -> None:
        """Looks at every connector once and does what is due."""
        for status in self._connect.statuses():
            if status["name"] in self._configs:
                self._look_at(status)
        self._write()

    def _look_at(self, status: Mapping[str, Any]) -> None:
        name = status["name"]
        care, finding = self._care[name], self.findings.setdefault(name, Finding())
        trace = _failure(status)
        if trace is None:
            if status["connector"]["state"] == "RUNNING" and status["tasks"]:
                care.failures, finding.cause = 0, None
                if care.is_one_by_one and self._has_caught_up(name):
                    self._connect.put(name, self._configs[name])
                    care.is_one_by_one = False
            return
        finding.cause = _first_line(trace)
        if time.monotonic() < care.retry_at:
            return
        reason = _record_fault(trace) if status["type"] == "sink" else None
        if reason is None:
            finding.restarts += 1
            self._connect.restart(name, only_failed=True)
            self._rest(care)
        elif care.is_one_by_one:
            self._park(name, reason, trace)
            finding.parked += 1
        else:
            finding.restarts += 1
            self._connect.put(name, {**self._configs[name], **ONE_BY_ONE})
            self._connect.restart(name, only_failed=True)
            care.is_one_by_one = True
            self._rest(care)

    def _rest(self, care: _Care) -> None:
        """The failed task is left alone for a while that grows; a restart takes effect within it."""
        pause = min(FIRST_RESTART_SECONDS * 2**care.failures, LONGEST_RESTART_SECONDS)
        care.failures += 1
        care.retry_at = time.monotonic() + pause

    def _park(self, name: str, reason: str, trace: str) -> None:
        """Sets aside the record that the sink reads next, and lets it go on behind it."""
        topic, offset = self._next(name)
        record = self._topics.record_at(topic, offset)
        if record is None:  # it has gone on by itself meanwhile
            self._connect.restart(name, only_failed=True)
            return
        dead_letters = self._configs[name]["errors.deadletterqueue.topic.name"]
        headers = (*record.headers, *_context(name, topic, record.offset, trace))
        headers += ((REASON_HEADER, reason.encode()),)
        self._topics.append(dead_letters, record.key, record.value, headers)
        _log.warning("record_parked", connector=name, topic=topic, offset=record.offset, reason=reason)
        self._connect.stop(name)
        self._insist("a stop", lambda: self._is_stopped(name) or None)
        self._insist("another offset", lambda: self._moved(name, topic, record.offset + 1))
        self._connect.resume(name)

    def _next(self, name: str) -> tuple[str, int]:
        """Topic and offset of what the sink reads next."""
        for at in self._connect.offsets(name):
            return at["partition"]["kafka_topic"], int(at["offset"]["kafka_offset"])
        return self._configs[name]["topics"], 0

    def _is_stopped(self, name: str) -> bool:
        status = self._connect.status(name)
        return status["connector"]["state"] == "STOPPED" and not status["tasks"]

    def _moved(self, name: str, topic: str, offset: int) -> bool | None:
        """True once Connect has taken the offset; it refuses while the last task is on its way out."""
        try:
            self._connect.set_offset(name, topic, offset)
        except ConnectRefused:
            return None
        return True

    def _insist(self, what: str, probe: Any) -> None:
        poll(probe, within_seconds=STEP_SECONDS, what=what)

    def _has_caught_up(self, name: str) -> bool:
        return self._topics.lag(f"connect-{name}", [self._configs[name]["topics"]]) == 0

    def _write(self) -> None:
        text = json.dumps(
            {name: asdict(finding) for name, finding in sorted(self.findings.items())}, indent=2
        )
        if not self._path.exists() or self._path.read_text(encoding="utf-8") != text:
            draft = self._path.with_suffix(".new")
            draft.write_text(text, encoding="utf-8")
            draft.rename(self._path)


class WatchedConnectClient(ConnectClient):
    """The Connect REST API, and beside each status what the watchdog has found and a sink's lag.

    path: where the watchdog of another process writes its findings.
    """

    def __init__(self, url: str, topics: KafkaTopics, path: Path) -> None:
        super().__init__(url)
        self._topics, self._path = topics, path

    def statuses(self) -> Sequence[dict[str, Any]]:
        findings = read_findings(self._path)
        return [
            {**status, **findings.get(status["name"], {}), "lag": self._lag(status)}
            for status in super().statuses()
        ]

    def _lag(self, status: Mapping[str, Any]) -> int | None:
        """Records that a sink has still to write; a source does not tell how much it has still to read."""
        if status["type"] != "sink":
            return None
        topics = self.config(status["name"])["topics"].split(",")
        with suppress(TopicsUnreachable):
            return self._topics.lag(f"connect-{status['name']}", topics)
        return None


def read_findings(path: Path) -> dict[str, dict[str, Any]]:
    """What a watchdog has written, by connector; none of one that has not looked yet."""
    try:
        found: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _failure(status: Mapping[str, Any]) -> str | None:
    """The trace of a connector or task that has failed."""
    for part in (*status["tasks"], status["connector"]):
        if part["state"] == "FAILED":
            return str(part.get("trace") or "failed, and Connect does not say why")
    return None


def _record_fault(trace: str) -> str | None:
    return next((reason for words, reason in RECORD_FAULTS.items() if re.search(words, trace)), None)


def _first_line(trace: str) -> str:
    """The innermost cause in one line: the outermost of a sink says only that it gives up."""
    causes = re.findall(r"^Caused by: (.+)$", trace, re.MULTILINE)
    return causes[-1] if causes else trace.partition("\n")[0]


def _context(name: str, topic: str, offset: int, trace: str) -> tuple[tuple[str, bytes], ...]:
    """The headers that Connect itself gives a dead letter (KIP-298)."""
    told = {
        "topic": topic,
        "partition": "0",
        "offset": str(offset),
        "connector.name": name,
        "task.id": "0",
        "stage": "TASK_PUT",
        "class.name": "io.debezium.connector.jdbc.JdbcSinkConnectorTask",
        "exception.class.name": "org.apache.kafka.connect.errors.ConnectException",
        "exception.message": _first_line(trace),
        "exception.stacktrace": trace,
    }
    return tuple((f"__connect.errors.{key}", text.encode()) for key, text in told.items())
