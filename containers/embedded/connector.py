"""One connector: its configuration, its task, and what the watchdog does when the task fails.

Real Connect never restarts a failed task; the watchdog of the real tiers does, with a growing delay. A
record that fails a sink again after the restart it sets aside. The embedded connector behaves the same.
"""

import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import structlog

from containers.connector_files.config import ConfigInvalid
from containers.connector_files.settings import Settings, SinkSettings
from containers.embedded.dead_letters import exception_name
from containers.embedded.files import is_passing
from containers.embedded.log import LogDamaged
from containers.embedded.sinks import RecordFailed, Sink
from containers.embedded.sources import PositionLost, Source

Target = Literal["STARTED", "PAUSED", "STOPPED"]

FIRST_RESTART_SECONDS = 0.5
LONGEST_RESTART_SECONDS = 15.0

WORKER = "embedded"
"""What status answers call the worker and its version: this is an imitation, and says so."""

_log = structlog.get_logger()


@dataclass(frozen=True)
class Outcome:
    """What one step did: it wrote records or rows, and there may be more to do at once."""

    wrote: bool = False
    more: bool = False


class Connector:
    """A connector as the engine runs it; used by the engine's thread only.

    Args:
        settings: what the configuration asks for, or why it cannot run.
        make: makes the task anew, at each start and restart.
        first_restart_seconds: how long a failed task rests before its first restart.
    """

    def __init__(
        self,
        name: str,
        config: Mapping[str, str],
        settings: Settings | ConfigInvalid,
        *,
        target: Target,
        make: Callable[[Settings], Source | Sink],
        first_restart_seconds: float = FIRST_RESTART_SECONDS,
    ) -> None:
        self.name, self.config, self.settings, self.target = name, dict(config), settings, target
        self.task: Source | Sink | None = None
        self.restarts = 0
        self.cause: str | None = None
        self.retry_at: float | None = None
        self._make, self._first_restart_seconds = make, first_restart_seconds
        self._trace: str | None = None
        self._failures = self._retries = 0
        self._failed_at: tuple[str, int] | None = None
        if isinstance(settings, ConfigInvalid):
            self.cause = self._trace = str(settings)

    @property
    def type(self) -> Literal["source", "sink"]:
        """Which of the two it is."""
        return "sink" if self.config.get("connector.class", "").endswith("SinkConnector") else "source"

    @property
    def database(self) -> str | None:
        """The database that it reads or writes; None if its configuration cannot run."""
        return None if isinstance(self.settings, ConfigInvalid) else self.settings.database

    @property
    def is_runnable(self) -> bool:
        """Whether a step would do anything now."""
        if self.target != "STARTED" or isinstance(self.settings, ConfigInvalid):
            return False
        return self.retry_at is None or self.retry_at <= time.monotonic()

    def step(self) -> Outcome:
        """Let the task do a batch; a failure becomes the connector's state, and is tried again later."""
        if not self.is_runnable:
            return Outcome()
        if self._trace is not None:
            self.restarts += 1
        self.retry_at = self._trace = None
        try:
            outcome = self._step()
        except RecordFailed as failure:
            return self._record_failed(failure)
        except sqlite3.Error as error:
            self._database_failed(error)
        except Exception as error:
            self._fail(f"{type(error).__name__}: {error}", str(error))
        else:
            self._failures = self._retries = 0
            self.cause = None
            return outcome
        return Outcome()

    def refresh(self) -> None:
        """The tables of its database have been made or migrated."""
        if isinstance(self.task, Source):
            self.task.attach()
        else:
            self.task = None  # the next one reads the tables' shapes anew
        self.retry_at = None

    def pause(self) -> None:
        self.target = "PAUSED"

    def resume(self) -> None:
        self.target = "STARTED"

    def stop(self) -> None:
        """End the task; its offsets may be changed now."""
        self.target = "STOPPED"
        self.close()

    def restart(self, *, only_failed: bool = False) -> None:
        """Make the task anew with the next step."""
        if self._trace is None and only_failed:
            return
        if not isinstance(self.settings, ConfigInvalid):
            self.close()
            self.cause = self._trace = self.retry_at = None

    def close(self) -> None:
        """Let go of the task."""
        task, self.task = self.task, None
        if isinstance(task, Source):
            task.close()

    def status(self) -> dict[str, Any]:
        """The state as Connect's REST API tells it; behind it lag, restarts, parked and cause."""
        worker = {"worker_id": WORKER, "version": WORKER}
        running = "RUNNING" if self.target == "STARTED" else self.target
        task: dict[str, Any] = {"id": 0, "state": running, **worker}
        if self._trace is not None:
            task |= {"state": "FAILED", "trace": self._trace}
        return {
            "name": self.name,
            "connector": {"state": running, **worker},
            "tasks": [] if self.target == "STOPPED" else [task],
            "type": self.type,
            "lag": self.lag(),
            "restarts": self.restarts,
            "parked": self._ask_task(lambda task: task.parked if isinstance(task, Sink) else 0),
            "cause": self.cause,
        }

    def lag(self) -> int:
        """How many changes or records it has still to carry; 0 where there is no task to ask."""
        return self._ask_task(lambda task: task.lag)

    def _ask_task(self, question: Callable[[Source | Sink], int]) -> int:
        try:
            return question(self.task or self.make_task())
        except (ConfigInvalid, PositionLost, LogDamaged, sqlite3.Error):
            return 0

    def make_task(self) -> Source | Sink:
        """A task that stands where the last one ended.

        Raises:
            ConfigInvalid: the configuration must not run.
            PositionLost: the source's changes are gone, and no snapshot is allowed.
        """
        if isinstance(self.settings, ConfigInvalid):
            raise self.settings
        return self._make(self.settings)

    def _step(self) -> Outcome:
        if self.task is None:
            self.task = self.make_task()
        if isinstance(self.task, Source):
            return Outcome(*self.task.step())
        wrote = self.task.step()
        return Outcome(wrote, wrote)

    def _record_failed(self, failure: RecordFailed) -> Outcome:
        where = (failure.record.topic, failure.record.offset)
        if where != self._failed_at or not isinstance(self.task, Sink):
            self._failed_at = where
            self._fail(f"{exception_name(failure.error)}: {failure}", str(failure))
            return Outcome()
        try:
            self.task.park(failure)
        except sqlite3.Error as error:
            self._database_failed(error)
            return Outcome()
        except LogDamaged as error:
            self._fail(f"{type(error).__name__}: {error}", str(error))
            return Outcome()
        _log.warning(
            "record parked", connector=self.name, topic=where[0], offset=where[1], cause=str(failure)
        )
        self._failures = 0
        self.cause = None
        return Outcome(wrote=True, more=True)

    def _database_failed(self, error: sqlite3.Error) -> None:
        """A sink waits as its configuration says before its task fails; a source has no such option."""
        settings = self.settings
        self._retries += 1
        if is_passing(error) and isinstance(settings, SinkSettings) and self._retries <= settings.max_retries:
            self.cause = str(error)
            self.retry_at = time.monotonic() + settings.retry_seconds
        else:
            self._fail(f"{type(error).__name__}: {error}", str(error))

    def _fail(self, trace: str, cause: str) -> None:
        self.task = None
        self._trace, self.cause = trace, cause
        delay = min(self._first_restart_seconds * 2**self._failures, LONGEST_RESTART_SECONDS)
        self._failures, self._retries = self._failures + 1, 0
        self.retry_at = time.monotonic() + delay
        _log.warning("connector failed", connector=self.name, cause=cause, restart_in_seconds=delay)
