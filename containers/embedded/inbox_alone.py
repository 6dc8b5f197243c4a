"""The development inbox as a process of its own: `python -m containers.embedded.inbox_alone`.

This is what the inbox's container runs: HTTP on 8025 and SMTP on 1025, the mails in /var/lib/quartet.
"""

import asyncio
from pathlib import Path

from apps.web.logs import configure_logging
from apps.web.server import SIGNALS, Server, bind
from containers.embedded.inbox import Inbox

HTTP_PORT, SMTP_PORT = 8025, 1025
EVERYWHERE = "0.0.0.0"  # noqa: S104 - in its container
MAILS = Path("/var/lib/quartet/inbox.sqlite")


async def serve(mails: Path, *, http_port: int, smtp_port: int, host: str) -> None:
    """Takes and shows mails until SIGTERM or SIGINT."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, stop.set)
    inbox = Inbox(mails)
    try:
        await inbox.start(bind(smtp_port, host))
        async with Server([(inbox.app, bind(http_port, host))]):
            await stop.wait()
    finally:
        await inbox.stop()


if __name__ == "__main__":
    configure_logging("inbox")
    asyncio.run(serve(MAILS, http_port=HTTP_PORT, smtp_port=SMTP_PORT, host=EVERYWHERE))
