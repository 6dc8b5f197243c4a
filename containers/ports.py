"""Ports of the loopback address: binding those that are asked for, and finding free ones."""

import random
import socket
from collections.abc import Mapping
from contextlib import AsyncExitStack, ExitStack, suppress

from apps.web.server import PortTaken, bind
from containers.engines import PlatformRefused
from containers.settings import LOCALHOST

PICKED = range(20_000, 32_768)
"""Below those that Linux gives out by itself (ip_local_port_range): what is picked here may be bound a minute
later, or once more after a kill, and no connection of anybody's has got it meanwhile."""


def bind_ports(stack: ExitStack | AsyncExitStack, ports: Mapping[str, int]) -> dict[str, socket.socket]:
    """A bound loopback socket for each port, by the name of its setting; the stack closes them.

    Raises:
        PlatformRefused: some are taken, or need rights that this process lacks.
    """
    sockets: dict[str, socket.socket] = {}
    problems: list[str] = []
    for name, port in ports.items():
        try:
            sockets[name] = stack.enter_context(bind(port, LOCALHOST))
        except PortTaken as taken:
            problems.append(f"port {port} ({name}) {taken.reason}")
    if problems:
        told = "; ".join(problems)
        raise PlatformRefused(
            f"{told[0].upper()}{told[1:]}: stop what listens there, or choose another port by its variable."
        )
    return sockets


def free_ports(number: int) -> list[int]:
    """So many different ones, free at this moment, and later unless somebody asks for one by its number.

    Raises:
        PlatformRefused: there are not so many.
    """
    found: list[int] = []
    with ExitStack() as stack:
        for port in random.sample(PICKED, len(PICKED)):
            if len(found) == number:
                return found
            sock = stack.enter_context(socket.socket())
            with suppress(OSError):
                sock.bind((LOCALHOST, port))
                found.append(port)
    raise PlatformRefused(f"No {number} ports are free from {PICKED.start} on: stop what listens there.")
