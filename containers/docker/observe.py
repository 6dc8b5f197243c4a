"""How a running containers platform is seen from outside: on the loopback ports of its engines."""

from pathlib import Path

from containers.docker import mongo
from containers.engines import Tier
from containers.folder import DataFolder
from containers.keys import read_passwords
from containers.real_engines import DOCUMENTS, RealTier, SQLAddress
from containers.settings import LOCALHOST

OBSERVER = "observer"


def attach(data: Path) -> Tier:
    """A handle to the platform on this folder; raises NotRunning."""
    folder = DataFolder(data)
    description, passwords = folder.description(), read_passwords(folder.keys)
    ports = {name: int(at.rpartition(":")[2]) for name, at in description.engines.items() if ":" in at}
    image = description.engines["mongo_image"]
    return RealTier(
        folder,
        description,
        databases={
            name: SQLAddress(LOCALHOST, ports[name], OBSERVER, passwords[OBSERVER], name)
            for name in ("signup_db", "login_db", "rpwd_db")
        },
        mongo_url=mongo.observer_url(image, passwords, host_port=ports[DOCUMENTS]),
        bootstrap=description.engines["kafka"],
    )
