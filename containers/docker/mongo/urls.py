"""The addresses of MongoDB, for clients inside of the network and outside of it."""

from collections.abc import Mapping

from containers.docker.image_names import MONGO

DATABASE = "activate_user_reg_db"
REPLICA_SET = "rs0"
MEMBERS = ("mongodb1", "mongodb2", "mongodb3")
PORT = 27017


def members_of(image: str) -> tuple[str, ...]:
    """The members that start from this image: of MongoDB three, of its stand-in one."""
    return MEMBERS if image == MONGO else MEMBERS[:1]


def service_url(image: str, passwords: Mapping[str, str]) -> str:
    """Where activation finds its documents."""
    return _inside(image, "activation", passwords)


def capture_url(image: str, passwords: Mapping[str, str]) -> str:
    """Where mongonewuserconnector reads: QUARTET_MONGO_URI."""
    return _inside(image, "capture", passwords)


def observer_url(image: str, passwords: Mapping[str, str], host_port: int) -> str:
    """Where this machine looks at the documents."""
    return outside_url(image, "observer", passwords, host_port)


def outside_url(image: str, account: str, passwords: Mapping[str, str], host_port: int) -> str:
    """Where this machine reaches one member alone, as the others' names are unknown here.

    That member need not be the primary; what it shows may be a moment old.
    """
    return _url(
        _account(image, account, passwords),
        f"127.0.0.1:{host_port}",
        ["directConnection=true", "readPreference=primaryPreferred", *_authentication(image)],
    )


def _inside(image: str, account: str, passwords: Mapping[str, str]) -> str:
    hosts = ",".join(f"{member}:{PORT}" for member in members_of(image))
    options = [f"replicaSet={REPLICA_SET}", *_authentication(image)]
    return _url(_account(image, account, passwords), hosts, options)


def _url(account: str, hosts: str, options: list[str]) -> str:
    return f"mongodb://{account}{hosts}/{DATABASE}?{'&'.join(options)}"


def _account(image: str, name: str, passwords: Mapping[str, str]) -> str:
    """The stand-in knows no users."""
    return f"{name}:{passwords[name]}@" if image == MONGO else ""


def _authentication(image: str) -> list[str]:
    return ["authSource=admin"] if image == MONGO else []
