"""How a running containers platform is seen from outside: on the loopback ports of its engines.

What asks for parts asks Docker, whose client is imported only then: most commands can do without.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from containers.docker import mongo
from containers.docker.image_names import MONGO
from containers.docker.mysql.servers import MEMBERS, group_seen_by
from containers.engines import Tier
from containers.folder import DataFolder
from containers.keys import read_passwords
from containers.real_engines import DOCUMENTS, RealTier, SQLAddress
from containers.settings import LOCALHOST

if TYPE_CHECKING:
    from containers.docker.engine import PlatformOnDocker

OBSERVER = "observer"


class ContainersTier(RealTier):
    """The containers platform on one data folder."""

    def parts(self) -> list[str]:
        with self._on_docker() as found:
            return found.names()

    def down(self) -> list[str]:
        with self._on_docker() as found:
            return found.names(only_down=True)

    def kill(self, part: str) -> None:
        with self._on_docker() as found:
            found.find(part).kill()

    def start(self, part: str) -> None:
        with self._on_docker() as found:
            found.find(part).start()

    def group(self) -> Mapping[str, str]:
        """As the first member tells that knows a primary: a dead one tells nothing."""
        with self._on_docker() as found:
            for member in MEMBERS:
                group = group_seen_by(found.find(member))
                if "PRIMARY" in group.values():
                    return group
        return {}

    def replica_set(self) -> Mapping[str, str]:
        with self._on_docker() as found:
            roles = {
                member: mongo.role_of(found.find(member)) for member in mongo.members_of(self._mongo_image)
            }
        return {member: role for member, role in roles.items() if role}

    def _on_docker(self) -> AbstractContextManager[PlatformOnDocker]:
        from containers.docker.engine import found_on_docker

        return found_on_docker(self._folder.path)

    @property
    def has_mongodb(self) -> bool:
        return self._mongo_image == MONGO

    @property
    def _mongo_image(self) -> str:
        return self._description.engines["mongo_image"]


def attach(data: Path) -> Tier:
    """A handle to the platform on this folder; raises NotRunning."""
    folder = DataFolder(data)
    description, passwords = folder.description(), read_passwords(folder.keys)
    ports = {name: int(at.rpartition(":")[2]) for name, at in description.engines.items() if ":" in at}
    image = description.engines["mongo_image"]
    return ContainersTier(
        folder,
        description,
        databases={
            name: SQLAddress(LOCALHOST, ports[name], OBSERVER, passwords[OBSERVER], name)
            for name in ("signup_db", "login_db", "rpwd_db")
        },
        mongo_url=mongo.observer_url(image, passwords, host_port=ports[DOCUMENTS]),
        bootstrap=description.engines["kafka"],
    )
