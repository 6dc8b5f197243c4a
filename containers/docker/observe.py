"""How a running containers platform is seen from outside: on the loopback ports of its engines.

What kills and starts engines asks Docker, which is imported only then: `quartet status` can do without.
"""

from collections.abc import Mapping
from pathlib import Path

from containers.docker import mongo
from containers.docker.image_names import MONGO
from containers.docker.mysql.servers import MEMBERS, group_seen_by
from containers.engines import Tier
from containers.folder import DataFolder
from containers.keys import read_passwords
from containers.real_engines import DOCUMENTS, RealTier, SQLAddress
from containers.settings import LOCALHOST

OBSERVER = "observer"


class ContainersTier(RealTier):
    """The containers platform on one data folder."""

    def parts(self) -> list[str]:
        from containers.docker.platform import part_names

        return part_names(self._folder.path)

    def kill(self, part: str) -> None:
        from containers.docker.platform import part_of

        with part_of(self._folder.path, part) as found:
            found.kill()

    def start(self, part: str) -> None:
        from containers.docker.platform import part_of

        with part_of(self._folder.path, part) as found:
            found.start()

    def group(self) -> Mapping[str, str]:
        """As the first member tells that knows a primary: a dead one tells nothing."""
        from containers.docker.platform import part_of

        for member in MEMBERS:
            with part_of(self._folder.path, member) as found:
                group = group_seen_by(found)
            if "PRIMARY" in group.values():
                return group
        return {}

    def replica_set(self) -> Mapping[str, str]:
        from containers.docker.platform import part_of

        roles = {}
        for member in mongo.members_of(self._mongo_image):
            with part_of(self._folder.path, member) as found:
                if role := mongo.role_of(found):
                    roles[member] = role
        return roles

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
