"""What a platform has on the Docker engine: containers, volumes and a network, known by one label."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, NotFound
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from containers.docker.images import connect_to_docker
from containers.docker.logs import LogFollower
from containers.docker.parts import Part
from containers.engines import PlatformRefused
from containers.settings import LOCALHOST

LABEL = "quartet.platform"

EXECUTABLE = 0o755

LAST_LINES = 15
"""So much of what a container said before it ended is shown."""

# What a killed platform leaves is removed by label at the next start: no further container is needed for it.
testcontainers_config.ryuk_disabled = True


class PartFailed(PlatformRefused):
    """A container has ended while it was starting, or cannot start at all."""


class PartInContainer:
    """A part by its container, whoever started it: what a fault does to it."""

    def __init__(self, container: Any) -> None:
        self._container = container

    def run(self, *command: str) -> tuple[int, str]:
        """Exit code and output of a command run in the container; 125 when it does not run."""
        try:
            code, output = self._container.exec_run(list(command))
        except APIError as error:
            return 125, str(error)
        return code, output.decode(errors="replace")

    def kill(self) -> None:
        """Ends the container at once, as a power cut does; it stays down until start()."""
        self._container.kill()

    def start(self) -> None:
        """Starts the killed or stopped container again, on the same data and ports."""
        self._container.start()


class RunningPart(PartInContainer):
    """A part whose container has been started here; what a probe sees of it."""

    def __init__(self, part: Part, container: Any) -> None:
        super().__init__(container)
        self.part = part

    def problem(self) -> str | None:
        """Why the part will never be ready, None while it may; asked again and again while it starts."""
        try:
            self._container.reload()
        except NotFound:
            return f"The container of {self.part.name} is gone."
        state = self._container.attrs["State"]
        if state["Status"] not in ("exited", "dead"):
            return None
        why = "it was out of memory" if state.get("OOMKilled") else f"exit code {state['ExitCode']}"
        return f"{self.part.name} has ended while it was starting ({why}):\n{self.last_lines()}"

    def last_lines(self) -> str:
        """The end of what the container has said."""
        try:
            said: bytes = self._container.logs(tail=LAST_LINES)
        except APIError:
            return ""
        return said.decode(errors="replace").rstrip()

    def follow(self) -> LogFollower:
        """Hands on what the container says to stderr, until it is told to stop."""
        return LogFollower(self._container)

    def keep_running(self) -> None:
        """From now on the engine starts the container again when it ends by itself."""
        self._container.update(restart_policy={"Name": "unless-stopped"})

    def stop(self) -> None:
        """Ends the container in order."""
        with suppress(NotFound):
            self._container.stop(timeout=self.part.stop_seconds)


def identity_of(data: Path) -> str:
    """What tells this data folder's platform from others on the same Docker engine."""
    return hashlib.sha256(str(data.absolute()).encode()).hexdigest()[:8]


@contextmanager
def found_on_docker(data: Path) -> Iterator[PlatformOnDocker]:
    """What is there of the platform on this folder, whoever started it.

    Raises:
        PlatformRefused: Docker does not answer.
    """
    with closing(connect_to_docker()) as client:
        yield PlatformOnDocker(client, identity_of(data))


