"""What looks after the connectors of a real Connect: registration, then the watchdog."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack

from containers import registration
from containers.connect_configs import read_configs
from containers.connectors import ConnectClient
from containers.engines import PlatformRefused
from containers.folder import DataFolder
from containers.topics import KafkaTopics, TopicsUnreachable
from containers.watchdog import Watchdog


class ConnectorHost:
    """The seven connectors on the Connect at one address, with Kafka at another.

    environ: what the checks of the connector files know of their placeholders.
    """

    def __init__(
        self, *, connect_url: str, bootstrap: str, folder: DataFolder, environ: Mapping[str, str]
    ) -> None:
        self._connect_url, self._bootstrap, self._folder = connect_url, bootstrap, folder
        self._configs = read_configs(environ)
        self._stack = ExitStack()

    def start(self, progress: Callable[[str], object]) -> None:
        """Returns when every connector has carried something.

        Raises:
            PlatformRefused: one does not run, with its cause.
        """
        connect = ConnectClient(self._connect_url)
        self._stack.callback(connect.close)
        topics = KafkaTopics(self._bootstrap)
        self._stack.callback(topics.close)
        try:
            registration.create_topics(topics)
            since = registration.end_of_heartbeats(topics, self._configs)
        except TopicsUnreachable as error:
            raise PlatformRefused(f"{error}.") from error
        registration.register(connect, self._configs)
        watchdog = Watchdog(connect, topics, self._configs, self._folder.findings)
        watchdog.start()
        self._stack.callback(watchdog.stop)
        registration.wait_until_running(connect, self._configs)
        progress("the seven connectors are running")
        registration.wait_until_carrying(topics, self._configs, since)
        progress("each connector has carried something")

    def stop(self) -> None:
        """Nobody looks after the connectors any more; they go on by themselves."""
        self._stack.close()
