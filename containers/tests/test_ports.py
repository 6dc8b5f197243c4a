"""Ports are bound together, or refused together by number and name."""

import socket
from contextlib import ExitStack

import pytest

from containers.engines import PlatformRefused
from containers.ports import bind_ports, free_ports


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


def test_free_ports_are_given_to_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is different and free, and none is what a socket gets that asks for any port."""
    assert len(set(free_ports(50))) == 50
    (taken,) = free_ports(1)
    monkeypatch.setattr("containers.ports.PICKED", range(taken, taken + 1))
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", taken))
        with pytest.raises(PlatformRefused, match=f"No 1 ports are free from {taken} on"):
            free_ports(1)
    with socket.create_server(("127.0.0.1", 0)) as anybody:
        assert anybody.getsockname()[1] not in range(20_000, 32_768)
