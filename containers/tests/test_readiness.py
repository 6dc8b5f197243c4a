"""Ready means that every service is; what is not is named when the waiting ends."""

import asyncio

import pytest

from containers import readiness
from containers.engines import PlatformRefused
from containers.settings import SERVICES


class Service:
    """Answers /readyz by its status line alone, each time with the next one."""

    def __init__(self, *status_lines: bytes) -> None:
        self.status_lines = list(status_lines)
        self.asked: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(await reader.readline())
        line = self.status_lines.pop(0) if len(self.status_lines) > 1 else self.status_lines[0]
        writer.write(line + b"\r\ncontent-length: 200\r\n\r\n")
        writer.close()


def wait_for_services(*services: Service) -> None:
    async def wait() -> None:
        servers = [await asyncio.start_server(service, "127.0.0.1", 0) for service in services]
        numbers = [server.sockets[0].getsockname()[1] for server in servers]
        names = [f"{service.upper()}_PORT" for service in SERVICES]
        try:
            await readiness.services_ready(dict(zip(names, numbers, strict=True)))
        finally:
            for server in servers:
                server.close()

    asyncio.run(wait())


OK, NOT_YET = b"HTTP/1.1 200 OK", b"HTTP/1.1 503 Service Unavailable"


def test_services_are_waited_for() -> None:
    """Until the last of them answers 200; a body with a 200 in it is none."""
    slow = Service(NOT_YET, NOT_YET, OK)
    wait_for_services(Service(OK), slow, Service(OK), Service(NOT_YET, OK))
    assert slow.asked == [b"GET /readyz HTTP/1.1\r\n"] * 3


def test_a_service_that_never_is_ready_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its port."""
    monkeypatch.setattr(readiness, "READY_SECONDS", 0.05)
    with pytest.raises(PlatformRefused, match=r"Not ready within 0\.05 s: login on port \d+\. The log"):
        wait_for_services(Service(OK), Service(OK), Service(NOT_YET), Service(OK))
