"""Ports of the loopback address that nobody listens on."""

import socket
from contextlib import ExitStack

from containers.settings import LOCALHOST


def free_ports(number: int) -> list[int]:
    """So many different ones, free at this moment."""
    with ExitStack() as stack:
        socks = [stack.enter_context(socket.socket()) for _ in range(number)]
        for sock in socks:
            sock.bind((LOCALHOST, 0))
        return [sock.getsockname()[1] for sock in socks]
