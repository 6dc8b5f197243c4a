"""What one container of the platform is, as values; `platform.py` starts them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


class Inside(Protocol):
    """A container that runs, as its probe sees it."""

    def run(self, *command: str) -> tuple[int, str]:
        """Exit code and output of a command run in the container."""


Probe = Callable[[Inside], str | None]
"""Answers None when the part is ready, otherwise what is still missing, in a few words; never raises for a
part that is only not there yet."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One container.

    name: its name, and the host name under which the other parts reach it.
    files: contents by path in the container, put there before it starts (mode 0755): no folder of this
        machine is mounted, so Docker may run elsewhere.
    ports: port in the container: port on the loopback address of this machine.
    volumes: name of a volume: the folder in the container that it holds.
    needs: parts that have to be ready before this one starts.
    """

    name: str
    image: str
    probe: Probe
    entrypoint: Sequence[str] | None = None
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[int, int] = field(default_factory=dict)
    volumes: Mapping[str, str] = field(default_factory=dict)
    needs: Sequence[str] = ()
    memory_mib: int
    user: str | None = None
    stop_seconds: int = 5


ACCOUNTS = (
    "root",
    "replication",
    "signup",
    "activation",
    "login",
    "reset_password",
    "capture",
    "sink",
    "observer",
)
"""Accounts of the engines, each with a password of its own (letters, digits, `-` and `_` only), made at the
first start and kept in the data folder. `capture` is the connectors' source account, `sink` has on each
server the one table that a sink fills, `observer` reads for `quartet journey` and the suite."""
