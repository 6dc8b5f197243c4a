"""Ports are bound together, or refused together by number and name."""

import socket
from contextlib import ExitStack

import pytest

from containers.engines import PlatformRefused
from containers.ports import bind_ports


def test_every_taken_port_is_named() -> None:
    """One attempt tells everything that is in the way, and leaves nothing bound."""
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        ports = {"A_PORT": first.getsockname()[1], "B_PORT": 0, "C_PORT": second.getsockname()[1]}
        with ExitStack() as stack, pytest.raises(PlatformRefused) as refused:
            bind_ports(stack, ports)
    said = str(refused.value)
    assert said.startswith(
        f"Port {ports['A_PORT']} (A_PORT) is taken; port {ports['C_PORT']} (C_PORT) is taken:"
    )
    assert "B_PORT" not in said


def test_free_ports_are_bound_to_loopback() -> None:
    """Nobody outside of this machine reaches a development platform."""
    with ExitStack() as stack:
        sockets = bind_ports(stack, {"A_PORT": 0})
        assert sockets["A_PORT"].getsockname()[0] == "127.0.0.1"
    assert sockets["A_PORT"].fileno() == -1
