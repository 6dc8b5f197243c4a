"""Load from one process: keep-alive HTTP that costs the machine little, closed and open loop."""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

LIMIT_SECONDS = 30.0


@dataclass(frozen=True)
class Answer:
    """One answer and when it was there, in seconds after the moment at which it was meant to be sent."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Connection:
    """One keep-alive connection to one service; a client library would take the cores from the services."""

    url: str
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = field(default=None)

    async def ask(self, method: str, path: str, body: Any = None, *, since: float | None = None) -> Answer:
        began = time.perf_counter() if since is None else since
        host = urlsplit(self.url)
        payload = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: {host.netloc}\r\nAccept: application/json\r\n"
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n"
        if self._streams is None:
            self._streams = await asyncio.open_connection(host.hostname, host.port)
        reader, writer = self._streams
        writer.write(head.encode() + b"\r\n" + payload)
        raw = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT_SECONDS)
        first, *lines = raw.decode("latin-1").rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        content = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection") == "close":
            self.close()
        return Answer(int(first.split()[1]), headers, content, time.perf_counter() - began)

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


Act = Callable[[Connection, int], Awaitable[Answer]]


async def closed_loop(url: str, act: Act, *, workers: int, seconds: float) -> list[Answer]:
    """`workers` clients, each of which sends its next request when the last is answered."""
    answers: list[Answer] = []
    ends_at = time.perf_counter() + seconds

    async def work(worker: int) -> None:
        connection, index = Connection(url), worker
        while time.perf_counter() < ends_at:
            answers.append(await act(connection, index))
            index += workers
        connection.close()

    await asyncio.gather(*(work(worker) for worker in range(workers)))
    return answers


async def open_loop(url: str, act: Act, *, per_second: float, seconds: float, seed: int = 7) -> list[Answer]:
    """Requests at Poisson times, whether or not earlier ones have been answered."""
    chance = random.Random(seed)
    idle: list[Connection] = []
    answers: list[Answer] = []

    async def one(index: int) -> None:
        connection = idle.pop() if idle else Connection(url)
        answers.append(await act(connection, index))
        idle.append(connection)

    began, at, index, tasks = time.perf_counter(), 0.0, 0, set()
    while at < seconds:
        at += chance.expovariate(per_second)
        await asyncio.sleep(max(0.0, began + at - time.perf_counter()))
        tasks.add(asyncio.create_task(one(index)))
        index += 1
    await asyncio.gather(*tasks)
    for connection in idle:
        connection.close()
    return answers
