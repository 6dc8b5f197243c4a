"""How it is seen that a part is ready."""

import socket

import httpx

from containers.docker.parts import Inside, Probe
from containers.settings import LOCALHOST

TIMEOUT_SECONDS = 2.0


def answers(url: str, *, status: int = 200) -> Probe:
    """Ready when a GET of this URL of the loopback address is answered with the status."""

    def probe(inside: Inside) -> str | None:
        try:
            answer = httpx.get(url, timeout=TIMEOUT_SECONDS, trust_env=False)
        except httpx.HTTPError as error:
            return f"{url} does not answer ({type(error).__name__})"
        return None if answer.status_code == status else f"{url} answers {answer.status_code}"

    return probe


def greets_on(port: int) -> Probe:
    """Ready when the server behind this port of the loopback address speaks first, as SMTP's does.

    A connection alone proves nothing: Docker's own forwarder accepts it before the server is there.
    """

    def probe(inside: Inside) -> str | None:
        try:
            with socket.create_connection((LOCALHOST, port), timeout=TIMEOUT_SECONDS) as connection:
                return None if connection.recv(1) else f"nothing greets on port {port}"
        except OSError as error:
            return f"port {port} does not answer ({type(error).__name__})"

    return probe
