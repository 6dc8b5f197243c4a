"""The watchdog of real Connect: it starts failed tasks again, and sets aside the record that fails a sink.

Connect does neither. A task that has failed is started again after 0.5, 1, 2 ... 15 s. Where the trace says
that a record is at fault, the restart is one with batches of one (poison.py); a sink that then fails twice at
one offset has named the record, which is parked. A sink that runs and does not read on is started again, too.
What was found is written for commands in other processes.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import structlog

from containers.connectors import ConnectClient, ConnectRefused, ConnectUnreachable
from containers.dead_letters import dead_letter_topic
from containers.poison import Position, Surgeon, cause_of, reason_of
from containers.registration import NOBODY
from containers.topics import KafkaTopics, TopicsUnreachable

LOOK_SECONDS = 0.5
FIRST_RESTART_SECONDS = 0.5
LONGEST_RESTART_SECONDS = 15.0
STEADY_SECONDS = 5.0
"""A task that has run for so long has got over its failure: one that fails at once runs for a second, too."""

STEP_SECONDS = 15.0
"""For one step of parking: a worker that is starting answers late."""
STEP_PAUSE_SECONDS = 0.05

STOP_SECONDS = 3.0

_log = structlog.get_logger()


@dataclass
class Finding:
    """What the watchdog knows of one connector.

    restarts: of its tasks, after failures. cause: what it failed for last, in one line, until it has run
    steadily again or the record is parked.
    """

    restarts: int = 0
    cause: str | None = None


@dataclass
class _Care:
    """How far the care for one connector is.

    failed_at: what its sink was to read next when it failed last while it read singly.
    alone_until: it gets batches of one up to here. is_halted: we have stopped it, and have to resume it.
    hindrance: why the last attempt to help came to nothing.
    stands_at, looked_at: what its running sink was to read next, and when that was seen. nudged_at: where it
    was given a record that it can use.
    """

    failures: int = 0
    retry_at: float = 0.0
    running_since: float | None = None
    failed_at: Position | None = None
    alone_until: Position | None = None
    is_halted: bool = False
    hindrance: str | None = None
    stands_at: Position | None = None
    looked_at: float = 0.0
    nudged_at: Position | None = None


class _Late(Exception):
    """A step did not happen in time; what is left of it is done with the next look."""


class Watchdog:
    """Looks after the connectors of one Connect in a thread of its own, until stop().

    configs: the configuration of each connector, as registered. path: where the findings are written.
    now: seconds of a clock that never goes back.
    """

    def __init__(
        self,
        connect: ConnectClient,
        topics: KafkaTopics,
        configs: Mapping[str, Mapping[str, str]],
        path: Path,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect, self._topics, self._configs, self._path = connect, topics, configs, path
        self._now = now
        self.findings = {name: Finding() for name in configs}
        self._care = {name: _Care() for name in configs}
        self._surgeon = Surgeon(connect, topics, self._insist)
        self._waits_for: str | None = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        self._write()
        self._thread.start()

    def stop(self) -> None:
        """Looks at nothing more; a step under way ends by itself."""
        self._is_over.set()
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        while not self._is_over.wait(LOOK_SECONDS):
            try:
                self.look()
            except RuntimeError:
                if not self._is_over.is_set():
                    raise  # otherwise the clients have been closed under a step that took too long

    def look(self) -> None:
        """Looks at every connector once and does what is due; what cannot be done now is tried again."""
        waits_for = None
        try:
            for status in self._connect.statuses():
                if status["name"] in self._configs:
                    try:
                        self._look_at(status)
                    except (ConnectRefused, TopicsUnreachable, _Late) as error:
                        waits_for = f"{status['name']}: {error}"
                        self._cannot(status["name"], error)
            self._write()
        except (ConnectUnreachable, ConnectRefused, OSError, ValueError, LookupError) as error:
            waits_for = str(error)
        if waits_for and waits_for != self._waits_for:
            _log.warning("watchdog waits", reason=waits_for)
        self._waits_for = waits_for

    def _cannot(self, name: str, error: Exception) -> None:
        self._care[name].hindrance = str(error)
        self._rest(self._care[name])

    def _look_at(self, status: Mapping[str, Any]) -> None:
        name = status["name"]
        care, finding = self._care[name], self.findings[name]
        if care.is_halted:  # by a step that has not come to its end
            self._go_on(name)
            return
        if status["connector"]["state"] in ("PAUSED", "STOPPED"):  # as somebody wishes
            return
        trace = _failure(status)
        if trace is None:
            self._runs(name, is_running=bool(status["tasks"]))
            return
        care.running_since = care.stands_at = None
        finding.cause = cause_of(trace)
        if care.hindrance:
            finding.cause += f"; the watchdog cannot help yet: {care.hindrance}"
        if self._now() < care.retry_at:
            return
        reason = reason_of(trace) if status["type"] == "sink" else None
        if reason is not None:
            self._record_failed(name, reason, trace)
            return
        self._connect.restart(name, only_failed=True)
        self._count_restart(name)
        self._rest(care)

    def _runs(self, name: str, *, is_running: bool) -> None:
        care, finding = self._care[name], self.findings[name]
        if not is_running:
            return
        if care.running_since is None:
            care.running_since = self._now()
        if self._now() - care.running_since >= STEADY_SECONDS:
            care.failures, care.failed_at, care.hindrance, finding.cause = 0, None, None, None
        if care.alone_until and self._has_passed(name, care.alone_until):
            self._connect.put(name, self._configs[name])
            care.alone_until = None
        if "topics" in self._configs[name] and self._now() - care.looked_at >= STEADY_SECONDS:
            self._move_if_it_stands(name)

    def _move_if_it_stands(self, name: str) -> None:
        """Gives a sink that is behind and does not move the tombstone of nobody's row, once at each place.

        A JDBC sink commits what it was given to write. Behind records that Connect has set aside, because it
        could not convert them, it would stand until the next good one comes, and set them aside once more
        after a restart. One that this does not move hangs, though Connect calls it RUNNING: it starts again.
        """
        care = self._care[name]
        at = self._surgeon.position(name, self._configs[name])
        is_behind = at.offset < self._topics.end_offsets([at.topic]).get(at.topic, 0)
        stands_at, care.stands_at, care.looked_at = care.stands_at, at, self._now()
        if not is_behind or at != stands_at:
            return
        if at != care.nudged_at:
            care.nudged_at = at
            self._topics.append(at.topic, NOBODY, None)
        else:
            self.findings[name].cause = f"it does not read on from offset {at.offset} of {at.topic}"
            self._connect.restart(name)
            self._count_restart(name)
            care.running_since = care.stands_at = None

    def _count_restart(self, name: str) -> None:
        finding = self.findings[name]
        finding.restarts += 1
        _log.warning("connector restarted", connector=name, cause=finding.cause)

    def _rest(self, care: _Care) -> None:
        """What has failed is left alone for a while that grows; a restart takes effect within it."""
        care.retry_at = self._now() + min(FIRST_RESTART_SECONDS * 2**care.failures, LONGEST_RESTART_SECONDS)
        care.failures += 1

    def _record_failed(self, name: str, reason: str, trace: str) -> None:
        """Read singly from the first time on; failed twice at one offset then, it is that record.

        Twice, because a task that ends may lose the commit of what it has written before.
        """
        care, config = self._care[name], self._configs[name]
        at = self._surgeon.position(name, config)
        care.is_halted = True
        if care.alone_until is None:
            care.alone_until = self._surgeon.isolate(name, config)
            care.failed_at = None
            self._count_restart(name)
        elif at != care.failed_at:
            self._surgeon.halt(name)
            care.failed_at = at
            self._count_restart(name)
        else:
            behind = self._surgeon.park(name, config, at, reason=reason, trace=trace)
            _log.warning("record parked", connector=name, topic=at.topic, offset=at.offset, reason=reason)
            if behind.offset >= care.alone_until.offset:
                self._connect.put(name, config)
                care.alone_until = None
            care.failures, self.findings[name].cause = 0, None
        care.hindrance = None
        self._go_on(name)

    def _go_on(self, name: str) -> None:
        self._connect.resume(name)
        self._care[name].is_halted = False

    def _has_passed(self, name: str, end: Position) -> bool:
        at = self._surgeon.position(name, self._configs[name])
        return at.topic == end.topic and at.offset >= end.offset

    def _insist(self, what: str, probe: Callable[[], bool]) -> None:
        deadline = self._now() + STEP_SECONDS
        while not probe():
            if self._now() > deadline or self._is_over.wait(STEP_PAUSE_SECONDS):
                raise _Late(f"{what} takes longer than {STEP_SECONDS:g} s")

    def _write(self) -> None:
        text = json.dumps({name: asdict(finding) for name, finding in self.findings.items()}, indent=2)
        if not self._path.exists() or self._path.read_text(encoding="utf-8") != text:
            draft = self._path.with_suffix(".new")
            draft.write_text(text, encoding="utf-8")
            draft.rename(self._path)


class WatchedConnectClient(ConnectClient):
    """The Connect REST API; beside each status what the watchdog has found, a sink's lag, and what it parked.

    While Kafka does not answer, nothing is carried, whatever Connect says: each status tells so.

    path: where the watchdog of another process writes its findings.
    """

    def __init__(
        self, url: str, topics: KafkaTopics, path: Path, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        super().__init__(url, transport=transport)
        self._topics, self._path = topics, path

    def statuses(self) -> Sequence[dict[str, Any]]:
        findings = read_findings(self._path)
        every, away = self._expanded("status", "info"), None
        counts: dict[str, dict[str, int]] = {}
        try:
            # A source does not tell how much it has still to read.
            sinks = [known["info"] for known in every if known["info"]["type"] == "sink"]
            counts = {info["name"]: self._counts(info) for info in sinks}
        except TopicsUnreachable as unreachable:
            away = str(unreachable)
        return [
            {**known["status"], **findings.get(name, {}), **counts.get(name, {}), "away": away}
            for known in every
            for name in [known["info"]["name"]]
        ]

    def _counts(self, info: Mapping[str, Any]) -> dict[str, int]:
        """Records that a sink has still to write, and that were set aside before it."""
        name, config = info["name"], info["config"]
        dead_letters = dead_letter_topic(name, config)
        lags = self._topics.lags(f"connect-{name}", config["topics"].split(","))
        return {
            "lag": sum(lags.values()),
            "parked": self._topics.end_offsets([dead_letters]).get(dead_letters, 0),
        }


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
