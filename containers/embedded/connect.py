"""The embedded Connect: the administration of its connectors, as Kafka Connect's REST API knows it."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Literal, cast

from containers.connector_files.config import ConfigInvalid
from containers.connector_files.settings import (
    Settings,
    SinkSettings,
    SourceSettings,
    read_settings,
    refuse_doubled_server_id,
)
from containers.embedded.connector import FIRST_RESTART_SECONDS, Connector, Target
from containers.embedded.engine import Engine
from containers.embedded.log import DurableLog, NewRecord
from containers.embedded.sinks import Sink
from containers.embedded.sources import Source


class ConnectorUnknown(Exception):
    """There is no connector of that name."""


class ConnectorExists(Exception):
    """There is a connector of that name already."""


class NotStopped(Exception):
    """Offsets may be changed only while the connector is stopped."""


class Connect:
    """Runs connectors between SQLite files and the durable log (see engine.py).

    Every method may be called from any thread. Those that return something, or change a connector, wait
    for the engine's thread: at most for the batch that runs. Connectors and their target states are kept
    in the log, as in Kafka.

    Args:
        log: where the topics are.
        databases: the SQLite file of each database.
        environ: what `${env:NAME}` in configurations stands for.
        first_restart_seconds: how long a failed task rests before the watchdog's first restart.
    """

    def __init__(
        self,
        log: DurableLog,
        databases: Mapping[str, Path],
        *,
        environ: Mapping[str, str],
        first_restart_seconds: float = FIRST_RESTART_SECONDS,
    ) -> None:
        self._log, self._databases, self._environ = log, dict(databases), environ
        self._first_restart_seconds = first_restart_seconds
        self._engine = Engine(log, self._databases)

    def start(self) -> None:
        """Start with the connectors of the last run, as they were.

        Raises:
            sqlite3.DatabaseError: a database file cannot be opened.
        """
        self._engine.start()
        saved = self._log.connectors()

        def restore() -> None:
            for name, (config, target) in saved.items():
                try:
                    settings: Settings | ConfigInvalid = self.check(name, config)
                except ConfigInvalid as invalid:
                    settings = invalid
                self._engine.connectors[name] = self._make(name, config, settings, cast(Target, target))
            self._engine.have_due(saved)

        self._engine.call(restore)

    def stop(self) -> None:
        """End after the running batch; what is left is carried after the next start."""
        self._engine.stop()

    def wake(self, database: str) -> None:
        """A database has changed. Never blocks; may be called from the event loop."""
        self._engine.wake(database)

    def capture_ready(self, database: str) -> "Future[None]":
        """The tables of a database are made or migrated: capture those that connectors ask for."""

        def refresh() -> None:
            for name, connector in self._engine.connectors.items():
                if connector.database == database:
                    connector.refresh()
                    self._engine.have_due([name])

        return self._engine.submit(refresh)

    def settle(self, timeout_seconds: float = 10.0) -> None:
        """Wait until every change has arrived and no restart is due.

        Raises:
            TimeoutError: it did not come to rest in time.
        """
        self._engine.settled().result(timeout_seconds)

    def check(self, name: str, config: Mapping[str, str]) -> Settings:
        """What a configuration asks for.

        Raises:
            ConfigInvalid: naming the connector, the options and what is wrong with them.
        """
        return read_settings(name, config, environ=self._environ, databases=self._databases)

    def add(self, name: str, config: Mapping[str, str], *, target: Target = "STARTED") -> None:
        """Make a connector.

        Raises:
            ConnectorExists: there is one of that name.
            ConfigInvalid: the configuration must not run.
        """
        settings = self.check(name, config)

        def add() -> None:
            if name in self._engine.connectors:
                raise ConnectorExists(name)
            self._put(name, config, settings, target)

        self._engine.call(add)

    def put(self, name: str, config: Mapping[str, str]) -> bool:
        """Make a connector, or give one another configuration and a new task; True: it is new.

        Raises:
            ConfigInvalid: the configuration must not run; a connector that is there goes on with its own.
        """
        settings = self.check(name, config)

        def put() -> bool:
            old = self._engine.connectors.get(name)
            self._put(name, config, settings, "STARTED" if old is None else old.target)
            return old is None

        return self._engine.call(put)

    def delete(self, name: str) -> None:
        """Remove a connector; its offsets stay, as in Kafka."""

        def delete() -> None:
            self._find(name).close()
            del self._engine.connectors[name]
            self._log.forget_connector(name)

        self._engine.call(delete)

    def pause(self, name: str) -> None:
        """Hand nothing on until it is resumed."""
        self._change(name, Connector.pause)

    def resume(self, name: str) -> None:
        """Go on after pause or stop."""
        self._change(name, Connector.resume)

    def stop_connector(self, name: str) -> None:
        """End the task; offsets may be changed now."""
        self._change(name, Connector.stop)

    def restart(self, name: str, *, only_failed: bool = False) -> None:
        """Make the task anew."""
        self._change(name, lambda connector: connector.restart(only_failed=only_failed))

    def names(self) -> list[str]:
        """The connectors in the order of their making."""
        return self._engine.call(lambda: list(self._engine.connectors))

    def config(self, name: str) -> dict[str, str]:
        """The configuration as it was posted, with its name and with its placeholders."""
        return self._engine.call(lambda: {**self._find(name).config, "name": name})

    def type(self, name: str) -> Literal["source", "sink"]:
        """Which of the two it is."""
        return self._engine.call(lambda: self._find(name).type)

    def status(self, name: str) -> dict[str, Any]:
        """See Connector.status."""
        return self._engine.call(lambda: self._find(name).status())

    def topics(self, name: str) -> list[str]:
        """The topics that a connector reads or writes."""

        def topics() -> list[str]:
            connector = self._find(name)
            if isinstance(connector.settings, SinkSettings):
                return list(connector.settings.topics)
            return connector.task.topics if isinstance(connector.task, Source) else []

        return self._engine.call(topics)

    def offsets(self, name: str) -> list[dict[str, Any]]:
        """Partition and offset of each topic of a sink, or of the one database of a source."""

        def offsets() -> list[dict[str, Any]]:
            connector = self._find(name)
            task = connector.task or connector.make_task()
            if isinstance(task, Sink):
                return [
                    {
                        "partition": {"kafka_partition": 0, "kafka_topic": topic},
                        "offset": {"kafka_offset": offset},
                    }
                    for topic, offset in task.offsets.items()
                ]
            assert isinstance(connector.settings, SourceSettings)
            noted = self._log.progress(name)
            partition = {_server(connector.settings): connector.settings.prefix}
            return [] if noted is None else [{"partition": partition, "offset": noted}]

        return self._engine.call(offsets)

    def set_offsets(self, name: str, offsets: Mapping[str, Any] | None) -> None:
        """Change the offsets of a stopped connector: of a sink by topic, of a source as a whole.

        offsets: None forgets them, so that a sink reads from the earliest record and a source makes its
            snapshot.

        Raises:
            NotStopped: it is running or paused.
        """

        def change() -> None:
            connector = self._find(name)
            if connector.target != "STOPPED":
                raise NotStopped(name)
            task = connector.make_task()
            if isinstance(task, Sink):
                for topic, offset in (dict.fromkeys(task.offsets, 0) if offsets is None else offsets).items():
                    task.set_offset(topic, offset)
                return
            with self._log.writing() as writer:
                if offsets is None:
                    writer.forget_progress(name)
                else:
                    writer.note_progress(name, offsets)

        self._engine.call(change)

    def produce(self, records: Iterable[NewRecord]) -> list[int]:
        """Append records to topics that exist, as another producer would, and return their offsets."""
        wanted = list(records)

        def produce() -> list[int]:
            offsets = self._log.append(wanted)
            self._engine.have_due(self._engine.sinks_of(record.topic for record in wanted))
            return offsets

        return self._engine.call(produce)

    def _find(self, name: str) -> Connector:
        try:
            return self._engine.connectors[name]
        except KeyError:
            raise ConnectorUnknown(name) from None

    def _change(self, name: str, change: Callable[[Connector], None]) -> None:
        def apply() -> None:
            connector = self._find(name)
            change(connector)
            self._log.save_connector(name, connector.config, connector.target)
            self._engine.have_due([name])

        self._engine.call(apply)

    def _put(self, name: str, config: Mapping[str, str], settings: Settings, target: Target) -> None:
        refuse_doubled_server_id(
            settings, [connector.settings for connector in self._engine.connectors.values()]
        )
        if isinstance(settings, SinkSettings):
            for topic in settings.topics:
                self._log.create_topic(topic)
            self._log.create_topic(settings.dead_letter_topic, compacted=False)
        old = self._engine.connectors.get(name)
        if old is not None:
            old.close()
        self._engine.connectors[name] = self._make(name, config, settings, target)
        self._log.save_connector(name, config, target)
        self._engine.have_due([name])

    def _make(
        self, name: str, config: Mapping[str, str], settings: Settings | ConfigInvalid, target: Target
    ) -> Connector:
        return Connector(
            name,
            config,
            settings,
            target=target,
            make=self._make_task,
            first_restart_seconds=self._first_restart_seconds,
        )

    def _make_task(self, settings: Settings) -> Source | Sink:
        connection = self._engine.files[settings.database]
        if isinstance(settings, SinkSettings):
            return Sink(settings, self._log, connection)
        return Source(settings, self._log, connection)


def _server(settings: SourceSettings) -> str:
    """What Debezium's partition calls the logical server."""
    return "server" if settings.collection is None else "server_id"