class PlatformOnDocker:
    """Everything that one platform has on the engine; `identity` tells platforms apart."""

    def __init__(self, client: docker.DockerClient, identity: str) -> None:
        self._client, self.identity = client, identity
        self._labels = {LABEL: identity}
        self._network = Network(docker_network_kw={"labels": self._labels})
        self._network.name = f"quartet-{identity}"
        self._starting = threading.Condition()
        self._number_starting = 0
        self._is_closed = False

    def create_network(self) -> None:
        """The network in which parts find each other by name."""
        with self._counted("The network"):
            self._network.create()

    def start(self, part: Part) -> RunningPart:
        """Creates and starts the container of a part.

        Raises:
            PartFailed: the engine cannot start it.
        """
        with self._counted(part.name):
            container = self._container(part)
            try:
                container.start()
            except APIError as error:
                raise PartFailed(f"{part.name} cannot start: {error.explanation or error}") from error
            return RunningPart(part, container.get_wrapped_container())

    def find(self, name: str) -> PartInContainer:
        """A part that another process has started, by its name.

        Raises:
            PlatformRefused: there is no such container.
        """
        try:
            return PartInContainer(self._client.containers.get(self._name(name)))
        except NotFound as error:
            raise PlatformRefused(f"{name} is no part of this platform.") from error

    def names(self, *, only_down: bool = False) -> list[str]:
        """The names of its parts, whether they run or not; or of those that do not run."""
        found = self._client.containers.list(all=True, filters={"label": f"{LABEL}={self.identity}"})
        return sorted(
            container.name.removeprefix(self._name(""))
            for container in found
            if not (only_down and container.status == "running")
        )

    def close(self) -> None:
        """No further container starts; returns when no start is under way."""
        with self._starting:
            self._is_closed = True
            self._starting.wait_for(lambda: self._number_starting == 0)

    @contextmanager
    def _counted(self, what: str) -> Iterator[None]:
        """An interrupted start leaves threads behind: none of them may start what nobody removes."""
        with self._starting:
            if self._is_closed:
                raise PartFailed(f"{what} is not started any more.")
            self._number_starting += 1
        try:
            yield
        finally:
            with self._starting:
                self._number_starting -= 1
                self._starting.notify_all()

    def remove(self, *, with_volumes: bool) -> None:
        """Removes what the platform has on the engine; of an empty one nothing."""
        by_label: Mapping[str, str] = {"label": f"{LABEL}={self.identity}"}
        for container in self._client.containers.list(all=True, filters=by_label):
            with suppress(NotFound):
                container.remove(force=True, v=True)
        for network in self._client.networks.list(filters=by_label):
            with suppress(NotFound):
                network.remove()
        for volume in self._client.volumes.list(filters=by_label) if with_volumes else ():
            with suppress(NotFound):
                volume.remove()

    def kill(self) -> None:
        """Ends every container, all at the same moment."""

        def kill(container: Any) -> None:
            with suppress(APIError):  # it has ended by itself meanwhile
                container.kill()

        containers = self._client.containers.list(filters={"label": f"{LABEL}={self.identity}"})
        with ThreadPoolExecutor(len(containers) or 1) as pool:
            list(pool.map(kill, containers))

    def has_volumes(self) -> bool:
        """Whether data of an earlier run is kept."""
        return bool(self._client.volumes.list(filters={"label": f"{LABEL}={self.identity}"}))

    def _container(self, part: Part) -> DockerContainer:
        container = (
            DockerContainer(part.image)
            .with_name(self._name(part.name))
            .with_network(self._network)
            .with_network_aliases(part.name)
            .with_envs(**part.environment)
            .with_kwargs(
                labels=self._labels,
                hostname=part.name.replace("_", "-"),
                mem_limit=f"{part.memory_mib}m",
                memswap_limit=f"{part.memory_mib}m",
                log_config={"type": "json-file", "config": {"max-size": "10m", "max-file": "2"}},
                **({"entrypoint": list(part.entrypoint)} if part.entrypoint else {}),
                **({"user": part.user} if part.user else {}),
            )
        )
        if part.command:
            container.with_command(list(part.command))
        for path, text in part.files.items():
            container.with_copy_into_container(text.encode(), path, EXECUTABLE)
        for inner, outer in part.ports.items():
            container.ports[f"{inner}/tcp"] = (LOCALHOST, outer)  # type: ignore[assignment]  # docker takes it
        for name, folder in part.volumes.items():
            container.with_volume_mapping(self._volume(name), folder, "rw")
        return container

    def _name(self, part: str) -> str:
        return f"quartet-{self.identity}-{part}"

    def _volume(self, name: str) -> str:
        full_name = f"quartet-{self.identity}-{name}"
        self._client.volumes.create(full_name, labels=self._labels)
        return full_name
