"""The platform that is measured, and accounts on it."""

import asyncio
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from containers.bench.load import Connection
from containers.process import PlatformProcess
from containers.settings import TierName

DEV = "/api/v1/dev"
PASSWORD = "a quiet harbour at dawn"

QUIET = {"LOGIN_RETRY_SECONDS": "0", "MAIL_PER_ADDRESS": "1000"}


@contextmanager
def running(settings: Mapping[str, str] = QUIET, *, tier: TierName = "embedded") -> Iterator[PlatformProcess]:
    """A fresh platform in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="quartet-bench-") as folder:
        platform = PlatformProcess(Path(folder), tier, settings)
        try:
            platform.start()
            yield platform
        finally:
            platform.discard()


async def sign_up(platform: PlatformProcess, addresses: list[str]) -> dict[str, str]:
    """Signs these addresses up, eight at a time; returns the path and query of each one's activation link."""
    urls = platform.tier.urls
    waiting = list(addresses)
    links: dict[str, str] = {}

    async def work() -> None:
        signup, inbox = Connection(urls["signup"]), Connection(urls["inbox"])
        while waiting:
            address = waiting.pop()
            answer = await signup.ask("POST", f"{DEV}/signup", {"email": address, "password": PASSWORD})
            assert answer.status == 202, answer.body
            links[address] = await _link_to(inbox, address)
        signup.close()
        inbox.close()

    await asyncio.gather(*(work() for _ in range(8)))
    return links


async def activate(platform: PlatformProcess, links: Mapping[str, str]) -> None:
    """Follows the links, and returns once every account has reached login."""
    connection = Connection(platform.tier.urls["activation"])
    for link in links.values():
        answer = await connection.ask("GET", link)
        assert answer.status == 200, answer.body
    connection.close()
    async with asyncio.timeout(30):
        while len(platform.tier.rows("login_db", "users", User_status="ACTIVE")) < len(links):
            await asyncio.sleep(0.02)


async def _link_to(inbox: Connection, address: str) -> str:
    async with asyncio.timeout(30):
        while True:
            found = (await inbox.ask("GET", f"/api/v1/search?query=to:{address}")).json()["messages"]
            if found:
                break
            await asyncio.sleep(0.005)
    text: str = (await inbox.ask("GET", f"/api/v1/message/{found[0]['ID']}")).json()["Text"]
    (link,) = (line.strip() for line in text.splitlines() if line.startswith("http"))
    parts = urlsplit(link)
    return f"{parts.path}?{parts.query}"
