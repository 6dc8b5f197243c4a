"""A way to a server that can be closed and opened: how an outage looks from the other side."""

import socket
import threading
from collections.abc import Sequence
from contextlib import suppress


class Route:
    """A loopback port that refuses connections until it is opened, and then leads to a server."""

    def __init__(self) -> None:
        # Bound and not listening: the port is ours, and whoever connects is refused.
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = [self._listener]

    def open(self, host: str, port: int) -> None:
        """From now on connections are carried on to the server at host:port."""
        self._listener.listen()
        threading.Thread(target=self._accept, args=(host, port), daemon=True).start()

    def cut(self) -> None:
        """Cuts every connection; whoever connects again is carried on."""
        _end(self._open[1:])

    def close(self) -> None:
        """Cuts every connection; the port refuses again."""
        _end(self._open)

    def _accept(self, host: str, port: int) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection((host, port))
                self._open += [client, server]
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=_carry, args=(one, other), daemon=True).start()


def _end(sockets: Sequence[socket.socket]) -> None:
    for sock in sockets:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()


def _carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
