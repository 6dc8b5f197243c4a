"""The containers of MongoDB: the three members of its replica set, or the one member of the stand-in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from containers.docker.image_names import MONGO
from containers.docker.mongo import accounts
from containers.docker.mongo.urls import MEMBERS, PORT, REPLICA_SET, members_of
from containers.docker.parts import Inside, Part

_HERE = Path(__file__).parent
_INSIDE = "/quartet"
_DATA = "/data/db"

_STATE = ("sh", f"{_INSIDE}/shell.sh", "state.js")
_SERVING = ("primary", "secondary")
_STANDIN_HELLO = ("/opt/standin/bin/hello",)

STANDIN = "mongo-java-server"
"""What the stand-in calls itself in its `hello`."""


def mongo_parts(image: str, passwords: Mapping[str, str], *, host_port: int) -> list[Part]:
    """The members that start from this image.

    Those of MongoDB have to be started side by side: none is ready before they have elected a primary.
    host_port: where the first of them is reached from this machine.
    """
    if image != MONGO:
        return [_standin(image, host_port)]
    return [_member(name, image, passwords, host_port) for name in members_of(image)]


def _standin(image: str, host_port: int) -> Part:
    name = MEMBERS[0]
    return Part(
        name=name,
        image=image,
        probe=_standin_is_primary,
        environment={"STANDIN_HOST": name, "STANDIN_PORT": str(PORT), "STANDIN_SET": REPLICA_SET},
        ports={PORT: host_port},
        volumes={name: _DATA},
        memory_mib=320,
    )


def _member(name: str, image: str, passwords: Mapping[str, str], host_port: int) -> Part:
    return Part(
        name=name,
        image=image,
        probe=_serves,
        entrypoint=("sh", f"{_INSIDE}/entry.sh"),
        files={
            **{
                f"{_INSIDE}/{script}": _text(script)
                for script in ("entry.sh", "shell.sh", "setup.js", "state.js")
            },
            f"{_INSIDE}/accounts.js": accounts.accounts_script(passwords),
            f"{_INSIDE}/group.js": accounts.group_script(name, MEMBERS),
            f"{_INSIDE}/key": _key(passwords["replication"]),
        },
        ports={PORT: host_port} if name == MEMBERS[0] else {},
        volumes={name: _DATA},
        memory_mib=768,
        stop_seconds=20,
    )


def _key(password: str) -> str:
    """What members show each other: 6 to 1024 characters of base64, says MongoDB; hexadecimals are such."""
    return hashlib.sha512(password.encode()).hexdigest() + "\n"


def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _facts(output: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in output.splitlines() if "=" in line)


def role_of(member: Inside) -> str | None:
    """What a member of MongoDB says that it is: PRIMARY, SECONDARY, or None while it serves nobody.

    Each is asked of itself: what the others know of a dead one is seconds old.
    """
    state = _state(member).get("state", "")
    return state.upper() if state in _SERVING else None


def _state(member: Inside) -> dict[str, str]:
    """What a member tells of itself; of one that lets its accounts not in, or is down, nothing."""
    code, output = member.run(*_STATE)
    return _facts(output) if code == 0 else {}


def _standin_is_primary(inside: Inside) -> str | None:
    """The stand-in has to say itself that it is one: this image must never pass for MongoDB."""
    code, output = inside.run(*_STANDIN_HELLO)
    facts = _facts(output) if code == 0 else {}
    if facts.get("isWritablePrimary") != "true":
        return "the stand-in for MongoDB does not answer as a primary yet"
    said = facts.get("standin")
    return None if said == STANDIN else f"a server answers that calls itself {said!r}, not {STANDIN!r}"


def _serves(inside: Inside) -> str | None:
    facts = _state(inside)
    if not facts:
        return "the member does not let its accounts in yet"
    if not facts.get("primary"):
        return "the members have not elected a primary yet"
    return None if facts.get("state") in _SERVING else "the member is catching up"
